#!/usr/bin/env python3
"""Driver of redis-cli 7, one process for each client, which reads its commands from a pipe
(docs/client-drivers.md). redis-cli connects again by itself before a command."""

import json
import os
import select
import shutil
import subprocess
import sys

PROGRAM = os.environ.get("RESPROBE_REDIS_CLI") or shutil.which("redis-cli") or "redis-cli"


def say(**what):
    print(json.dumps(what), flush=True)


def start(request):
    return subprocess.Popen(
        [PROGRAM, "-h", request["host"], "-p", str(request["port"]), "--json"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)


def answer(child):
    """A line of JSON; the errors of redis-cli are other lines."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(child.stdout.fileno(), 1)
        if not byte:
            return None
        line += byte
    return line.decode("latin-1").rstrip("\n")


def tell(number, text):
    if text is None:
        return say(id=number, error="redis-cli has ended", kind="closed")
    if text.startswith('error:'):
        return say(id=number, error=json.loads(text[6:]), kind="server")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        kind = "protocol" if "rotocol error" in text else "closed"
        return say(id=number, error=text, kind=kind)
    say(id=number, reply=value)


version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True).stdout.split()
say(driver=1, client="redis-cli " + version[1], can=[])
child, opened = None, None
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] in ("open", "close") and child:
        child.kill()
        child.wait()
        child = None
    if request["do"] == "open":
        opened = request
    elif request["do"] == "command":
        if child is None or child.poll() is not None:
            child = start(opened)
        try:
            child.stdin.write((" ".join(request["words"]) + "\n").encode())
            text = answer(child)
            tell(request["id"], text)
            # An error of the connection is printed more than once: start again.
            if text is None or text[:1] not in '"[0123456789-ne':
                child.kill()
                child.wait()
        except BrokenPipeError:
            tell(request["id"], None)
    say(ready=True)
