#!/usr/bin/env python3
"""A small RESP2 server that leaks on purpose, and says in INFO how much it has.

usage: leaky_server.py RACY_SERVER PORT [LEAK]

RACY_SERVER is the path of racy_server.py, whose commands it has. Without a LEAK it is sound. With one:
"""

import importlib.util
import os
import sys

LEAKS = {
    "memory": "each HGET keeps 200 bytes",
    "descriptors": "each connection leaves a descriptor",
    "threads": "every tenth connection leaves a thread",
    "files": "every tenth connection leaves a file",
    "wrong": "every 50th GET gives what another key has",
}


def load(path):
    spec = importlib.util.spec_from_file_location("racy_server", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


racy = load(sys.argv[1])


class Store(racy.Store):
    def __init__(self, leak):
        super().__init__("")
        self.leak = leak
        self.kept = []
        self.gets = 0
        self.connections = 0

    def do_info(self, *_):
        used = 500_000 + sum(len(k) + size(v) for k, v in self.keys.items())
        used += sum(map(len, self.kept))
        return b"# Memory\r\nused_memory:%d\r\n" % used

    def do_dbsize(self):
        return len(self.keys)

    def do_get(self, key):
        self.gets += 1
        if self.leak == "wrong" and self.gets % 50 == 0:
            return b"key:999;"
        return super().do_get(key)

    def do_hset(self, key, field, value):
        fields = self.keys.setdefault(key, {})
        is_new = field not in fields
        fields[field] = value
        return int(is_new)

    def do_hget(self, key, field):
        if self.leak == "memory":
            self.kept.append(b"x" * 200)
        return self.keys.get(key, {}).get(field)

    def do_sadd(self, key, member):
        members = self.keys.setdefault(key, set())
        is_new = member not in members
        members.add(member)
        return int(is_new)

    def do_srem(self, key, member):
        members = self.keys.get(key, set())
        was = member in members
        members.discard(member)
        return int(was)

    def do_zadd(self, key, score, member):
        return self.do_hset(key, member, score)

    def connected(self):
        with self.lock:
            self.connections += 1
            tenth = self.connections % 10 == 0
        if self.leak == "descriptors":
            os.open("/dev/null", os.O_RDONLY)
        if self.leak == "threads" and tenth:
            racy.threading.Thread(target=racy.threading.Event().wait, daemon=True).start()
        if self.leak == "files" and tenth:
            open("temp-%d.rdb" % self.connections, "w").close()


def size(value):
    return sum(map(len, value)) if isinstance(value, (list, set, dict)) else len(value)


class Connection(racy.Connection):
    def handle(self):
        self.server.store.connected()
        super().handle()


def main():
    leak = sys.argv[3] if len(sys.argv) > 3 else ""
    if leak and leak not in LEAKS:
        sys.exit("leaky_server.py: there is no leak '%s': use one of %s" % (leak, ", ".join(LEAKS)))
    with racy.Server(("127.0.0.1", int(sys.argv[2])), Connection) as server:
        server.store = Store(leak)
        server.serve_forever()


if __name__ == "__main__":
    main()
