"""The stream of news: at once, not too often, only what one may hear, and over when the browser goes."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from flask import Flask

from csms.bus import LocalBus
from tests.web.browser import Browser


@pytest.fixture
def bus(app: Flask) -> LocalBus:
    found: LocalBus = app.extensions["bus"]
    return found


def _stream(olga: Browser, topics: str, **headers: str) -> Iterator[str]:
    response = olga.client.get(f"/live?topics={topics}", headers=headers, buffered=False)
    assert response.mimetype == "text/event-stream"
    assert response.headers["X-Accel-Buffering"] == "no"
    for chunk in response.iter_encoded():
        yield chunk.decode()
    response.close()


def test_the_first_news_of_a_topic_is_told_at_once_and_the_next_a_second_later(
    olga: Browser, bus: LocalBus
) -> None:
    stream = _stream(olga, "charger:1,fleet")
    assert next(stream).startswith("retry:")
    bus.publish(["charger:1", "charger:2"])
    begun = time.monotonic()
    assert next(stream).startswith("event: charger:1\nid: 1\n")
    assert time.monotonic() - begun < 0.9
    for _ in range(50):
        bus.publish(["charger:1"])
    assert next(stream).startswith("event: charger:1\nid: 2\n")
    assert time.monotonic() - begun > 0.9
    bus.publish(["fleet"])
    assert next(stream).startswith("event: fleet\n")


def test_a_browser_that_comes_back_is_asked_to_read_everything_again(olga: Browser) -> None:
    stream = _stream(olga, "fleet", **{"Last-Event-ID": "7"})
    next(stream)
    assert next(stream).startswith("event: resync\n")


def test_nobody_listens_any_more_when_the_browser_has_gone(olga: Browser, bus: LocalBus) -> None:
    response = olga.client.get("/live?topics=fleet,charger:1", buffered=False)
    chunks = response.iter_encoded()
    next(chunks)
    assert bus._waiting.keys() == {"fleet", "charger:1"}
    response.close()
    assert not bus._waiting


@pytest.mark.parametrize(
    "topics",
    ["", "link:1", "nonsense", "charger:x", "fleet,link:1", ",".join(f"charger:{x}" for x in range(41))],
)
def test_topics_that_are_not_for_people_are_not_there(olga: Browser, topics: str) -> None:
    assert olga.open(f"/live?topics={topics}").status_code == 404


def test_a_page_listens_to_what_its_parts_are_about(olga: Browser) -> None:
    page = olga.read("/chargers")
    assert 'hx-sse:connect="/live?topics=fleet,meters"' in page
    assert "fleet from:#live" in page
