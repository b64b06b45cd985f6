"""On whose clocks times are shown: the site's, one's own, or UTC."""

from __future__ import annotations

from datetime import timedelta

import pytest
from make import store

from csms import clock
from csms.domain import sites


@pytest.fixture
def begun(site):
    """A session in Kathmandu, a quarter of an hour off everybody's clocks."""
    made = sites.add(site.session, sites.Details(name="Plaza", time_zone="Asia/Kathmandu"), at=clock.now())
    site.charger.site_id = made.id
    store(site.session)
    return site.begin()


def test_a_session_is_told_on_the_clocks_that_are_chosen_and_the_choice_holds_everywhere(visitor, begun):
    olga = visitor().log_in()
    page = f"/sessions/{begun.id}"
    there = (begun.started_at + timedelta(hours=5, minutes=45)).strftime("%H:%M:%S")
    assert f">{there}</time>" in olga.text(page)
    answer = olga.post("/profile/times", {"times": "utc"}, headers={"Referer": f"http://localhost{page}"})
    assert (answer.status_code, answer.headers["Location"]) == (302, page)
    here = begun.started_at.strftime("%H:%M:%S")
    for shown in (page, f"{page}/live"):
        assert f">{here}</time>" in olga.text(shown)
        assert f">{there}</time>" not in olga.text(shown)
    assert 'value="utc" title="Times in UTC" aria-pressed="true"' in olga.text("/chargers")


def test_ones_own_clock_is_the_browsers_until_the_profile_says_otherwise(visitor, begun):
    olga = visitor().log_in()
    olga.client.set_cookie("zone", "Asia/Tokyo")
    olga.post("/profile/times", {"times": "mine"})
    assert (begun.started_at + timedelta(hours=9)).strftime("%H:%M:%S") in olga.text(f"/sessions/{begun.id}")
    olga.client.set_cookie("zone", "../../etc/passwd")
    assert "UTC" in olga.text(f"/sessions/{begun.id}")  # the installation's
    olga.post("/profile", {"time_zone": "Asia/Dubai"})
    assert (begun.started_at + timedelta(hours=4)).strftime("%H:%M:%S") in olga.text(f"/sessions/{begun.id}")


def test_nobody_is_sent_elsewhere_by_the_switch(visitor, begun):
    olga = visitor().log_in()
    answer = olga.post("/profile/times", {"times": "utc"}, headers={"Referer": "http://example.com/trap"})
    assert answer.headers["Location"] == "/profile"
    assert olga.post("/profile/times", {"times": "moon"}).status_code == 404
