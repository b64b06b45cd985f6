"""Reports: what a period brought, on the page, as CSV and as a workbook, and how much of it chargers were up."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date, timedelta

from make import make_charger, store
from pypdf import PdfReader
from sqlalchemy import select

from csms.domain import reports
from csms.domain.accounts import Role


def charge(site, kwh, at):
    """A session of an hour that ended at `at`."""
    transaction = site.begin(at=at - timedelta(hours=1))
    return site.end(transaction, 1_000 + kwh * 1_000, at)


def test_without_sessions_the_page_says_so_and_offers_a_longer_period(visitor):
    page = visitor().log_in().text("/reports")
    assert "No session ended" in page
    assert "/reports?period=year" in page


def test_an_empty_period_leads_to_the_nearest_month_that_has_something(visitor, site):
    charge(site, 10, site.now)
    olga = visitor().log_in()
    page = olga.text("/reports?since=2020-01-01&until=2020-01-31&group=day")
    month = site.now.strftime("%Y-%m-01")
    [address] = re.findall(rf'href="(/reports\?since={month}[^"]*)"', page)
    assert "The nearest: " in page
    assert "10.00 kWh" in olga.text(address)


def test_energy_revenue_and_success_are_summed(visitor, site):
    charge(site, 10, site.now - timedelta(hours=2))
    charge(site, 0, site.now)
    olga = visitor().log_in()
    page = olga.text("/reports?period=week")
    assert "10.00 kWh" in page
    assert "50.0 %" in page.replace("\u00a0", " ").replace("\u202f", " ")
    for group, line in (("charger", "Plaza AC-2"), ("site", "No site"), ("driver", "Olga Serrano")):
        assert line in olga.text(f"/reports?period=week&group={group}")


def test_a_simulated_charger_does_not_count(visitor, site):
    charge(site, 10, site.now)
    site.charger.is_simulated = True
    store(site.session)
    assert "No session ended" in visitor().log_in().text("/reports?period=week")


def test_the_figures_are_downloaded(visitor, site):
    charge(site, 10, site.now)
    olga = visitor().log_in()
    lines = olga.text("/reports/sessions.csv?period=week&group=charger").lstrip("\ufeff").splitlines()
    assert lines[0].startswith("charger,sessions,charged,failed_starts,success_percent,energy_kwh")
    assert lines[0].endswith("revenue_EUR")
    assert lines[1].startswith("Plaza AC-2,1,1,0,100.0,10.0,1.0,")
    assert lines[2].startswith("Total,1,1,0,")
    book = olga.get("/reports/sessions.xlsx?period=week")
    with zipfile.ZipFile(io.BytesIO(book.data)) as parts:
        assert "xl/worksheets/sheet1.xml" in parts.namelist()
    assert "sessions-" in book.headers["Content-Disposition"]


def test_without_grams_nothing_is_told_of_co2_and_with_them_everywhere(visitor, site, app):
    charge(site, 10, site.now)
    olga = visitor().log_in()
    assert "CO₂" not in olga.text("/reports?period=week")
    assert "co2" not in olga.text("/reports/sessions.csv?period=week")
    before = app.extensions["settings"]
    assert olga.post("/settings/co2", {"co2_g_per_kwh": "a lot"}).status_code == 422
    assert olga.post("/settings/co2", {"co2_g_per_kwh": "380"}).status_code == 302
    assert "380 g per kWh" in olga.text("/reports?period=week")
    assert "3.8 kg" in olga.text("/reports?period=week&group=charger")
    lines = olga.text("/reports/sessions.csv?period=week&group=charger").splitlines()
    assert lines[0].split(",")[8] == "co2_kg"
    assert lines[1].split(",")[8] == "3.8"
    olga.post("/settings/co2", {"co2_g_per_kwh": ""})
    assert "CO₂" not in olga.text("/reports?period=week")
    app.extensions["settings"] = before


def test_a_report_as_pdf_says_what_the_page_says(visitor, site):
    charge(site, 10, site.now)
    olga = visitor().log_in()
    assert "/reports/sessions.pdf?period=week" in olga.text("/reports?period=week&group=charger")
    answer = olga.get("/reports/sessions.pdf?period=week&group=charger")
    assert answer.mimetype == "application/pdf"
    [page] = PdfReader(io.BytesIO(answer.data)).pages
    text = page.extract_text().replace("\u00a0", " ").replace("\u202f", " ")
    for words in ("Amberline", "By charger", "Plaza AC-2", "10.00 kWh", "Total"):
        assert words in text


def test_last_week_is_the_week_from_monday_to_sunday(visitor):
    page = visitor().log_in().text("/reports?period=last_week")
    first, last = (
        date.fromisoformat(x)
        for x in re.findall(r'name="(?:since|until)"[^>]* value="([^"]+)"', page)
        or re.findall(r'value="(\d{4}-\d\d-\d\d)"', page)
    )
    assert (first.weekday(), (last - first).days) == (0, 6)


def test_a_period_that_makes_no_sense_is_explained(visitor):
    olga = visitor().log_in()
    for query in ("since=2026-03-09&until=2026-03-01", "since=tomorrow", "group=moon", "period=aeon"):
        answer = olga.get(f"/reports?{query}")
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
    assert "choose months" in olga.get("/reports?since=2024-01-01&until=2026-01-01&group=day").text


def test_a_period_of_uptime_that_makes_no_sense_is_explained_in_the_readers_language(visitor):
    olga = visitor().log_in()
    there = "/reports/uptime?period=aeon"
    english, german = olga.get(there), olga.get(there, headers={"Accept-Language": "de"})
    assert english.status_code == german.status_code == 422
    assert "A period is one of" in english.text
    assert "A period is one of" not in german.text


def test_uptime_is_reckoned_when_a_day_is_over(visitor, site):
    begun = (site.now - timedelta(days=2)).replace(hour=0, minute=0, second=0, microsecond=0)
    for charger in (site.charger, make_charger(site.session, "CP-2")):
        charger.created_at = begun
    store(site.session)
    site.status("Available", begun)
    site.status("Faulted", begun + timedelta(hours=6))
    site.status("Available", begun + timedelta(hours=12))
    olga = visitor().log_in()
    assert "No day is over yet" in olga.text("/reports/uptime?period=week")
    with_days = reports.reckon_days(site.session, site.now)
    store(site.session)
    assert with_days == 4
    assert reports.reckon_days(site.session, site.now) == 0
    page = olga.text("/reports/uptime?period=week")
    assert "87.50" in page
    assert "CP-2" not in page  # nothing is known of it
    assert "Plaza AC-2,1,172800,21600,0,87.5" in olga.text("/reports/uptime.csv?period=week")
    assert "/reports/uptime.xlsx?period=week" in page
    book = olga.get("/reports/uptime.xlsx?period=week")
    with zipfile.ZipFile(io.BytesIO(book.data)) as parts:
        assert b"87.5" in parts.read("xl/worksheets/sheet1.xml")


def test_the_days_of_a_report_are_written_as_the_reader_writes_them(visitor, site):
    olga = visitor().log_in()
    page = olga.text("/reports?since=2026-03-01&until=2026-03-09")
    assert "1 Mar 2026 to 9 Mar 2026, days of UTC" in page
    olga.post("/language", {"language": "de"})
    assert "1. März 2026" in olga.text("/reports/uptime?since=2026-03-01&until=2026-03-09")


def test_uptime_of_a_connector_whose_last_day_is_still_to_be_reckoned(visitor, site):
    for charger in (site.charger, make_charger(site.session, "CP-2")):
        charger.created_at = site.now - timedelta(days=4)
    store(site.session)
    site.status("Faulted", site.now - timedelta(days=3))
    olga, connector = visitor().log_in(), site.charger.connectors[0]
    reports.reckon_days(site.session, site.now)
    today = site.now.date()
    newest = site.session.get_one(reports.UptimeRegister, (today - timedelta(days=1), connector.id))
    site.session.delete(newest)
    store(site.session)
    assert list(reports.breaches(site.session)) == []
    since = today - timedelta(days=2)
    query = f"since={since}&until={today}"
    assert "Plaza AC-2,1,86400,86400,0,0.0" in olga.text(f"/reports/uptime.csv?{query}")
    reports.reckon_days(site.session, site.now)
    store(site.session)
    assert "Plaza AC-2,1,172800,172800,0,0.0" in olga.text(f"/reports/uptime.csv?{query}")


def test_uptime_registers_that_cannot_be_are_told(site):
    site.charger.created_at = site.now - timedelta(days=3)
    store(site.session)
    site.status("Available", site.now - timedelta(days=2, hours=12))
    reports.reckon_days(site.session, site.now)
    store(site.session)
    newest = site.session.scalars(
        select(reports.UptimeRegister).order_by(reports.UptimeRegister.day.desc())
    ).first()
    newest.known_total_s = 5
    store(site.session)
    assert [x.split(":")[0] for x in reports.breaches(site.session)] == [f"Connector {newest.connector_id}"]


def test_a_driver_has_no_reports(visitor):
    assert visitor().log_in(Role.DRIVER).get("/reports").status_code == 404
