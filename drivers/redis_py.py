#!/usr/bin/env python3
"""Driver of redis-py (docs/client-drivers.md), which sends nothing again by default."""

import json
import sys

import redis

from redis_py_lines import plain, say, tell


def make(request):
    seconds = request["timeout_ms"] / 1000 or None
    client = redis.Redis(request["host"], request["port"], socket_timeout=seconds)
    client.response_callbacks.clear()  # replies as they come
    return client


def take(pubsub, ids, block):
    value = plain(pubsub.parse_response(block=block))
    if value and value[0] == "message":
        say(id=ids[value[1]], message=value[2])
    return value


say(driver=1, client="redis-py " + redis.__version__, can=["pipeline", "subscribe", "timeout"])
client = None
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "open":
        client = make(request)
        pubsub, ids = client.pubsub(), {}
    elif request["do"] == "subscribe":
        channel = request["words"][1]
        ids[channel] = request["id"]
        try:
            pubsub.subscribe(channel)
            while (value := take(pubsub, ids, True))[:2] != ["subscribe", channel]:
                pass
            tell(request["id"], value)
        except Exception as error:
            tell(request["id"], error)
    elif request["do"] == "tick":
        try:
            while ids and take(pubsub, ids, False):
                pass
        except Exception:
            pubsub.reset()  # a program would subscribe again
    elif request["do"] == "command":
        try:
            tell(request["id"], client.execute_command(*request["words"]))
        except Exception as error:
            tell(request["id"], error)
    elif request["do"] == "pipeline":
        numbers = [command["id"] for command in request["commands"]]
        pipeline = client.pipeline(transaction=False)
        pipeline.response_callbacks = {}
        for command in request["commands"]:
            pipeline.execute_command(*command["words"])
        try:
            values = pipeline.execute(raise_on_error=False)
        except Exception as error:
            values = [error] * len(numbers)
        for number, value in zip(numbers, values):
            tell(number, value)
    elif request["do"] == "close":
        pubsub.close()
        client.close()
        client.connection_pool.disconnect()
    say(ready=True)
