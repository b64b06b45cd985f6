"""Reports by e-mail: ordered on the page, sent once when the period is over, as whoever ordered it may see them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from make import store
from pypdf import PdfReader
from smtp import MailServer, mail_server
from sqlalchemy import select, update

from csms import clock
from csms import mail as post
from csms.domain import accounts, reports, sites
from csms.domain.accounts import Role, User
from csms.domain.mail import Mail
from csms.domain.reports import Every, ReportSchedule
from csms.domain.sites import Details
from csms.extensions import db
from csms.web import report_mails

MARTA = "marta@example.org"


@pytest.fixture
def server(app) -> Iterator[MailServer]:
    before = app.extensions["settings"]
    with mail_server() as server:
        app.extensions["settings"] = replace(before, smtp_url=server.url, co2_g_per_kwh="400")
        yield server
    app.extensions["settings"] = before


@pytest.fixture
def last_monday(site):
    """When the last week was over and its reports were due."""
    return reports.next_due(Every.WEEK, site.now - timedelta(days=7), ZoneInfo("UTC"))


@pytest.fixture
def week(site, last_monday):
    """A session of 10 kWh in the week before."""
    ended_at = last_monday - timedelta(days=3)
    return site.end(site.begin(at=ended_at - timedelta(hours=1)), 11_000, ended_at)


def order(browser, **given):
    form = {"group": "charger", "every": "week", "format": "xlsx", "recipients": MARTA, **given}
    return browser.post("/reports/schedules", form)


def scheduled(session, **changed):
    session.rollback()
    kept = session.scalars(select(ReportSchedule)).one()
    for name, value in changed.items():
        setattr(kept, name, value)
    store(session)
    return kept


def send(session):
    """What one of the processes does in its round; how many reports it has sent."""
    session.rollback()
    db.session.remove()
    return report_mails.send_due()


def delivered(session, server):
    send(session)
    post.send_due()
    session.rollback()
    return server.received


def attached(letter):
    [file] = letter.iter_attachments()
    return file


def pdf_text(content):
    text = " ".join(x.extract_text() for x in PdfReader(io.BytesIO(content)).pages)
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def test_a_report_is_sent_once_when_its_week_is_over(session, server, visitor, week, last_monday):
    olga = visitor().log_in()
    answer = order(olga)
    assert answer.status_code == 303
    assert MARTA in olga.text("/reports")
    assert delivered(session, server) == []
    scheduled(session, due_at=last_monday)
    [letter] = delivered(session, server)
    assert letter["To"] == MARTA
    first, last = last_monday.date() - timedelta(days=7), last_monday.date() - timedelta(days=1)
    assert f"{first} to {last}" in letter["Subject"]
    words = letter.get_body(("plain",)).get_content().replace("\u00a0", " ")
    assert "Energy: 10.00 kWh" in words
    assert "CO₂: 4.0 kg" in words
    assert f"/reports?since={first}&until={last}&group=charger" in words
    file = attached(letter)
    assert file.get_filename() == f"sessions-{first:%Y%m%d}-{last:%Y%m%d}.xlsx"
    with zipfile.ZipFile(io.BytesIO(file.get_content())) as book:
        assert b"Plaza AC-2" in book.read("xl/sharedStrings.xml")
    assert scheduled(session).due_at > last_monday + timedelta(days=6)
    assert len(delivered(session, server)) == 1


def test_only_one_of_many_processes_takes_it(session, visitor, week, last_monday):
    order(visitor().log_in())
    kept = scheduled(session, due_at=last_monday)
    at = last_monday + timedelta(minutes=1)
    zone = ZoneInfo("UTC")
    assert reports.take_schedule(session, kept.id, last_monday, zone=zone, at=at)
    store(session)
    assert reports.take_schedule(session, kept.id, last_monday, zone=zone, at=at) is None


def test_each_gets_it_in_their_own_language(session, server, visitor, week, last_monday):
    olga = visitor().log_in()
    user = session.scalars(select(User)).one()
    user.email = user.email_folded = "olga@example.org"
    user.language = "de"
    store(session)
    order(olga, format="pdf", recipients=f"olga@example.org, {MARTA}")
    scheduled(session, due_at=last_monday)
    letters = {x["To"]: x for x in delivered(session, server)}
    assert set(letters) == {"olga@example.org", MARTA}
    german, english = (pdf_text(attached(letters[x]).get_content()) for x in ("olga@example.org", MARTA))
    assert "Ladevorgänge" in german
    assert "10,00 kWh" in german
    assert "Sessions" in english
    assert "10.00 kWh" in english


def test_a_report_is_changed_and_what_cannot_be_is_told_where_it_was_written(session, visitor, week):
    olga = visitor().log_in()
    order(olga)
    kept = scheduled(session)
    here = f"/reports/schedules/{kept.id}"
    assert f'action="{here}"' in olga.text("/reports")
    wrong = olga.post(here, {"recipients": "nobody", "every": "month", "format": "pdf"})
    assert wrong.status_code == 422
    dialog = wrong.get_data(as_text=True).partition(f'id="reschedule-{kept.id}" open')[2]
    assert "nobody is no e-mail address" in dialog
    given = {"recipients": "paul@example.org", "every": "month", "format": "pdf"}
    assert olga.post(here, given).status_code == 303
    changed = scheduled(session)
    assert (changed.recipients, changed.every, changed.format) == (["paul@example.org"], "month", "pdf")
    assert changed.due_at.astimezone(ZoneInfo("UTC")).day == 1
    olga.post(f"{here}/pause", {"is_on": "0"})
    olga.post(here, given | {"every": "week"})
    assert scheduled(session).due_at is None


def test_a_paused_report_rests_and_a_deleted_one_is_gone(session, server, visitor, week, last_monday):
    olga = visitor().log_in()
    order(olga)
    kept = scheduled(session, due_at=last_monday)
    assert olga.post(f"/reports/schedules/{kept.id}/pause", {"is_on": "0"}).status_code == 303
    assert delivered(session, server) == []
    assert "Paused" in olga.text("/reports")
    olga.post(f"/reports/schedules/{kept.id}/pause", {"is_on": "1"})
    assert scheduled(session).due_at > last_monday
    olga.post(f"/reports/schedules/{kept.id}/remove")
    assert MARTA not in olga.text("/reports")
    session.rollback()
    assert session.scalars(select(ReportSchedule)).all() == []


def test_addresses_that_are_none_are_explained_and_kept(visitor):
    answer = order(visitor().log_in(), recipients="marta")
    assert answer.status_code == 422
    assert "marta is no e-mail address." in answer.text
    assert 'value="marta"' in answer.text


@pytest.mark.parametrize("name", ["every", "format"])
def test_a_word_that_no_list_has_is_refused(visitor, name):
    answer = order(visitor().log_in(), **{name: "yearly"})
    assert answer.status_code == 422
    assert "Choose one of the list." in answer.text


def test_one_that_cannot_be_made_holds_no_other_up(session, server, visitor, week, last_monday):
    """What is stored of it makes no sense: it is put off, and the page says so."""
    olga = visitor().log_in()
    order(olga)
    broken = scheduled(session, due_at=last_monday).id
    order(olga, recipients="pedro@example.org")
    session.execute(update(ReportSchedule).values(due_at=last_monday))
    session.execute(
        update(ReportSchedule)
        .where(ReportSchedule.id == broken)
        .values(language="de", every="week", recipients=[5])
    )
    store(session)
    began = clock.now()
    [letter] = delivered(session, server)
    assert letter["To"] == "pedro@example.org"
    session.rollback()
    put_off = session.get(ReportSchedule, broken)
    assert began < put_off.due_at <= clock.now() + timedelta(hours=1)
    assert "It is tried again every hour." in olga.text("/reports")


def test_others_reports_by_mail_are_nobodys_business(session, visitor):
    order(visitor().log_in())
    kept = scheduled(session)
    other = visitor().log_in(Role.OPERATOR)
    assert MARTA not in other.text("/reports")
    assert other.post(f"/reports/schedules/{kept.id}/remove").status_code == 404
    assert other.post(f"/reports/schedules/{kept.id}", {}).status_code == 404
    assert scheduled(session).due_at is not None


@pytest.mark.parametrize("change", [{"is_enabled": False}, {"role": Role.DRIVER}])
def test_it_stops_with_the_right_to_read_reports(session, server, visitor, week, last_monday, change):
    order(visitor().log_in(Role.ACCOUNTANT))
    user = session.scalars(select(User).where(User.role == Role.ACCOUNTANT)).one()
    for name, value in change.items():
        setattr(user, name, value)
    store(session)
    scheduled(session, due_at=last_monday)
    assert delivered(session, server) == []
    assert session.scalars(select(Mail)).all() == []
    kept = scheduled(session)
    assert (kept.due_at, "may not read reports" in kept.error) == (None, True)


def test_it_goes_with_whoever_ordered_it(session, visitor):
    visitor().log_in()
    order(visitor().log_in(Role.OPERATOR))
    user = session.scalars(select(User).where(User.role == Role.OPERATOR)).one()
    accounts.remove_user(session, user, at=clock.now())
    store(session)
    assert session.scalars(select(ReportSchedule)).all() == []


def test_a_site_host_is_sent_the_figures_of_their_sites_alone(
    session, server, visitor, site, week, last_monday
):
    theirs = sites.add(session, Details("Garage"), at=site.now)
    store(session)
    host = visitor().log_in(Role.SITE_HOST)
    host.home = "/reports"
    user = session.scalars(select(User).where(User.role == Role.SITE_HOST)).one()
    accounts.set_sites(session, user, [theirs.id])
    store(session)
    assert order(host, group="driver").status_code == 422
    query = f"since={last_monday.date() - timedelta(days=7)}&until={last_monday.date()}"
    assert "Plaza AC-2" not in host.text(f"/reports?{query}&group=charger")
    assert host.get(f"/reports?{query}&group=driver").status_code == 422
    order(host, format="pdf")
    scheduled(session, due_at=last_monday)
    assert "Plaza AC-2" not in pdf_text(attached(delivered(session, server)[0]).get_content())
    site.charger.site_id = theirs.id
    store(session)
    scheduled(session, due_at=last_monday)
    assert "10.00 kWh" in host.text(f"/reports?{query}&group=charger")
    assert "Plaza AC-2" in pdf_text(attached(delivered(session, server)[1]).get_content())


def test_months_begin_on_their_first_morning_in_the_installations_zone():
    madrid = ZoneInfo("Europe/Madrid")
    at = datetime(2026, 3, 30, 12, tzinfo=UTC)  # a Monday
    assert reports.next_due(Every.MONTH, at, madrid) == datetime(2026, 4, 1, 4, tzinfo=UTC)
    assert reports.next_due(Every.WEEK, at, madrid) == datetime(2026, 4, 6, 4, tzinfo=UTC)
