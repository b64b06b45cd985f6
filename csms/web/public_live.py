"""News for pages without a log-in: one event that says "look again", and never why."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response

from csms.web.news import News
from csms.web.streams import EventStream

LONGEST_S = 600.0  # then the browser asks again by itself, and is counted again


def stream(topics: Sequence[str]) -> Response:
    """Server-sent events: `station` when one of the topics changes, a comment when nothing did for a while."""
    return EventStream(News(topics, event="station", lasts_s=LONGEST_S))
