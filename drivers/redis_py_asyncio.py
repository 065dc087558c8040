#!/usr/bin/env python3
"""Driver of redis-py's redis.asyncio, with commands that are cancelled (docs/client-drivers.md)."""

import asyncio
import json
import sys

import redis
import redis.asyncio


def say(**what):
    print(json.dumps(what), flush=True)


def plain(value):
    if isinstance(value, redis.ResponseError):
        return {"error": str(value)}
    if isinstance(value, list):
        return [plain(element) for element in value]
    return value.decode("latin-1") if isinstance(value, bytes) else value


def kind_of(error):
    if isinstance(error, redis.InvalidResponse) or "Protocol Error" in str(error):
        return "protocol"
    for kind, types in (("server", redis.ResponseError), ("timeout", redis.TimeoutError),
                        ("closed", redis.ConnectionError), ("cancelled", asyncio.CancelledError)):
        if isinstance(error, types):
            return kind
    return "other"


def tell(number, value):
    if isinstance(value, BaseException):
        say(id=number, error=str(value), kind=kind_of(value))
    else:
        say(id=number, reply=plain(value))


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


async def main():
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=1 << 24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    say(driver=1, client="redis-py asyncio " + redis.__version__,
        can=["async", "cancel", "pipeline", "timeout"])
    client, tasks = None, {}
    while line := await lines.readline():
        request = json.loads(line)
        if request["do"] == "open":
            client = redis.asyncio.Redis(host=request["host"], port=request["port"],
                                         socket_timeout=request["timeout_ms"] / 1000 or None)
            client.response_callbacks.clear()
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
                await client.close()
                await client.connection_pool.disconnect()
            if tasks:
                await asyncio.wait(tasks.values())
            tasks = {}
        say(ready=True)


asyncio.run(main())
