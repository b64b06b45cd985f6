"""What a websocket costs the server: CPU microseconds per echoed message and KiB per idle connection.

    python -m bench.websocket_echo [--connections 1000] [--messages 60] [--bytes 100]

Two servers in turn, each a process of its own with Flask under gevent.pywsgi: csms.ocpp.websocket, and the
stock simple-websocket behind flask-sock's route. The load comes from this process, over one epoll; every
connection waits for its echo before it speaks again. Connections are idle, after a few echoes, when their
resident memory is taken.
"""

import sys

from gevent import monkey

if "--serve" in sys.argv:  # the load's own epoll must stay
    monkey.patch_all()

import argparse
import resource
import select
import socket
import subprocess
import time
from pathlib import Path

from flask import Flask, Response, request
from flask_sock import Sock
from gevent.pywsgi import WSGIServer
from simple_websocket import Server as StockServer

from bench import wire
from csms.ocpp.sweeper import Sweeper
from csms.ocpp.websocket import Server, hijacked

TICK_S = 1 / 100  # of /proc/<pid>/stat


class Hijacked(Response):
    def __call__(self, environ, start_response):  # type: ignore[no-untyped-def]
        return hijacked(environ, start_response)


def ours() -> Flask:
    app = Flask(__name__)
    sweeper = Sweeper()
    sweeper.start()

    @app.route("/echo", websocket=True)
    def echo() -> Response:
        server = Server.accept(request.environ, wire.SUBPROTOCOL, max_size=64 << 10)
        sweeper.add(server)
        server.run(_echo_for_ever)
        return Hijacked()

    return app


def _echo_for_ever(server: Server) -> None:
    while True:
        server.send(server.receive() or "")


def stock() -> Flask:
    app = Flask(__name__)
    app.config["SOCK_SERVER_OPTIONS"] = {"subprotocols": [wire.SUBPROTOCOL]}

    @Sock(app).route("/echo")
    def echo(server: StockServer) -> None:
        while True:
            server.send(server.receive())

    return app


SERVERS = {"ours": ours, "stock": stock}


def serve(name: str) -> None:
    server = WSGIServer(("127.0.0.1", 0), SERVERS[name](), log=None, backlog=4096)
    server.start()
    print(server.server_port, flush=True)
    server.serve_forever()


def cpu_s(pid: int) -> float:
    """User and system time that the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def rss_kib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() / 1024


def connect(port: int, count: int) -> list[socket.socket]:
    sockets = []
    for _ in range(count):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.sendall(wire.handshake("127.0.0.1", "/echo"))
        head = sock.recv(4096)
        if not wire.opened(head):
            raise SystemExit(f"the server refused the websocket: {head!r}")
        sockets.append(sock)
    return sockets


def echo_all(sockets: list[socket.socket], messages: int, size: int) -> None:
    """Every socket sends `messages` frames, one after the other's echo."""
    frame, answer_bytes = wire.text_frame(b"x" * size), size + (2 if size < 126 else 4)
    epoll = select.epoll()
    by_descriptor = {sock.fileno(): sock for sock in sockets}
    left = dict.fromkeys(by_descriptor, messages)
    for descriptor, sock in by_descriptor.items():
        epoll.register(descriptor, select.EPOLLIN)
        sock.sendall(frame)
    while left:
        for descriptor, _ in epoll.poll():
            sock = by_descriptor[descriptor]
            if len(sock.recv(answer_bytes, socket.MSG_WAITALL)) < answer_bytes:
                raise SystemExit("the server hung up")
            left[descriptor] -= 1
            if left[descriptor]:
                sock.sendall(frame)
            else:
                del left[descriptor]
                epoll.unregister(descriptor)
    epoll.close()


def measure(name: str, connections: int, messages: int, size: int) -> tuple[float, float]:
    """(CPU µs per message, KiB per idle connection)."""
    command = [sys.executable, "-m", "bench.websocket_echo", "--serve", name]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        port = int(process.stdout.readline()) if process.stdout else 0
        connect(port, 1)[0].close()  # imports and caches
        time.sleep(0.5)
        before_kib = rss_kib(process.pid)
        sockets = connect(port, connections)
        echo_all(sockets, 5, size)
        time.sleep(0.5)
        idle_kib = (rss_kib(process.pid) - before_kib) / connections
        began_s = cpu_s(process.pid)
        echo_all(sockets, messages, size)
        return (cpu_s(process.pid) - began_s) / (connections * messages) * 1e6, idle_kib
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--messages", type=int, default=60, help="per connection")
    parser.add_argument("--bytes", type=int, default=100, help="of one message, at most 4095")
    parser.add_argument("--serve", choices=SERVERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    soft_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft_limit[1], soft_limit[1]))
    figures = {
        name: measure(name, options.connections, options.messages, options.bytes)
        for name in ("stock", "ours")
    }
    print(f"{options.connections} connections, {options.messages} messages of {options.bytes} bytes each")
    for name, (message_us, idle_kib) in figures.items():
        print(
            f"{name:6} {message_us:6.1f} µs CPU per echoed message   {idle_kib:6.1f} KiB per idle connection"
        )
    ratios = [theirs / us for theirs, us in zip(figures["stock"], figures["ours"], strict=True)]
    print(f"ratio  {ratios[0]:6.2f} times cheaper                {ratios[1]:6.2f} times smaller")


if __name__ == "__main__":
    main()
