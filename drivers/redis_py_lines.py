"""The lines of the two drivers of redis-py (docs/client-drivers.md)."""

import asyncio
import json

import redis


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
