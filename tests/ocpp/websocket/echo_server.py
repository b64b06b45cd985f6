"""A gevent.pywsgi server around csms.ocpp.websocket, run as a program: it prints its ports, then serves.

The tests and the Autobahn run (tools/autobahn.py) talk to it over real sockets. The path chooses the
behaviour, the query its settings; any plain page tells what the connections noted.
"""

from gevent import monkey

monkey.patch_all()

import contextlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402
from urllib.parse import parse_qsl  # noqa: E402

import gevent  # noqa: E402
from gevent.pywsgi import WSGIHandler, WSGIServer  # noqa: E402

from csms.ocpp import tls  # noqa: E402
from csms.ocpp.sweeper import Sweeper  # noqa: E402
from csms.ocpp.websocket import (  # noqa: E402
    ConnectionClosed,
    HandshakeRefused,
    Limits,
    Server,
    hijacked,
    is_upgrade,
)

HEAD_DEADLINE_S = float(os.environ.get("HEAD_DEADLINE_S", "10"))

notes: list[dict[str, object]] = []
tags: dict[Server, str] = {}
rounds: list[int] = []
# Fast, for the tests: a dead peer is noticed within 0.5 s.
sweeper = Sweeper(interval_s=0.2, silence_s=0.4, on_round=lambda live: rounds.append(len(live)))


class Handler(WSGIHandler):
    """As the websocket module's docstring has it: a request's head must be whole in time."""

    def handle_one_request(self):
        with gevent.Timeout(HEAD_DEADLINE_S, False) as self.deadline:
            return super().handle_one_request()

    def get_environ(self):
        self.deadline.cancel()
        return super().get_environ()


def echo(server: Server) -> None:
    while True:
        server.send(server.receive() or "")


def busy(server: Server, busy_s: float = 1.0) -> None:
    """Takes one message, works, then tells what the process holds."""
    server.receive()
    gevent.sleep(busy_s)
    server.send(json.dumps({"rss_kib": rss_kib()}))
    echo(server)


def patient(server: Server) -> None:
    server.send(f"nothing: {server.receive(0.1)}, {server.receive(0)}")
    echo(server)


def grow(server: Server) -> None:
    """The first message is small; then the charger is accepted and may send more."""
    server.send(server.receive() or "")
    server.max_size = 1 << 20
    while True:
        server.send(str(len(server.receive() or "")))


def flood(server: Server, count: int = 20, size: int = 300_000) -> None:
    """Three greenlets send large messages at once, with pings in between."""

    def one(letter: str) -> None:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(count):
                server.send(letter * size)
                server.ping()

    gevent.joinall([gevent.spawn(one, letter) for letter in "abc"])
    if server.end is not None:
        raise server.end


def interrupted(server: Server) -> None:
    """A send that its own caller gives up on, half-way."""
    with gevent.Timeout(0.2, False):
        server.send("x" * (16 << 20))
    server.send("never")


def closing(server: Server, code: int = 1000, reason: str = "") -> None:
    server.receive()
    server.close(code, reason)


def closed_elsewhere(server: Server) -> None:
    """Another greenlet closes while this one receives."""
    gevent.spawn_later(0.05, server.close, 1012, "restart")
    echo(server)


def aborted(server: Server) -> None:
    gevent.spawn_later(0.05, server.abort, "evicted")
    echo(server)


def failing(server: Server) -> None:
    server.receive()
    raise RuntimeError("a bug in the handler")


def returning(server: Server) -> None:
    server.receive()


def probed(server: Server, busy_s: float = 0.0, wait_s: float = 0.5) -> None:
    """Another greenlet probes, while this one receives (or is busy); then it tells the result."""
    server.receive()

    def ask() -> None:
        began = time.monotonic()
        alive = server.probe(wait_s)
        notes.append({"tag": tags[server], "probe": alive, "took_s": round(time.monotonic() - began, 3)})

    gevent.spawn(ask)
    gevent.sleep(busy_s)
    echo(server)


def pinging(server: Server) -> None:
    server.receive()
    server.ping()
    while server.rtt_s is None:
        server.receive(0.05)
    server.send(json.dumps({"rtt_s": server.rtt_s, "pong_age_s": time.monotonic() - (server.last_pong or 0)}))
    echo(server)


SERVES = {
    function.__name__: function
    for function in (
        echo, busy, patient, grow, flood, interrupted, closing, closed_elsewhere, aborted, failing, returning,
        probed, pinging,
    )
}  # fmt: skip


def rss_kib() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024


def application(environ, start_response):
    if not is_upgrade(environ):
        return _page(environ, start_response)
    query = dict(parse_qsl(environ["QUERY_STRING"]))
    limits = Limits(**{name[6:]: float(query.pop(name)) for name in list(query) if name.startswith("limit_")})
    try:
        server = Server.accept(
            environ,
            query.pop("subprotocol", None),
            max_size=int(query.pop("max_size", "65536")),
            limits=limits,
        )
    except HandshakeRefused as refusal:
        start_response(f"{refusal.status} Refused", [*refusal.headers, ("Content-Type", "text/plain")])
        return [refusal.reason.encode()]
    tags[server] = query.pop("tag", "")
    if query.pop("sweep", None):
        sweeper.add(server)
    serve = SERVES[environ["PATH_INFO"].strip("/")]
    server.run(lambda server: _recorded(server, serve, query))
    return hijacked(environ, start_response)


def _recorded(server: Server, serve, query) -> None:
    settings = {name: float(value) if "." in value else _int(value) for name, value in query.items()}
    try:
        serve(server, **settings)
    except ConnectionClosed as end:
        notes.append({"tag": tags[server], "code": end.code, "reason": end.reason})
        raise
    finally:
        gevent.spawn_later(1, tags.pop, server)  # a probe may still want to note something


def _int(value: str) -> int | str:
    return int(value) if value.isdigit() else value


def _page(environ, start_response):
    facts = {"notes": notes, "rounds": rounds[-3:], "swept": len(sweeper), "rss_kib": rss_kib()}
    facts["descriptors"] = len(os.listdir("/proc/self/fd"))
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(facts).encode()]


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    server = WSGIServer(("127.0.0.1", port), application, log=None, handler_class=Handler, backlog=4096)
    server.start()
    sweeper.start()
    ports = [server.server_port]
    if pem := os.environ.get("TLS_PEM"):
        context = tls.context([(pem, None)], Path(os.environ["TLS_ROOT"]).read_text(), None)
        secure = tls.TlsServer(
            ("127.0.0.1", 0),
            application,
            log=None,
            handler_class=Handler,
            ssl_context=context,
            on_failure=print,
        )
        secure.start()
        ports.append(secure.server_port)
    print(*ports, flush=True)  # noqa: T201
    server.serve_forever()


if __name__ == "__main__":
    main()
