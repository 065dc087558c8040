#!/usr/bin/env python3
"""A small RESP2 server with a thread for each connection, and with races on purpose.

usage: racy_server.py PORT [RACE]

Without a RACE each request, and each transaction, runs under one lock. With one:
"""

import os
import socketserver
import sys
import threading

RACES = {
    "incr": "INCR, INCRBY and DECR read and write in two steps",
    "push": "LPUSH and RPUSH copy the list, change the copy and store it, in three steps",
    "stale": "GET reads a copy that a write reaches some requests later",
    "dirty": "a transaction changes keys at once, and DISCARD puts them back",
    "torn": "EXEC lets others run between its commands",
    "lost": "every 20th SET of a key that is there is answered and forgotten",
    "ends": "the process ends at the 20th SET of a key that is there",
    "mute": "from the 20th SET of a key that is there on, nothing is answered",
}


class Wrong(Exception):
    """An error reply."""


class Simple(str):
    """A simple string."""


OK = Simple("OK")
LAG = 6  # requests, of the race "stale"


def yield_now():
    os.sched_yield()


class Store:
    def __init__(self, race):
        self.race = race
        self.lock = threading.RLock()
        self.keys = {}
        self.old = []  # [requests until then, key, value before], of the race "stale"
        self.sets = 0
        self.commands = {n[3:]: getattr(self, n) for n in dir(self) if n.startswith("do_")}

    def run(self, words, alone=True):
        name = words[0].decode("latin-1").lower()
        command = self.commands.get(name)
        if command is None:
            raise Wrong("ERR unknown command")
        if alone and self.race == "incr" and name in ("incr", "incrby", "decr"):
            return self.unlocked(name, *words[1:])
        if alone and self.race == "push" and name in ("lpush", "rpush"):
            return self.unlocked_push(name, *words[1:])
        with self.lock:
            self.old = [[left - 1, key, value] for left, key, value in self.old if left > 1]
            try:
                return command(*words[1:])
            except TypeError:
                raise Wrong("ERR wrong number of arguments for '%s' command" % name) from None

    def unlocked(self, name, key, by=b"1"):
        with self.lock:
            value = self.number(key) + (-1 if name == "decr" else int(by))
        yield_now()
        with self.lock:
            self.keys[key] = b"%d" % value
        return value

    def unlocked_push(self, name, key, *values):
        with self.lock:
            items = list(self.items(key))
        yield_now()
        for value in values:
            items.insert(0 if name == "lpush" else len(items), value)
        with self.lock:
            self.keys[key] = items
        return len(items)

    def of(self, key, kind):
        value = self.keys.get(key)
        if value is not None and not isinstance(value, kind):
            raise Wrong("WRONGTYPE Operation against a key holding the wrong kind of value")
        return value

    def items(self, key):
        return self.of(key, list) or []

    def number(self, key):
        try:
            return int(self.of(key, bytes) or b"0")
        except ValueError:
            raise Wrong("ERR value is not an integer or out of range") from None

    def do_ping(self, *words):
        return words[0] if words else Simple("PONG")

    def do_echo(self, word):
        return word

    def do_flushall(self, *_):
        self.keys.clear()
        self.old.clear()
        return OK

    def do_get(self, key):
        if self.race == "stale":
            for _, name, value in self.old:
                if name == key:
                    return value
        return self.of(key, bytes)

    def do_set(self, key, value):
        if key in self.keys:
            self.sets += 1
            if self.race == "lost" and self.sets % 20 == 0:
                return OK
            if self.race == "ends" and self.sets == 20:
                os._exit(3)
            if self.race == "mute" and self.sets == 20:
                threading.Event().wait()
        if self.race == "stale":
            before = self.keys.get(key)
            self.old.append([LAG, key, before if isinstance(before, bytes) else None])
        self.keys[key] = value
        return OK

    def do_incr(self, key):
        return self.do_incrby(key, b"1")

    def do_decr(self, key):
        return self.do_incrby(key, b"-1")

    def do_incrby(self, key, by):
        value = self.number(key) + int(by)
        self.keys[key] = b"%d" % value
        return value

    def do_strlen(self, key):
        return len(self.of(key, bytes) or b"")

    def do_del(self, *keys):
        return sum(self.keys.pop(key, None) is not None for key in keys)

    def do_exists(self, *keys):
        return sum(key in self.keys for key in keys)

    def push(self, key, values, front):
        items = list(self.items(key))
        for value in values:
            items.insert(0 if front else len(items), value)
        self.keys[key] = items
        return len(items)

    def do_lpush(self, key, *values):
        return self.push(key, values, True)

    def do_rpush(self, key, *values):
        return self.push(key, values, False)

    def pop(self, key, at):
        items = list(self.items(key))
        if not items:
            return None
        value = items.pop(at)
        self.keys[key] = items
        if not items:
            del self.keys[key]
        return value

    def do_lpop(self, key):
        return self.pop(key, 0)

    def do_rpop(self, key):
        return self.pop(key, -1)

    def do_llen(self, key):
        return len(self.items(key))

    def do_lrange(self, key, first, last):
        items = self.items(key)
        first, last = int(first), int(last)
        first = max(first + len(items), 0) if first < 0 else first
        last = last + len(items) if last < 0 else last
        return items[first : last + 1]


def encode(value):
    if isinstance(value, Simple):
        return b"+" + value.encode() + b"\r\n"
    if value is None:
        return b"$-1\r\n"
    if isinstance(value, int):
        return b":%d\r\n" % value
    if isinstance(value, bytes):
        return b"$%d\r\n%s\r\n" % (len(value), value)
    if isinstance(value, Wrong):
        return b"-" + str(value).encode() + b"\r\n"
    return b"*%d\r\n" % len(value) + b"".join(map(encode, value))


class Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        self.queued = None
        self.kept = None
        while True:
            line = self.rfile.readline()
            if not line.startswith(b"*"):
                return
            words = []
            for _ in range(int(line[1:])):
                size = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(size))
                self.rfile.read(2)
            try:
                reply = self.reply(words)
            except Wrong as error:
                reply = error
            self.wfile.write(encode(reply))

    def one(self, store, words):
        try:
            return store.run(words, alone=False)
        except Wrong as error:
            return error

    def reply(self, words):
        store = self.server.store
        name = words[0].lower()
        if name == b"multi":
            self.queued = []
            return OK
        if self.queued is None:
            if name in (b"exec", b"discard"):
                raise Wrong("ERR %s without MULTI" % name.decode().upper())
            return store.run(words)
        if name == b"exec":
            queued, self.queued = self.queued, None
            if store.race == "dirty":
                done, self.kept = self.kept or [], None
                return [reply for _, _, reply in done]
            if store.race == "torn":
                replies = []
                for one in queued:
                    replies.append(self.one(store, one))
                    yield_now()
                return replies
            with store.lock:
                return [self.one(store, one) for one in queued]
        if name == b"discard":
            self.queued = None
            done, self.kept = self.kept or [], None
            with store.lock:
                for key, before, _ in reversed(done):
                    if before is None:
                        store.keys.pop(key, None)
                    else:
                        store.keys[key] = before
            return OK
        if name.decode("latin-1") not in store.commands:
            raise Wrong("ERR unknown command")
        self.queued.append(words)
        if store.race == "dirty":
            with store.lock:
                key = words[1] if len(words) > 1 else b""
                before = store.keys.get(key)
                self.kept = (self.kept or []) + [(key, before, self.one(store, words))]
            yield_now()
        return Simple("QUEUED")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


def main():
    race = sys.argv[2] if len(sys.argv) > 2 else ""
    if race and race not in RACES:
        sys.exit("racy_server.py: there is no race '%s': use one of %s" % (race, ", ".join(RACES)))
    sys.setswitchinterval(1e-5)
    with Server(("127.0.0.1", int(sys.argv[1])), Connection) as server:
        server.store = Store(race)
        server.serve_forever()


if __name__ == "__main__":
    main()
