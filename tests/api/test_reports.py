"""Reports, for programs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from flask import Flask
from sqlalchemy.orm import Session

from tests.api.caller import Api
from tests.web.site import make_site


def test_a_period_is_summed(session: Session, owner: Api) -> None:
    site = make_site(session)
    site.end(site.begin(at=site.now - timedelta(hours=1)), 6_000, site.now)
    days = f"since={site.now - timedelta(days=2):%Y-%m-%d}&until={site.now + timedelta(days=2):%Y-%m-%d}"
    found = owner.get(f"/reports/sessions?{days}&group=charger").json
    assert found["total"]["energy_wh"] == 5_000
    assert found["total"]["success"] == 1.0
    (line,) = found["data"]
    assert (line["label"], line["sessions"], line["revenue"][0]["currency"]) == ("Plaza AC-2", 1, "EUR")
    by_day = owner.get(f"/reports/sessions?{days}").json["data"]
    assert len(by_day) == 5
    assert sum(x["energy_wh"] for x in by_day) == 5_000
    assert owner.get(f"/reports/uptime?{days}").json == {"data": []}


def test_co2_is_told_where_the_grams_are_known(app: Flask, session: Session, owner: Api) -> None:
    site = make_site(session)
    site.end(site.begin(at=site.now - timedelta(hours=1)), 6_000, site.now)
    days = f"since={site.now - timedelta(days=2):%Y-%m-%d}&until={site.now + timedelta(days=2):%Y-%m-%d}"
    assert owner.get(f"/reports/sessions?{days}").json["total"]["co2_kg"] is None
    before = app.extensions["settings"]
    app.extensions["settings"] = replace(before, co2_g_per_kwh="400")
    assert owner.get(f"/reports/sessions?{days}").json["total"]["co2_kg"] == 2.0
    app.extensions["settings"] = before


def test_a_period_that_makes_no_sense_is_told(session: Session, owner: Api) -> None:
    assert owner.get("/reports/sessions?since=2026-03-02&until=2026-03-01").status_code == 422
    assert owner.get("/reports/sessions?since=2020-01-01&until=2026-03-01&group=day").status_code == 422
    assert owner.get("/reports/sessions").status_code == 422
