"""The one stream of news that a page listens to: names of what has changed, never the data (htmx then asks for it)."""

from __future__ import annotations

import re

from flask import Blueprint, Response, abort, request

from csms.extensions import limiter
from csms.web.news import News
from csms.web.security import can, log_in_key, requires
from csms.web.streams import EventStream

blueprint = Blueprint("live", __name__)

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
    news = News(topics, key=log_in_key())
    if (
        "Last-Event-ID" in request.headers
    ):  # what happened meanwhile is not kept: everything is to be read again
        news.note("resync")
    return EventStream(news)


def _may_hear(topic: str) -> bool:
    return any(can(permission) and pattern.fullmatch(topic) for permission, pattern in TOPICS.items())
