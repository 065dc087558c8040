#!/usr/bin/env python3
"""Driver of redis-py's redis.asyncio, with commands that are cancelled (docs/client-drivers.md)."""

import asyncio
import json
import sys

import redis
import redis.asyncio

from redis_py_lines import plain, say, tell


async def run(client, number, words):
    try:
        tell(number, await client.execute_command(*words))
    except BaseException as error:
        tell(number, error)


async def pipeline(client, commands):
    pipe = client.pipeline(transaction=False)
    pipe.response_callbacks = {}
    for command in commands:
        pipe.execute_command(*command["words"])
    try:
        values = await pipe.execute(raise_on_error=False)
    except BaseException as error:
        values = [error] * len(commands)
    for command, value in zip(commands, values):
        tell(command["id"], value)


async def take(pubsub, ids, block):
    value = plain(await pubsub.parse_response(block=block, timeout=0))
    if value and value[0] == "message":
        say(id=ids[value[1]], message=value[2])
    return value


async def subscribe(pubsub, ids, number, channel):
    ids[channel] = number
    try:
        await pubsub.subscribe(channel)
        while (value := await take(pubsub, ids, True))[:2] != ["subscribe", channel]:
            pass
        tell(number, value)
    except Exception as error:
        tell(number, error)


async def look(pubsub, ids):
    try:
        await asyncio.sleep(0), await asyncio.sleep(0)  # the loop reads what is there
        while ids and await take(pubsub, ids, False): pass
    except Exception:
        await pubsub.reset()  # a program would subscribe again


async def main():
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=1 << 24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    say(driver=1, client="redis-py asyncio " + redis.__version__,
        can=["async", "cancel", "pipeline", "subscribe", "timeout"])
    client, tasks = None, {}
    while line := await lines.readline():
        request = json.loads(line)
        if request["do"] == "open":
            client = redis.asyncio.Redis(host=request["host"], port=request["port"],
                                         socket_timeout=request["timeout_ms"] / 1000 or None)
            client.response_callbacks.clear()
            pubsub, ids = client.pubsub(), {}
        elif request["do"] == "subscribe":
            await subscribe(pubsub, ids, request["id"], request["words"][1])
        elif request["do"] == "tick":
            await look(pubsub, ids)
        elif request["do"] == "command":
            task = asyncio.create_task(run(client, request["id"], request["words"]))
            tasks[request["id"]] = task
            await (task if request["wait"] else asyncio.sleep(0))
        elif request["do"] == "pipeline":
            await pipeline(client, request["commands"])
        elif request["do"] == "cancel":
            task = tasks[request["id"]]
            task.cancel()
            await asyncio.wait([task])
        elif request["do"] in ("wait", "close"):
            if request["do"] == "close":
                await pubsub.close()
                await client.close()
                await client.connection_pool.disconnect()
            if tasks:
                await asyncio.wait(tasks.values())
            tasks = {}
        say(ready=True)


asyncio.run(main())
