"""Under the pseudo-locale the pages of reports, and their mails and PDFs, have no word left in plain English."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from make import store

from csms.domain import reports
from csms.domain.accounts import Role
from csms.domain.reports import ReportSchedule
from tests.web import pseudo
from tests.web.pseudo import assert_translated

pytestmark = pytest.mark.sqlite_is_enough

NAMES = ("PDF", "CO", "kg")


def test_reports(reader, site, app):
    owner = reader.log_in(Role.OWNER)
    before = app.extensions["settings"]
    app.extensions["settings"] = replace(before, co2_g_per_kwh="400")

    def read(*pages, names=NAMES):
        for page in pages:
            site.session.rollback()
            assert_translated(owner.get(page), *names, *pseudo.names_in(site.session))

    read("/reports", "/reports/uptime", "/reports?since=2026-03-09&until=2026-03-01", "/reports?since=x")
    site.charger.created_at = site.now - timedelta(days=3)
    store(site.session)
    site.end(site.begin(at=site.now - timedelta(hours=1)), 11_000, site.now)
    site.status("Faulted", site.now - timedelta(days=2, hours=12))
    reports.reckon_days(site.session, site.now)
    store(site.session)
    order = {"every": "week", "format": "pdf", "recipients": "marta@example.org"}
    for group in reports.Grouping:
        owner.post("/reports/schedules", {**order, "group": group.value})
        read(f"/reports?period=week&group={group}")
    kept = site.session.query(ReportSchedule).first()
    reports.pause(kept, "Whoever wanted it may not read reports any more.")
    store(site.session)
    site.session.rollback()
    page = owner.get("/reports?period=week")
    names = [x for x in pseudo.names_in(site.session) if x != kept.error]
    assert_translated(page, *NAMES, *names)
    read("/reports/uptime?period=week")
    wrong = owner.post("/reports/schedules", {**order, "group": "day", "recipients": "x"})
    assert_translated(wrong, *NAMES, "x", *names)
    app.extensions["settings"] = before
