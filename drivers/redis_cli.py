#!/usr/bin/env python3
"""Driver of redis-cli 7, one process for each client, which reads its commands from a pipe
(docs/client-drivers.md). redis-cli connects again by itself before a command. A subscriber reads no
commands any more: each channel has a process of its own."""

import json
import os
import shutil
import subprocess
import sys
import threading

PROGRAM = os.environ.get("RESPROBE_REDIS_CLI") or shutil.which("redis-cli") or "redis-cli"


def say(**what):
    sys.stdout.write(json.dumps(what) + "\n")  # in one piece: threads say something, too
    sys.stdout.flush()


class Cli:
    def __init__(self, *words):
        self.process = subprocess.Popen(
            [PROGRAM, "-h", opened["host"], "-p", str(opened["port"]), "--json", *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
        self.bytes, self.listener = b"", None

    def line(self):
        """A line of JSON; the errors of redis-cli are other lines, after an empty one. None at the end."""
        line = b""
        while not line:
            while b"\n" not in self.bytes:
                got = self.process.stdout.read(65536)
                if not got:
                    return None
                self.bytes += got
            line, self.bytes = self.bytes.split(b"\n", 1)
        return line.decode("latin-1")

    def listen(self, number):
        while text := self.line():
            if text.startswith('["message",'):
                say(id=number, message=json.loads(text)[2])

    def end(self):
        self.process.kill()
        self.process.wait()
        if self.listener:
            self.listener.join()


def tell(number, text):
    if text is None:
        return say(id=number, error="redis-cli has ended", kind="closed")
    if text.startswith("error:"):
        return say(id=number, error=json.loads(text[6:]), kind="server")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        kind = "protocol" if "rotocol error" in text else "closed"
        return say(id=number, error=text, kind=kind)
    say(id=number, reply=value)


version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True).stdout.split()
say(driver=1, client="redis-cli " + version[1], can=["subscribe"])
child, opened, subscribers = None, None, []
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] in ("open", "close"):
        for each in subscribers + ([child] if child else []):
            each.end()
        child, subscribers = None, []
    if request["do"] == "open":
        opened = request
    elif request["do"] == "subscribe":
        subscriber = Cli(*request["words"])
        # It prints what arrives, pushes too: which of it is the reply is for its reader to tell.
        while (text := subscriber.line()) and text.startswith(("Reading messages", '["invalidate"')):
            pass
        tell(request["id"], text)
        subscriber.listener = threading.Thread(target=subscriber.listen, args=[request["id"]])
        subscriber.listener.start()
        subscribers.append(subscriber)
    elif request["do"] == "command":
        child = child or Cli()
        try:
            child.process.stdin.write((" ".join(request["words"]) + "\n").encode())
            text = child.line()
        except BrokenPipeError:
            text = None
        tell(request["id"], text)
        # An error of the connection is printed more than once: start again.
        if text is None or text[:1] not in '"[0123456789-ne':
            child.end()
            child = None
    say(ready=True)
