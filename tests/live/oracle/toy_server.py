#!/usr/bin/env python3
"""A small RESP2 server with faults, for the oracle.

usage: toy_server.py PORT [FAULT ...] [-WITHOUT ...] [+MANNER ...] [=PIPE]

It has about thirty commands, no HELLO, INFO, COMMAND or RESET, its own error texts, and a thread
for each connection. FAULT is one of those in FAULTS; -NAME leaves a command out (-flushall, -del);
+NAME is one of MANNERS; =PIPE gets a line when +strlen-endless begins.
"""

import io
import os
import socketserver
import sys
import threading
import time

FAULTS = {
    "incr-off-by-one": "INCRBY adds one too many from 3 on",
    "append-length": "APPEND answers with the length before",
    "getrange-end": "GETRANGE leaves out the last byte if the end is negative",
    "set-nx": "SET NX overwrites",
    "set-keeps-ttl": "SET keeps the time to live",
    "lrange-reverse": "LRANGE with a negative start begins one too early",
    "rpop-first": "RPOP takes the first element of three or more",
    "hset-count": "HSET counts fields that were there",
    "sadd-empty": "SADD ignores an empty member",
    "bulk-length": "a value of three bytes has the length four",
    "rpop-keeps-empty": "RPOP leaves an empty list",
    "add-off-by-one": "INCR, DECR and INCRBY add one too many to 3 and more, up to 98",
    "append-twice": "APPEND appends twice to 2 bytes and more",
    "strlen-long": "STRLEN of 3 bytes and more is one too many",
    "ttl-late": "TTL is a minute too long",
    "null-array": "a null is a null array",
    "lrange-short": "LRANGE leaves out the last of three and more",
    "rpush-front": "RPUSH puts a second element in front of the first",
    "get-missing": "GET of a key that is not there gives an empty value",
    "pttl-missing": "PTTL of a key that is not there is -1",
    "get-once": "the 60th GET of a key that is there finds nothing",
}

MANNERS = {
    "closes": "it closes the connection after an error",
    "closes-instead": "it closes the connection instead of an error",
    "closes-wrongtype": "it closes the connection after an error of the type, no other",
    "closes-arity": "it closes the connection instead of an error of the number of arguments",
    "twice": "it replies twice to each request",
    "strlen-twice": "it replies twice to STRLEN of a key that is there",
    "strlen-silent": "it does not reply to STRLEN of a key that is not there",
    "strlen-endless": "its reply to STRLEN of a key that is there has no end",
    "strlen-replies": "it never stops to reply to STRLEN of a key that is there",
    "strlen-large": "its reply to STRLEN of a key that is there has 66 MB",
    "strlen-alone": "its reply to STRLEN of a key that is there has 20 MB; until it is taken nobody "
    "gets another",
    "slow": "it takes 5 ms for each request",
    "sluggish": "it takes 100 ms for each request",
    "gathers": "it takes 20 ms for each request, has one turn at a time for all clients, and sends "
    "all replies of a turn at its end",
    "slow-connection": "it takes 600 ms before it reads from a new connection",
    "get-twice": "it replies twice to GET",
    "errors-twice": "it sends each error twice",
    "pushes": "it sends a push to each new connection",
    "closes-always": "it closes the connection after each reply",
    "fake-flushall": "its FLUSHALL deletes nothing",
    "flushall-hashes": "its FLUSHALL leaves hashes",
    "flushall-times": "its FLUSHALL leaves the times to live",
    "fake-del": "its DEL deletes nothing",
    "fake-select": "it has a SELECT, which has no effect",
    "one-database": "it has a SELECT, which accepts the database 0 alone",
    "dies": "it ends at the first GET",
    "renames": "it has RENAME",
    "greets": "it has HELLO, of RESP2 alone",
    "floods": "it writes to its standard output without a pause",
}


LARGE = b""


class Wrong(Exception):
    """An error reply."""


WRONG_TYPE = "WRONGTYPE that key holds something else"
NO_NUMBER = "ERR that is no number"
SYNTAX = "ERR bad option"


def number(word):
    text = word.decode("latin-1")
    digits = text[1:] if text.startswith("-") else text
    if not digits.isascii() or not digits.isdigit() or len(digits) > 19:
        raise Wrong(NO_NUMBER)
    if (digits[0] == "0" and text != "0") or not -(2**63) <= int(text) < 2**63:
        raise Wrong(NO_NUMBER)
    return int(text)


class Simple(str):
    """A simple string."""


OK = Simple("OK")


class Store:
    def __init__(self, faults, without, manners):
        self.faults = faults
        self.manners = manners
        self.lock = threading.Lock()
        self.keys = {}
        self.ends = {}  # key -> when it expires, in milliseconds
        self.gets = 0
        self.commands = {
            name[3:]: getattr(self, name)
            for name in dir(self)
            if name.startswith("do_") and name[3:] not in without
            and (name != "do_rename" or "renames" in manners)
            and (name != "do_hello" or "greets" in manners)
            and (name != "do_select" or manners & {"fake-select", "one-database"})
        }

    def run(self, words):
        name = words[0].decode("latin-1").lower()
        with self.lock:
            command = self.commands.get(name)
            if command is None:
                raise Wrong("ERR what is '%s'?" % name)
            now = time.time() * 1000
            for key in [key for key, end in self.ends.items() if end <= now]:
                self.drop(key)
            try:
                return command(*words[1:])
            except TypeError as error:
                if "positional argument" in str(error):
                    raise Wrong("ERR '%s' has another number of arguments" % name) from None
                raise

    def has(self, fault):
        return fault in self.faults

    def drop(self, key):
        self.ends.pop(key, None)
        return self.keys.pop(key, None) is not None

    def get(self, key, kind, make=False):
        value = self.keys.get(key)
        if value is None and make:
            value = self.keys[key] = kind()
        if value is not None and not isinstance(value, kind):
            raise Wrong(WRONG_TYPE)
        return value

    # --- Connection and keys.

    def do_ping(self, message=None):
        return Simple("PONG") if message is None else message

    def do_echo(self, message):
        return message

    def do_del(self, key, *more):
        if "fake-del" in self.manners:
            return sum(one in self.keys for one in (key, *more))
        return sum(self.drop(one) for one in (key, *more))

    def do_exists(self, key, *more):
        return sum(one in self.keys for one in (key, *more))

    def do_type(self, key):
        names = {bytes: "string", list: "list", dict: "hash", set: "set"}
        return Simple(names[type(self.keys[key])] if key in self.keys else "none")

    def do_flushall(self):
        if "fake-flushall" in self.manners:
            return OK
        hashes = "flushall-hashes" in self.manners
        kept = {key: one for key, one in self.keys.items() if hashes and isinstance(one, dict)}
        self.keys = kept
        if "flushall-times" not in self.manners:
            self.ends = {key: end for key, end in self.ends.items() if key in kept}
        return OK

    def do_select(self, index):
        if not 0 <= number(index) < (1 if "one-database" in self.manners else 16):
            raise Wrong("ERR there is no such database")
        return OK

    def do_hello(self, version=b"2"):
        if version != b"2":
            raise Wrong("NOPROTO there is no such version")
        about = {"server": "toy", "version": "1", "proto": 2, "id": 1, "mode": "standalone"}
        about |= {"role": "master", "modules": []}
        return [one.encode() if isinstance(one, str) else one for pair in about.items() for one in pair]

    def do_dbsize(self):
        return len(self.keys)

    def do_pexpire(self, key, ms):
        ms = number(ms)
        if ms > 2**62:
            raise Wrong("ERR that is no time")
        if key not in self.keys:
            return 0
        if ms <= 0:
            self.drop(key)
        else:
            self.ends[key] = time.time() * 1000 + ms
        return 1

    def do_pttl(self, key):
        if key not in self.keys:
            return -1 if self.has("pttl-missing") else -2
        return int(self.ends[key] - time.time() * 1000) if key in self.ends else -1

    def do_ttl(self, key):
        ms = self.do_pttl(key)
        return ms if ms < 0 else (ms + 500) // 1000 + 60 * self.has("ttl-late")

    def do_persist(self, key):
        return int(self.ends.pop(key, None) is not None)

    # --- Strings.

    def do_get(self, key):
        value = self.get(key, bytes)
        self.gets += value is not None
        if value is None and self.has("get-missing"):
            return b""
        return None if self.has("get-once") and self.gets == 60 else value

    def do_set(self, key, value, *options):
        unit = amount = ms = None
        nx = xx = False
        words = iter(options)
        for word in words:
            option = word.upper()
            if option == b"NX":
                nx = True
            elif option == b"XX":
                xx = True
            elif option in (b"PX", b"EX") and unit in (None, option):
                unit, amount = option, next(words, None)  # of one given twice, the last counts
                if amount is None:
                    raise Wrong(SYNTAX)
            else:
                raise Wrong(SYNTAX)
        if nx and xx:
            raise Wrong(SYNTAX)
        if unit is not None:
            ms = number(amount) * (1000 if unit == b"EX" else 1)
            if ms <= 0 or ms > 2**62:
                raise Wrong("ERR that is no time")
        if (nx and key in self.keys and not self.has("set-nx")) or (xx and key not in self.keys):
            return None
        if not self.has("set-keeps-ttl"):
            self.ends.pop(key, None)
        self.keys[key] = value
        if ms is not None:
            self.ends[key] = time.time() * 1000 + ms
        return OK

    def do_setnx(self, key, value):
        if key in self.keys:
            return 0
        self.keys[key] = value
        return 1

    def do_getset(self, key, value):
        old = self.get(key, bytes)
        self.ends.pop(key, None)
        self.keys[key] = value
        return old

    def do_append(self, key, value):
        old = self.get(key, bytes) or b""
        new = old + value * (1 + (self.has("append-twice") and len(old) > 1))
        self.keys[key] = new
        return len(old) if self.has("append-length") else len(new)

    def do_strlen(self, key):
        size = len(self.get(key, bytes) or b"")
        return size + (self.has("strlen-long") and size > 2)

    def do_getrange(self, key, start, end):
        start, end = number(start), number(end)
        value = self.get(key, bytes) or b""
        if start < 0 and end < 0 and start > end:
            return b""
        negative = end < 0
        start = max(start + len(value), 0) if start < 0 else start
        end = max(end + len(value), 0) if end < 0 else end
        if self.has("getrange-end") and negative:
            end -= 1
        return value[start : min(end, len(value) - 1) + 1] if start <= end else b""

    def do_incr(self, key):
        return self.add(key, 1)

    def do_decr(self, key):
        return self.add(key, -1)

    def do_incrby(self, key, amount):
        amount = number(amount)
        return self.add(key, amount + int(self.has("incr-off-by-one") and amount >= 3))

    def add(self, key, amount):
        value = self.get(key, bytes)
        value = number(b"0" if value is None else value)
        value += amount + (self.has("add-off-by-one") and 2 < value < 99)
        if not -(2**63) <= value < 2**63:
            raise Wrong("ERR too large")
        self.keys[key] = b"%d" % value
        return value

    def do_mget(self, key, *more):
        values = (self.keys.get(one) for one in (key, *more))
        return [value if isinstance(value, bytes) else None for value in values]

    # --- Lists.

    def do_rpush(self, key, value, *more):
        found = self.get(key, list, make=True)
        if "rpush-front" in self.faults and len(found) == 1:
            found[:0] = (value, *more)
        else:
            found.extend((value, *more))
        return len(found)

    def do_rename(self, key, new):
        if key not in self.keys:
            raise Wrong("ERR there is no such key")
        value, end = self.keys.pop(key), self.ends.pop(key, None)
        self.drop(new)
        self.keys[new] = value
        if end is not None:
            self.ends[new] = end
        return OK

    def do_llen(self, key):
        return len(self.get(key, list) or [])

    def do_lrange(self, key, start, end):
        start, end = number(start), number(end)
        found = self.get(key, list) or []
        if start < 0 and self.has("lrange-reverse"):
            start -= 1
        start = max(start + len(found), 0) if start < 0 else start
        end = end + len(found) if end < 0 else end
        part = found[start : end + 1] if start <= end else []
        return part[:-1] if self.has("lrange-short") and len(part) > 2 else part

    def do_rpop(self, key):
        found = self.get(key, list)
        if found is None:
            return None
        value = found.pop(0 if self.has("rpop-first") and len(found) > 2 else -1)
        if not found and not self.has("rpop-keeps-empty"):
            self.drop(key)
        return value

    # --- Hashes and sets.

    def do_hset(self, key, field, value, *more):
        if len(more) % 2:
            raise Wrong("ERR 'hset' has another number of arguments")
        found = self.get(key, dict, make=True)
        words = (field, value, *more)
        added = 0
        for name, text in zip(words[::2], words[1::2]):
            added += int(name not in found or self.has("hset-count"))
            found[name] = text
        return added

    def do_hget(self, key, field):
        return (self.get(key, dict) or {}).get(field)

    def do_hgetall(self, key):
        return [word for pair in (self.get(key, dict) or {}).items() for word in pair]

    def do_sadd(self, key, member, *more):
        found = self.get(key, set)
        members = {one for one in (member, *more) if one or not self.has("sadd-empty")}
        if found is None and members:
            found = self.keys[key] = set()
        before = len(found or ())
        if found is not None:
            found |= members
        return len(found or ()) - before

    def do_smembers(self, key):
        return list(self.get(key, set) or ())

    def do_sismember(self, key, member):
        return int(member in (self.get(key, set) or ()))


def encode(value, faults):
    if isinstance(value, Simple):
        return b"+%s\r\n" % value.encode()
    if isinstance(value, int):
        return b":%d\r\n" % value
    if value is None:
        return b"*-1\r\n" if "null-array" in faults else b"$-1\r\n"
    if isinstance(value, list):
        return b"*%d\r\n" % len(value) + b"".join(encode(one, faults) for one in value)
    size = len(value) + int("bulk-length" in faults and len(value) == 3)
    return b"$%d\r\n%s\r\n" % (size, value)


class Handler(socketserver.StreamRequestHandler):
    # Otherwise the second of two replies waits for the acknowledgement of the first, for 40 ms.
    disable_nagle_algorithm = True
    gathered = None  # in a turn: what it will send

    def handle(self):
        try:
            self.serve()
            self.end_turn()
        except ConnectionError:
            pass

    def end_turn(self):
        if self.gathered is None:
            return
        self.server.turn.release()
        self.request.sendall(self.gathered.getvalue())
        self.gathered = None

    # What is written in a turn is sent when no further request is there.
    def next_turn(self):
        self.request.setblocking(False)
        more = self.rfile.peek(1)
        self.request.setblocking(True)
        if more:
            return
        self.end_turn()
        self.rfile.peek(1)
        self.server.turn.acquire()
        self.wfile = self.gathered = io.BytesIO()

    def serve(self):
        if "slow-connection" in self.server.manners:
            time.sleep(0.6)
        if "pushes" in self.server.manners:
            self.wfile.write(b">2\r\n+hello\r\n+there\r\n")
        gathers = "gathers" in self.server.manners
        while True:
            if gathers:
                self.next_turn()
            line = self.rfile.readline()
            if not line:
                return
            if not line.startswith(b"*"):
                self.wfile.write(b"-ERR a request is an array\r\n")
                return
            words = []
            for _ in range(int(line[1:])):
                size = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(size + 2)[:-2])
            if not words:
                continue
            manners = self.server.manners
            if "slow" in manners:
                time.sleep(0.005)
            if gathers:
                time.sleep(0.02)
            if "sluggish" in manners:
                time.sleep(0.1)
            try:
                reply = encode(self.server.store.run(words), self.server.store.faults)
            except Wrong as error:
                reply = b"-%s\r\n" % str(error).encode("latin-1", "replace")
                if "closes-instead" in manners:
                    return
                if "closes-arity" in manners and b"number of arguments" in reply:
                    return
            get = words[0].upper() == b"GET"
            if get and "dies" in manners:
                os._exit(3)
            error = reply.startswith(b"-")
            if "twice" in manners or ("get-twice" in manners and get):
                reply += reply
            if "errors-twice" in manners and error:
                reply += reply
            if "strlen-silent" in manners and words[0].upper() == b"STRLEN" and reply == b":0\r\n":
                continue
            if words[0].upper() == b"STRLEN" and reply[:1] == b":" and reply != b":0\r\n":
                if "strlen-twice" in manners:
                    reply += reply
                if "strlen-large" in manners:
                    reply = LARGE
                if "strlen-alone" in manners:
                    with self.server.store.lock:
                        time.sleep(0.7)  # longer than the oracle waits before it asks for another
                        self.wfile.write(b"$%d\r\n" % (20 << 20) + b"x" * (20 << 20) + b"\r\n")
                    continue
                while "strlen-replies" in manners:
                    self.wfile.write(b"+x\r\n" * 10000)
                if "strlen-endless" in manners:
                    self.wfile.write(b"+")
                    if self.server.says:
                        with open(self.server.says, "w") as pipe:
                            pipe.write("it begins\n")
                while "strlen-endless" in manners:
                    self.wfile.write(b"x" * 65536)
            self.wfile.write(reply)
            if "closes-always" in manners or ("closes" in manners and error):
                return
            if "closes-wrongtype" in manners and reply.startswith(b"-WRONGTYPE"):
                return


def flood():
    while True:
        sys.stdout.write("I have much to say. " * 100 + "\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    turn = threading.Lock()


def main():
    port, *rest = sys.argv[1:]
    faults = [word for word in rest if word[:1] not in "-+="]
    manners = {word[1:] for word in rest if word.startswith("+")}
    if "strlen-large" in manners:
        global LARGE
        LARGE = b"$%d\r\n" % (66 << 20) + b"x" * (66 << 20) + b"\r\n"
    for manner in manners - set(MANNERS):
        sys.exit("toy_server.py: there is no manner '%s': %s" % (manner, ", ".join(MANNERS)))
    for fault in faults:
        if fault not in FAULTS:
            sys.exit("toy_server.py: there is no fault '%s': %s" % (fault, ", ".join(FAULTS)))
    with Server(("127.0.0.1", int(port)), Handler) as server:
        without = {word[1:] for word in rest if word.startswith("-")}
        server.manners = manners
        server.says = "".join(word[1:] for word in rest if word.startswith("="))
        server.store = Store(faults, without, manners)
        if "floods" in manners:
            threading.Thread(target=flood, daemon=True).start()
        server.serve_forever()


if __name__ == "__main__":
    main()
