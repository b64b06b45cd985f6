"""The map, and the list beside it that says the same."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from make import make_charger
from sqlalchemy import event
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import chargers
from csms.domain.accounts import Role
from csms.domain.chargers import Admission, ConnectorStatus
from csms.extensions import db
from csms.web.compression import compressed
from tests.web.browser import Browser, logged_in, publish

STATIC = Path(__file__).parents[2] / "static"
BUDGET_BYTES = (
    80 * 1024
)  # scripts and styles of the page, compressed; the outlines of the land come on top, once


def _place(
    session: Session, identity: str = "CP-1", status: ConnectorStatus | None = None, **more: Any
) -> int:
    """A charger in the city; without a status it was never heard of."""
    charger = make_charger(session, identity, at=clock.now(), online=status is not None, **more)
    chargers.place(session, charger, 41.3874, 2.1686)
    if status is not None:
        connector = chargers.connector_of(session, charger.id, 1)
        assert connector is not None
        connector.status = status
    publish(session)
    return charger.id


def _points(olga: Browser, query: str = "") -> list[Any]:
    points: list[Any] = olga.open(f"/map/points{query}").get_json()
    return points


def test_the_list_tells_each_charger_with_its_state_in_a_word(session: Session, olga: Browser) -> None:
    one = _place(session, "CP-1", ConnectorStatus.CHARGING, name="Plaza AC-1", location="Level -1")
    page = olga.read("/map")
    row = page[page.index(f'<li id="spot-{one}"') :].partition("</li>")[0]
    for words in ("Plaza AC-1", "Level -1", "Charging", f'href="/chargers/{one}"', "#zap"):
        assert words in row


def test_the_map_draws_what_the_list_says(session: Session, olga: Browser) -> None:
    one = _place(session, "CP-1", ConnectorStatus.FAULTED, location="Level -1")
    assert _points(olga) == [[one, 41.3874, 2.1686, "Faulted", "CP-1", "Level -1", True]]


def test_a_charger_without_coordinates_is_listed_with_a_link_to_place_it(
    session: Session, olga: Browser
) -> None:
    one = make_charger(session, "HOMELESS").id
    publish(session)
    page = olga.read("/map")
    assert "Not on the map yet" in page
    assert f'href="/chargers/{one}/settings" aria-label="Place HOMELESS"' in page
    assert _points(olga) == []


def test_whoever_may_not_edit_is_not_offered_to_place_chargers(app: Flask, session: Session) -> None:
    make_charger(session, "HOMELESS")
    page = logged_in(app, session, Role.READ_ONLY).read("/map")
    assert "HOMELESS" in page
    assert "Place HOMELESS" not in page


@pytest.mark.parametrize("admission", [Admission.PENDING, Admission.REJECTED])
def test_chargers_that_were_not_let_in_are_not_on_the_map(
    session: Session, olga: Browser, admission: Admission
) -> None:
    _place(session, "NEWCOMER", admission=admission)
    assert "NEWCOMER" not in olga.read("/map")
    assert _points(olga) == []


def test_a_broken_connector_speaks_for_its_charger(session: Session, olga: Browser) -> None:
    one = _place(session, "CP-1", ConnectorStatus.CHARGING, connectors=2)
    second = chargers.connector_of(session, one, 2)
    assert second is not None
    second.status = ConnectorStatus.FAULTED
    publish(session)
    assert [x[3] for x in _points(olga)] == ["Faulted"]


def test_what_cannot_be_reached_is_not_shown_as_free(session: Session, olga: Browser) -> None:
    one = _place(session, "CP-1", ConnectorStatus.AVAILABLE)
    lease = chargers.get(session, one).lease
    assert lease is not None
    lease.online_until, lease.last_seen_at = None, clock.now()
    publish(session)
    assert [x[3] for x in _points(olga)] == ["Offline"]
    assert [x[3] for x in _points(olga, "?status=Available")] == []


def test_a_status_in_the_address_chooses_list_and_map(session: Session, olga: Browser) -> None:
    _place(session, "BUSY", ConnectorStatus.CHARGING)
    _place(session, "FREE", ConnectorStatus.AVAILABLE)
    page = olga.read("/map?status=Charging")
    assert "BUSY" in page
    assert "FREE" not in page
    assert 'data-points="/map/points?status=Charging"' in page
    assert [x[4] for x in _points(olga, "?status=Charging")] == ["BUSY"]
    assert "None right now" in olga.read("/map?status=Reserved")
    assert olga.open("/map?status=Sleeping").status_code == 404


def test_points_that_did_not_change_are_not_sent_again(session: Session, olga: Browser) -> None:
    _place(session, "CP-1", ConnectorStatus.AVAILABLE)
    etag = olga.open("/map/points").headers["ETag"]
    again = olga.open("/map/points", headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")


def test_a_hundred_and_fifty_chargers_take_two_queries(session: Session, olga: Browser) -> None:
    for number in range(150):
        charger = chargers.add(
            session,
            f"CP-{number}",
            admission=Admission.ACCEPTED,
            policy=chargers.AuthorizationPolicy.OPEN,
            at=clock.now(),
        )
        chargers.place(session, charger, 40 + number / 100, 2.0)
    publish(session)
    asked: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *seen: asked.append(seen[2]))
    assert len(_points(olga)) == 150
    asked = [x for x in asked if x.startswith("SELECT")]
    assert len(asked) == 2, asked  # who asks, and the chargers
    assert "60 of" in olga.read("/map/list")


def test_strangers_are_asked_to_log_in(client: Any) -> None:
    assert client.get("/map/points").status_code == 302


def test_without_tiles_nothing_comes_from_elsewhere(olga: Browser) -> None:
    response = olga.open("/map")
    assert "data-tiles" not in response.text
    assert "img-src 'self' data:;" in response.headers["Content-Security-Policy"]


class TestWithTiles:
    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {"tile_url": "https://{s}.tiles.example.org/{z}/{x}/{y}.png"}

    def test_their_host_is_allowed_and_named(self, olga: Browser) -> None:
        response = olga.open("/map")
        assert 'data-tile-host="tiles.example.org"' in response.text
        assert (
            "img-src 'self' data: https://*.tiles.example.org;" in response.headers["Content-Security-Policy"]
        )


def test_scripts_and_styles_stay_within_their_budget(olga: Browser) -> None:
    page = olga.read("/map")
    loaded = re.findall(r'<(?:script src|link rel="stylesheet" href)="/static/([^?"]+)', page)
    assert "map.js" in loaded
    assert sum(len(compressed(STATIC / name, 0)) for name in loaded) <= BUDGET_BYTES


def test_points_of_many_chargers_go_out_compressed(session: Session, olga: Browser) -> None:
    for number in range(20):
        _place(session, f"CP-{number}")
    plain = olga.open("/map/points")
    small = olga.client.get("/map/points", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(small.data) == plain.data
    assert small.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding, Cookie"
    again = olga.open(
        "/map/points", headers={"Accept-Encoding": "gzip", "If-None-Match": small.headers["ETag"]}
    )
    assert again.status_code == 304


def test_many_without_a_place_are_led_to_what_places_many(session: Session, olga: Browser) -> None:
    make_charger(session, "HOMELESS-1")
    publish(session)
    assert "Many at once" not in olga.read("/map")
    make_charger(session, "HOMELESS-2")
    publish(session)
    page = olga.read("/map")
    assert 'href="/chargers?site=none"' in page
    assert 'href="/chargers/import"' in page
    assert "HOMELESS-1" in olga.read("/chargers?site=none")
