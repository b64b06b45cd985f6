"""The one stream of news that a page listens to: names of what has changed, never the data (htmx then asks for it)."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Generator, Sequence

import gevent
from flask import Blueprint, Flask, Response, abort, current_app, request
from gevent.event import Event

from csms.bus import LocalBus
from csms.domain import accounts
from csms.extensions import db, limiter
from csms.web.security import can, log_in_key, requires

blueprint = Blueprint("live", __name__)

GAP_S = 1.0  # at most one event of a topic in this time; the first comes at once
TICK_S = 15.0  # proof that the stream is alive
CHECK_S = 60.0  # how long a log-in that has ended may still listen
MOST_TOPICS = 40

# Which news a permission opens.
TOPICS = {
    "host": re.compile(
        r"fleet|transactions|meters|(charger|transaction):\d{1,19}"
    ),  # that it changed, no more
    "view": re.compile(
        r"fleet|transactions|reservations|attempts|meters|settings|security|dso|alerts|batches|commands|webhooks|(charger|transaction|account|rollout|scan):\d{1,19}|(command|batch):[0-9a-f-]{36}"
    ),
}


@blueprint.get("/live")
@limiter.exempt
@requires("host")
def stream() -> Response:
    """`?topics=fleet,charger:17`: an event named after each topic when it changes."""
    topics = tuple(dict.fromkeys(x for x in request.args.get("topics", "").split(",") if x))
    if not 0 < len(topics) <= MOST_TOPICS or not all(_may_hear(topic) for topic in topics):
        abort(404)
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    is_back = "Last-Event-ID" in request.headers
    # From here on no database connection is held: the request's is given back before the first event is sent.
    db.session.remove()
    events = _events(app, topics, log_in_key(), is_back)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(events, mimetype="text/event-stream", headers=headers)


def _may_hear(topic: str) -> bool:
    return any(can(permission) and pattern.fullmatch(topic) for permission, pattern in TOPICS.items())


def _events(app: Flask, topics: tuple[str, ...], key: str, is_back: bool) -> Generator[str]:
    """Server-sent events until the browser goes, which the next write finds out, or the log-in ends."""
    bus: LocalBus = app.extensions["bus"]
    news = News()
    bus.subscribe(topics, news.note)
    numbers = itertools.count(1)
    try:
        yield "retry: 2000\n\n"
        if is_back:  # what happened meanwhile is not kept: everything is to be read again
            yield _event("resync", next(numbers))
        checked_at = spoke_at = time.monotonic()
        while True:
            due = news.wait(TICK_S)
            for topic in due:
                yield _event(topic, next(numbers))
            now = time.monotonic()
            if due:
                spoke_at = now
            elif now - spoke_at >= TICK_S:
                spoke_at = now
                yield ": alive\n" + _event("tick", next(numbers))
            if now - checked_at > CHECK_S:
                checked_at = now
                if not _is_logged_in(app, key):
                    return
    finally:
        bus.unsubscribe(topics, news.note)


class News:
    """What has changed and was not told yet; tells a topic at once, and then at most every GAP_S."""

    def __init__(self) -> None:
        self._changed: set[str] = set()
        self._wake = Event()
        self._told_at: dict[str, float] = {}

    def note(self, topic: str) -> None:
        self._changed.add(topic)
        self._wake.set()

    def wait(self, timeout_s: float) -> Sequence[str]:
        """The topics that are due now; after `timeout_s` none."""
        if not self._changed:
            self._wake.wait(timeout_s)
        self._wake.clear()
        now = time.monotonic()
        due = sorted(x for x in self._changed if now - self._told_at.get(x, -GAP_S) >= GAP_S)
        if not due and self._changed:
            gevent.sleep(min(self._told_at[x] for x in self._changed) + GAP_S - now)
            return ()
        self._changed.difference_update(due)
        self._told_at.update(dict.fromkeys(due, now))
        return due


def _event(name: str, number: int) -> str:
    return f"event: {name}\nid: {number}\ndata:\n\n"


def _is_logged_in(app: Flask, key: str) -> bool:
    with app.app_context():
        return accounts.log_in_of(db.session(), key) is not None
