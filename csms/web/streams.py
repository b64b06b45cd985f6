"""Event streams that cost little: thousands of browsers listen, and hardly any has something to hear.

A stream's connection is taken from its request, whose greenlet and buffers are free from then on. What is left of it
is a socket and its `News`; one greenlet tells them all. Nobody is waited for: a browser that does not read what it is
sent is let go, comes back by itself, and is asked to read everything again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from email.utils import formatdate
from functools import partial
from typing import Any

import gevent
from flask import Flask, Response, current_app
from gevent.event import Event
from sqlalchemy.exc import SQLAlchemyError

from csms.bus import LocalBus
from csms.domain import accounts
from csms.extensions import db
from csms.tcp import Foreign, Lost, Tcp
from csms.web.news import CHECK_S, News, told

log = logging.getLogger(__name__)

LOOK_S = 0.1  # how much later than it might news is told that was held back
ROUND_S = 1.0  # how often it is asked who wants a tick, or is over
MOST_IN_A_TURN = 20  # are told, then others are heard


class Streams:
    """The event streams of this process."""

    def __init__(self, app: Flask) -> None:
        self._bus: LocalBus = app.extensions["bus"]
        self._ended = partial(ended, app)
        self._open: dict[News, Tcp] = {}
        self._fresh: set[News] = set()  # of these something is new
        self._held: set[News] = set()  # and these may not be told yet
        self._stirred = Event()
        self._greenlets: list[gevent.Greenlet] = []

    def start(self) -> None:
        self._greenlets = [gevent.spawn(self._serve), gevent.spawn(self._check)]

    def stop(self) -> None:
        """End them all."""
        gevent.killall(self._greenlets)
        for news in list(self._open):
            self._end(news)

    def take(self, tcp: Tcp, head: bytes, news: News) -> None:
        """Answer with `head`, and tell the news from now on."""
        self._open[news] = tcp
        news.wake = self._stir
        self._bus.subscribe(news.topics, news.note)
        tcp.listen(partial(self._heard, news))
        self._send(news, head + news.opening.encode())
        self._stir(news)

    def _stir(self, news: News) -> None:
        self._fresh.add(news)
        self._stirred.set()

    def _heard(self, news: News) -> None:
        """A browser has nothing to say but that it goes; whatever else it sends is not looked at."""
        tcp = self._open[news]
        if tcp.take() == b"":
            tcp.listen(None)
            tcp.close()
            self._stir(news)

    def _serve(self) -> None:
        looked_at = went_round_at = time.monotonic()
        while True:
            self._stirred.wait(LOOK_S if self._held else ROUND_S if self._open else None)
            self._stirred.clear()
            now = time.monotonic()
            due, self._fresh = self._fresh, set()
            if now - looked_at >= LOOK_S:
                due, looked_at = due | self._held, now
            if now - went_round_at >= ROUND_S:
                due, went_round_at = due | self._open.keys(), now
            self._tell(due, now)

    def _tell(self, due: Iterable[News], now: float) -> None:
        for number, news in enumerate(due, 1):
            if news in self._open:
                self._tell_or_end(news, now)
            if number % MOST_IN_A_TURN == 0:
                gevent.sleep(0)

    def _tell_or_end(self, news: News, now: float) -> None:
        """A fault of ours ends this stream, whose browser comes back, and no other one."""
        try:
            self._tell_one(news, now)
        except Exception:
            log.exception("stream_failed")
            if news in self._open:
                self._end(news)

    def _tell_one(self, news: News, now: float) -> None:
        if not self._open[news].is_open or news.is_over(now):
            self._end(news)
            return
        text = news.speak(now)
        (self._held.add if news.is_held else self._held.discard)(news)
        if text:
            self._send(news, text.encode())

    def _send(self, news: News, data: bytes) -> None:
        """Hand it to the kernel; whoever has no room for it is let go."""
        tcp = self._open[news]
        try:
            is_sent = tcp.write_now(data)
        except Lost:
            is_sent = False
        if not is_sent:
            tcp.listen(None)
            tcp.reset()
            self._end(news)

    def _end(self, news: News) -> None:
        tcp = self._open.pop(news)
        self._held.discard(news)
        self._bus.unsubscribe(news.topics, news.note)
        tcp.listen(None)
        tcp.close()

    def _check(self) -> None:
        """End the streams of those who have logged out, or were."""
        while True:
            gevent.sleep(CHECK_S)
            if not (keys := {x.key for x in self._open if x.key is not None}):
                continue
            try:
                over = self._ended(keys)
            except SQLAlchemyError as error:
                log.warning("streams_not_checked", extra={"error": str(error)})
                continue
            for news in [x for x in self._open if x.key in over]:
                self._end(news)


class EventStream(Response):
    """The answer that is a stream: of `Streams` over this server's own connections, a generator over any other."""

    def __init__(self, news: News) -> None:
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        # From here on no database connection is held: the request's is given back before the first event is sent.
        db.session.remove()
        super().__init__(
            told(news, app.extensions["bus"], partial(ended, app)),
            mimetype="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        self._news = news

    def __call__(self, environ: Any, start_response: Any) -> Any:
        streams: Streams | None = current_app.extensions.get("streams")
        if streams is None or environ["REQUEST_METHOD"] != "GET":
            return super().__call__(environ, start_response)
        try:
            tcp, _ = Tcp.detach(environ)
        except Foreign:
            return super().__call__(environ, start_response)
        streams.take(tcp, self._head(environ), self._news)
        return []

    def _head(self, environ: Any) -> bytes:
        """It has no length: the stream ends with its connection."""
        headers = self.get_wsgi_headers(environ)
        headers["Date"] = formatdate(usegmt=True)
        headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {self.status}", *(f"{name}: {value}" for name, value in headers), "", ""]
        return "\r\n".join(lines).encode("latin-1")


def ended(app: Flask, keys: set[str]) -> set[str]:
    """Those of the keys whose log-in has ended."""
    with app.app_context():
        return keys - accounts.lasting(db.session(), keys)
