#!/usr/bin/env python3
"""A server whose port another program takes before it does: that one answers PING, the server ends.

usage: taken_port.py PORT
"""

import os
import select
import socket
import sys


def other(port, ready, ends):
    """Answers each request with +PONG until the server has ended."""
    os.setsid()
    listening = socket.create_server(("127.0.0.1", port))
    os.write(ready, b"1")
    clients = []
    while True:
        readable, _, _ = select.select([listening, ends, *clients], [], [])
        if ends in readable:
            return
        for one in readable:
            if one is listening:
                clients.append(listening.accept()[0])
            elif one.recv(4096):
                one.sendall(b"+PONG\r\n")
            else:
                clients.remove(one)


def main():
    port = int(sys.argv[1])
    is_ready, ready = os.pipe()
    ends, lives = os.pipe()
    if os.fork() == 0:
        os.close(lives)
        other(port, ready, ends)
        os._exit(0)
    os.read(is_ready, 1)
    # As long as it takes to be asked once.
    probe = socket.create_connection(("127.0.0.1", port))
    probe.sendall(b"PING\r\n")
    probe.recv(100)
    select.select([], [], [], 0.2)
    socket.create_server(("127.0.0.1", port))


if __name__ == "__main__":
    main()
