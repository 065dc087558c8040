#!/usr/bin/env python3
"""A small RESP2 server with DUMP and RESTORE, and with faults: toy_restore_server.py SOCKET [FAULT]

It has strings and lists, in the RDB types 0 and 1, and prints reports of its end as redis does. A
FAULT is one of those in FAULTS; it shows with values that a sound server refuses, or with lists.
"""

import os
import socket
import struct
import sys
import threading
import time

FAULTS = {
    "crash": "a value that ends early ends the server, by a signal",
    "assertion": "the same by an assertion, if sanitize-dump-payload is off",
    "assertion-always": "the same by an assertion",
    "report": "a value that ends early makes it log a crash report, and go on",
    "hang": "a value that ends early is never answered",
    "memory": "a value that ends early takes 64 MB",
    "close": "a value that ends early closes the connection",
    "short": "LRANGE announces an element too many after a RESTORE",
    "twice": "LLEN is answered twice after a RESTORE",
    "shape": "LLEN is answered with a status after a RESTORE",
    "garbage": "LLEN is answered with something else than RESP after a RESTORE",
}
VERSION = 9


class Wrong(Exception):
    """An error reply."""


class EndsEarly(Exception):
    """A value that ends early."""


def remainder(crc):
    for _ in range(8):
        crc = crc >> 1 ^ (0x95AC9329AC4BC9B5 if crc & 1 else 0)
    return crc


REMAINDERS = [remainder(byte) for byte in range(256)]


def checksum(data):
    crc = 0
    for byte in data:
        crc = crc >> 8 ^ REMAINDERS[(crc ^ byte) & 0xFF]
    return crc


def bulk(data):
    return b"$%d\r\n%s\r\n" % (len(data), data)


def array(items):
    return b"*%d\r\n" % len(items) + b"".join(items)


class Value:
    """Reads a value of the type 0 or 1."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, size):
        if self.at + size > len(self.data):
            raise EndsEarly
        self.at += size
        return self.data[self.at - size : self.at]

    def length(self):
        first = self.take(1)[0]
        if first < 64:
            return first
        if first < 128:
            return (first & 63) << 8 | self.take(1)[0]
        if first == 128:
            return struct.unpack(">I", self.take(4))[0]
        raise Wrong("ERR Bad data format")

    def string(self):
        return self.take(self.length())

    def read(self):
        kind = self.take(1)[0]
        if kind == 0:
            return self.string()
        if kind != 1:
            raise Wrong("ERR Bad data format")
        count = self.length()
        items = [self.string() for _ in range(min(count, 1000))]
        if not items:
            raise Wrong("ERR Bad data format")
        return items


def length(size):
    return bytes([size]) if size < 64 else struct.pack(">H", size | 0x4000)


def written(value):
    if isinstance(value, bytes):
        return b"\0" + length(len(value)) + value
    return b"\1" + length(len(value)) + b"".join(length(len(item)) + item for item in value)


class Store:
    def __init__(self, fault):
        self.fault = fault
        self.lock = threading.Lock()
        self.keys = {}
        self.sanitize = b"no"
        self.restored = False
        self.commands = [name[3:] for name in dir(self) if name.startswith("do_")]

    def run(self, words):
        name = words[0].decode("latin-1").lower()
        with self.lock:
            try:
                if name not in self.commands:
                    raise Wrong("ERR unknown command")
                return getattr(self, "do_" + name)(*words[1:])
            except TypeError:
                return b"-ERR wrong number of arguments\r\n"
            except Wrong as wrong:
                return b"-%s\r\n" % str(wrong).encode()

    def list_at(self, key):
        value = self.keys.get(key, [])
        if isinstance(value, bytes):
            raise Wrong("WRONGTYPE another type")
        return value

    def do_hello(self, *_):
        return array([bulk(b"server"), bulk(b"toy"), bulk(b"version"), bulk(b"1.0")])

    def do_command(self, *_):
        return array([array([bulk(name.encode())]) for name in self.commands])

    def do_config(self, what, name, *value):
        if what.lower() == b"set" and name == b"sanitize-dump-payload" and value:
            self.sanitize = value[0]
            return b"+OK\r\n"
        raise Wrong("ERR unknown setting")

    def do_ping(self):
        return b"+PONG\r\n"

    def do_echo(self, text):
        return bulk(text)

    def do_flushall(self):
        self.keys.clear()
        self.restored = False
        return b"+OK\r\n"

    def do_del(self, *keys):
        return b":%d\r\n" % sum(self.keys.pop(key, None) is not None for key in keys)

    def do_set(self, key, value):
        self.keys[key] = value
        return b"+OK\r\n"

    def do_get(self, key):
        value = self.keys.get(key)
        if isinstance(value, list):
            raise Wrong("WRONGTYPE another type")
        return b"$-1\r\n" if value is None else bulk(value)

    def do_rpush(self, key, item, *items):
        value = self.list_at(key)
        self.keys[key] = value + [item, *items]
        return b":%d\r\n" % len(self.keys[key])

    def do_lrange(self, key, _start, _stop):
        value = self.list_at(key)
        reply = array([bulk(item) for item in value])
        if self.fault == "short" and self.restored and value:
            reply = b"*%d" % (len(value) + 1) + reply[reply.index(b"\r") :]
        return reply

    def do_llen(self, key):
        reply = b":%d\r\n" % len(self.list_at(key))
        if not self.restored:
            return reply
        return {"twice": reply * 2, "shape": b"+many\r\n", "garbage": b"many\r\n"}.get(
            self.fault, reply
        )

    def do_dump(self, key):
        if key not in self.keys:
            return b"$-1\r\n"
        data = written(self.keys[key]) + struct.pack("<H", VERSION)
        return bulk(data + struct.pack("<Q", checksum(data)))

    def do_restore(self, key, _ttl, payload, *_):
        if len(payload) < 10 or struct.unpack("<H", payload[-10:-8])[0] > VERSION:
            raise Wrong("ERR DUMP payload version or checksum are wrong")
        if struct.unpack("<Q", payload[-8:])[0] != checksum(payload[:-8]):
            raise Wrong("ERR DUMP payload version or checksum are wrong")
        try:
            self.keys[key] = Value(payload[:-10]).read()
        except EndsEarly:
            self.fail()
            raise Wrong("ERR Bad data format") from None
        self.restored = True
        return b"+OK\r\n"

    def fail(self):
        if self.fault in ("crash", "report"):
            report("crashed by signal: 11, si_code: 1")
        if self.fault == "crash":
            os.kill(os.getpid(), 11)
            time.sleep(3600)  # no reply before the end
        if self.fault == "assertion-always" or (
            self.fault == "assertion" and self.sanitize == b"no"
        ):
            report("=== ASSERTION FAILED ===\n==> toy.c:12 'whole' is not true")
            os.abort()
        if self.fault == "hang":
            time.sleep(3600)
        if self.fault == "memory":
            self.keys[b"memory"] = b"x" * (64 << 20)
        if self.fault == "close":
            raise EndsEarly


def report(what):
    print(
        "=== REDIS BUG REPORT START: Cut & paste starting from here ===\n"
        f"{what}\n------ STACK TRACE ------\ntoy(readValue+0x1)[0x1]\n"
        "------ INFO OUTPUT ------\n------ CURRENT CLIENT INFO ------\nid=1 cmd=restore\n",
        flush=True,
    )


def serve(connection, store):
    stream = connection.makefile("rb")
    try:
        while line := stream.readline():
            if line[:1] != b"*":
                words = line.split()
            else:
                words = []
                for _ in range(int(line[1:])):
                    size = int(stream.readline()[1:])
                    words.append(stream.read(size + 2)[:-2])
            if words:
                connection.sendall(store.run(words))
    except (EndsEarly, OSError):
        pass
    # The stream holds the connection too.
    connection.shutdown(socket.SHUT_RDWR)


def main():
    fault = sys.argv[2] if len(sys.argv) > 2 else ""
    if fault and fault not in FAULTS:
        sys.exit(f"faults: {', '.join(FAULTS)}")
    store = Store(fault)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(sys.argv[1])
        listener.listen()
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection, store), daemon=True).start()


main()
