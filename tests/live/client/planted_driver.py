"""A driver with a small client of its own, for tests (docs/client-drivers.md). Its argument is the
fault that the client has:

  none            none
  stale           after a timeout it goes on with the connection, where the reply still comes
  resend          it sends a write again after an end
  stubborn        it sends a read again after an end, although its retries are turned off
  forget          it does not report what fails
  twice           it reports a reply twice
  liar            it reports a timeout that was not set, instead of an end
  deaf            after an end it waits for ever
  reuse           after a protocol error it goes on with the connection
  mangle          it sends a space where a value has its first colon
  crash           it ends at a protocol error
  give_up         after an end it never connects again
  crosstalk       a message is reported for the first subscription
  again           a message is reported twice
  lost            messages are not reported
  skips           a message is not reported if another has come after it
  backwards       the results of a pipeline are reported in reverse
  after_end       after it was closed, a message is reported
  storm           after an end it connects again, and closes that, for ever
  cut             a line that does not come in one piece is a protocol error
  made_up         a push is reported that nobody has sent
  silent          it does not say that it is disconnected
"""

import json
import select
import socket
import sys
import time

FAULT = sys.argv[1] if len(sys.argv) > 1 else "none"


class Protocol(Exception):
    pass


class Client:
    def __init__(self, request):
        self.address = (request["host"], request["port"])
        self.timeout = request["timeout_ms"] / 1000 or None
        self.retries = 1 if request["retry"] or FAULT == "stubborn" else 0
        self.socket, self.bytes, self.over = None, b"", False

    def close(self):
        if self.socket:
            self.socket.close()
            self.tell("disconnected")
        self.socket, self.bytes = None, b""

    def tell(self, state):
        if self is client and (FAULT != "silent" or state == "connected"):
            say(state=state)

    def more(self):
        got = self.socket.recv(4096)
        if not got:
            raise ConnectionError("the server has closed the connection")
        self.bytes += got

    def line(self):
        while b"\r\n" not in self.bytes:
            if FAULT == "cut" and self.bytes:
                raise Protocol("a line is cut")
            self.more()
        line, self.bytes = self.bytes.split(b"\r\n", 1)
        return line

    def value(self, depth=0):
        line = self.line()
        kind, rest = line[:1], line[1:]
        if kind not in b"+-:$*" or not kind or depth > 50:
            raise Protocol("unexpected " + repr(line[:20]))
        if kind in b"+-":
            return rest.decode("latin-1") if kind == b"+" else {"error": rest.decode("latin-1")}
        try:
            number = int(rest)
        except ValueError:
            raise Protocol("not a number") from None
        if kind == b":" or number == -1:
            return number if kind == b":" else None
        if number < 0 or number > 1 << 20:
            raise Protocol("not a length")
        if kind == b"*":
            return [self.value(depth + 1) for _ in range(number)]
        while len(self.bytes) < number + 2:
            self.more()
        text, end = self.bytes[:number], self.bytes[number:number + 2]
        self.bytes = self.bytes[number + 2:]
        if end != b"\r\n":
            raise Protocol("a value does not end")
        return text.decode("latin-1")

    def once(self, words):
        if self.socket is None:
            if self.over:
                raise ConnectionError("given up")
            self.socket = socket.create_connection(self.address)
            self.socket.settimeout(self.timeout)
            self.tell("connected")
        if FAULT == "mangle":
            words = [word.replace(":", " ", 1) for word in words]
        text = "".join("$%d\r\n%s\r\n" % (len(word), word) for word in words)
        self.socket.sendall(("*%d\r\n%s" % (len(words), text)).encode())
        return self.value()

    def command(self, words):
        writes = words[0] in ("SET", "RPUSH")
        tries = 1 + (self.retries if FAULT == "resend" or not writes else 0)
        for left in reversed(range(tries)):
            try:
                return self.once(words)
            except Protocol:
                if FAULT == "crash":
                    sys.exit("a protocol error")
                if FAULT != "reuse":
                    self.close()
                raise
            except socket.timeout:
                if FAULT != "stale":
                    self.close()
                raise
            except OSError:
                self.close()
                if FAULT == "deaf":
                    time.sleep(3600)
                while FAULT == "storm":
                    socket.create_connection(self.address).close()
                self.over = FAULT == "give_up"
                if not left:
                    raise


def say(**what):
    print(json.dumps(what), flush=True)


def run(client, number, words):
    try:
        value = client.command(words)
    except Exception as error:
        kind = ("protocol" if isinstance(error, Protocol) else
                "timeout" if isinstance(error, socket.timeout) or FAULT == "liar" else "closed")
        if FAULT != "forget":
            say(id=number, error=str(error), kind=kind)
        return
    if isinstance(value, dict):
        say(id=number, error=value["error"], kind="server")
        return
    for _ in range(2 if FAULT == "twice" else 1):
        say(id=number, reply=value)


def message(value):
    if not value or value[0] != "message" or FAULT == "lost":
        return
    if FAULT == "skips" and subscriber.bytes:
        return
    first = next(iter(channels.values()))
    for _ in range(2 if FAULT == "again" else 1):
        say(id=first if FAULT == "crosstalk" else channels[value[1]], message=value[2])


def subscribe(number, words):
    channels[words[1]] = number
    try:
        value = subscriber.once(words)
        while value[:2] != ["subscribe", words[1]]:
            message(value)
            value = subscriber.value()
        say(id=number, reply=value)
    except Exception as error:
        subscriber.close()
        kind = "protocol" if isinstance(error, (Protocol, TypeError)) else "closed"
        say(id=number, error=str(error), kind="timeout" if isinstance(error, socket.timeout) else kind)


def tick():
    try:
        while subscriber.socket and (subscriber.bytes or
                                     select.select([subscriber.socket], [], [], 0)[0]):
            message(subscriber.value())
    except Exception:
        subscriber.close()
    if FAULT == "made_up":
        say(push=["invalidate", ["z"]])


say(driver=1, client="planted " + FAULT, can=["timeout", "retry", "pipeline", "subscribe"])
client, channels = None, {}
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "open":
        if FAULT == "after_end" and channels:
            say(id=next(iter(channels.values())), message="m0")
        client, subscriber, channels = Client(request), Client(request), {}
    elif request["do"] == "subscribe":
        subscribe(request["id"], request["words"])
    elif request["do"] == "tick":
        tick()
    elif request["do"] == "command":
        run(client, request["id"], request["words"])
    elif request["do"] == "pipeline":
        for command in sorted(request["commands"], key=lambda command: command["id"],
                              reverse=FAULT == "backwards"):
            run(client, command["id"], command["words"])
    elif request["do"] == "close":
        client.close()
        subscriber.close()
    say(ready=True)
