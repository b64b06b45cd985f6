"""News for pages without a log-in: one event that says "look again", and never why."""

from __future__ import annotations

import itertools
import time
from collections.abc import Generator, Sequence

from flask import Flask, Response, current_app

from csms.bus import LocalBus
from csms.extensions import db
from csms.web.live import TICK_S, News

LONGEST_S = 600.0  # then the browser asks again by itself, and is counted again


def stream(topics: Sequence[str]) -> Response:
    """Server-sent events: `station` when one of the topics changes, a comment every TICK_S."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    db.session.remove()  # no database connection is held while it lasts
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(_events(app, topics), mimetype="text/event-stream", headers=headers)


def _events(app: Flask, topics: Sequence[str]) -> Generator[str]:
    bus: LocalBus = app.extensions["bus"]
    news = News()
    numbers = itertools.count(1)
    ends_at = time.monotonic() + LONGEST_S
    bus.subscribe(topics, news.note)
    try:
        yield "retry: 3000\n\n"
        while time.monotonic() < ends_at:
            if any(news.wait(TICK_S)):
                yield f"event: station\nid: {next(numbers)}\ndata:\n\n"
            else:
                yield ": alive\n\n"
    finally:
        bus.unsubscribe(topics, news.note)
