"""Websockets on which old systems' pages and programs hear what happens. What they say themselves is not listened to.

A feed is woken by the bus, reads the truth from the database once for all its listeners, at most once a second, and
rests while nobody listens. A listener that does not read is let go.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

import gevent
import orjson
from flask import Flask, Response, current_app, g, request
from flask_jwt_extended import get_current_user, get_jwt, verify_jwt_in_request
from flask_jwt_extended.exceptions import JWTExtendedException
from flask_login import current_user
from gevent.event import Event
from jwt.exceptions import PyJWTError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from csms import clock
from csms.api import guard
from csms.api.scopes import Scope
from csms.bus import LocalBus
from csms.compat import door
from csms.compat.door import LAB, Wrong
from csms.compat.news import ConnectorNews, FleetNews, MeterNews, SignalNews, TaskNews, UserNews
from csms.domain import accounts
from csms.extensions import db
from csms.ocpp.endpoint import Hijacked
from csms.ocpp.websocket import ConnectionClosed, HandshakeRefused, Server
from csms.web.security import log_in_key

log = logging.getLogger(__name__)

blueprint = door.blueprint("feeds")

GAP_S = 1.0  # between two looks for news
LOOK_ANYWAY_S = 15.0  # a bus may lose a word
CHECK_S = 60.0  # how long one whose log-in has ended may still listen
MOST_WAITING = 500  # messages for one listener
LARGEST_ECHO = 64 << 10
LARGEST_WORD = 4 << 10  # of a listener, who has nothing to say
POLICY = 1008

Welcome = Callable[[], bool]
UPDATES: dict[str, Callable[[], News]] = {
    "metervalues": MeterNews,
    "connector": ConnectorNews,
    "tasks": TaskNews,
    "user": UserNews,
    "dso_signal": SignalNews,
}


class News(Protocol):
    """What a feed tells. `begin` is before the first listener hears anything."""

    @property
    def topics(self) -> Sequence[str]: ...
    def begin(self, session: Session) -> None: ...
    def read(self, session: Session) -> Sequence[dict[str, Any]]: ...


class Listener:
    """One websocket that is told the news, and what waits to be told to it."""

    __slots__ = ("_is_sending", "_waiting", "server")

    def __init__(self, server: Server) -> None:
        self.server = server
        self._waiting: deque[str] = deque()
        self._is_sending = False

    def tell(self, text: str) -> None:
        """Never blocks."""
        if len(self._waiting) >= MOST_WAITING:
            self.server.abort("does not read")
            return
        self._waiting.append(text)
        if not self._is_sending:
            self._is_sending = True
            gevent.spawn(self._send)

    def _send(self) -> None:
        try:
            while self._waiting:
                self.server.send(self._waiting.popleft())
        except ConnectionClosed:
            self._waiting.clear()
        finally:
            self._is_sending = False


class Feed:
    """One kind of news, for all who listen in this process."""

    def __init__(self, app: Flask, news: News) -> None:
        self._app = app
        self._bus: LocalBus = app.extensions["bus"]
        self._news = news
        self._listeners: set[Listener] = set()
        self._woken = Event()
        self._is_running = False

    def wake(self, _topic: str) -> None:
        self._woken.set()

    def prepare(self) -> None:
        """Begin to look for news, if nobody has listened so far. For a request."""
        if not self._is_running:
            self._is_running = True
            self._news.begin(db.session())
            self._bus.subscribe(self._news.topics, self.wake)
            gevent.spawn(self._work)

    def join(self, listener: Listener) -> None:
        self._listeners.add(listener)

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)

    def tell(self, text: str) -> None:
        """To all who listen now. Never blocks."""
        for listener in tuple(self._listeners):
            listener.tell(text)

    def _work(self) -> None:
        try:
            while self._woken.wait(LOOK_ANYWAY_S) or self._listeners:
                self._woken.clear()
                for message in self._read():
                    self.tell(orjson.dumps(message, default=str).decode())
                gevent.sleep(GAP_S)
        finally:
            self._bus.unsubscribe(self._news.topics, self.wake)
            self._is_running = False

    def _read(self) -> Sequence[dict[str, Any]]:
        try:
            with self._app.app_context():
                return self._news.read(db.session())
        except DBAPIError as error:
            log.warning("feed_not_read", extra={"reason": str(error.orig)})
            return ()


@blueprint.route("/ws/echo/", websocket=True, strict_slashes=False)
def echo() -> Response:
    """Text and bytes come back as they were, up to 64 KiB."""
    _admit(Scope.SELF)
    return _upgraded(_echo, LARGEST_ECHO, takes_binary=True)


@blueprint.route("/ws/frontend/", websocket=True, strict_slashes=False)
def frontend() -> Response:
    """{"message", "charger_id", "status"}: connections, boots, heartbeats, and the begin and end of transactions."""
    return _told("frontend", FleetNews)


@blueprint.route(f"/ws/updates/<any({', '.join(UPDATES)}):name>/", websocket=True, strict_slashes=False)
def updates(name: str) -> Response:
    """One kind of news. `tasks`: {"message": a task as JSON text}, as soon as its charger has answered, or will not.

    What a listener to `dso_signal` says who may give orders is told to all who listen at this process.
    """
    return _told(name, UPDATES[name], is_forum=name == "dso_signal")


def _told(name: str, make: Callable[[], News], *, is_forum: bool = False) -> Response:
    welcome = _admit(Scope.READ)
    may_speak = is_forum and Scope.OPERATE in g.api_caller.scopes
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    feeds: dict[str, Feed] = app.extensions.setdefault("feeds", {})
    feed = feeds.setdefault(name, Feed(app, make()))
    feed.prepare()
    db.session.remove()

    def serve(server: Server) -> None:
        listener = Listener(server)
        feed.join(listener)
        try:
            _listen(server, welcome, feed.tell if may_speak else None)
        finally:
            feed.leave(listener)

    return _upgraded(serve, LARGEST_WORD)


def _upgraded(serve: Callable[[Server], None], largest: int, *, takes_binary: bool = False) -> Response:
    """Answer with the upgrade; from then on `serve` has the connection, and the sweeper pings it."""
    try:
        server = Server.accept(request.environ, None, max_size=largest, takes_binary=takes_binary)
    except HandshakeRefused as refused:
        return Response(f"{refused.reason}\n", refused.status, dict(refused.headers), mimetype="text/plain")
    sweeper = current_app.extensions["door"].sweeper
    sweeper.add(server)
    server.run(serve)
    return Hijacked()


def _echo(server: Server) -> None:
    while True:
        message = server.receive_any()
        if message is not None:
            server.send(message)


def _listen(server: Server, is_welcome: Welcome, hear: Callable[[str], None] | None = None) -> None:
    """Until the listener goes, or its log-in ends. `hear` is told what it says."""
    while True:
        said = server.receive(CHECK_S)
        if said is None and not is_welcome():
            server.close(POLICY, "log in again")
            return
        if said is not None and hear is not None:
            hear(said)


def _admit(scope: Scope) -> Welcome:
    """Whoever may not listen gets an answer before the upgrade. How to find out later whether they still may."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise Wrong(403, {"detail": "Pages of other sites may not listen."})
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    if "token" in request.args or "Authorization" in request.headers:
        is_welcome = _by_token(app)
    elif current_user.is_authenticated:
        is_welcome = _by_cookie(app)
    elif app.config["LAB"]:
        g.api_caller = LAB
        is_welcome = lambda: bool(app.config["LAB"])  # noqa: E731
    else:
        raise Wrong(401, {"detail": "Authentication credentials were not provided."})
    if scope not in g.api_caller.scopes:
        raise Wrong(403, {"detail": "You do not have permission to perform this action."})
    return is_welcome


def _by_token(app: Flask) -> Welcome:
    try:
        verify_jwt_in_request(locations=["query_string" if "token" in request.args else "headers"])
    except (JWTExtendedException, PyJWTError):
        raise Wrong(401, {"detail": "Given token not valid for any token type"}) from None
    g.api_caller = get_current_user()
    claims = dict(get_jwt())

    def is_welcome() -> bool:
        with app.app_context():
            return claims["exp"] > clock.now().timestamp() and guard.caller_of(claims) is not None

    return is_welcome


def _by_cookie(app: Flask) -> Welcome:
    g.api_caller = guard.Caller.of(current_user)
    key = log_in_key()

    def is_welcome() -> bool:
        with app.app_context():
            return accounts.log_in_of(db.session(), key) is not None

    return is_welcome
