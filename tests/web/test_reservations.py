"""The pages about reservations, and what a reserved connector is to its driver."""

from __future__ import annotations

import re
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from make import make_charger, store
from sqlalchemy import select

from csms.domain import reservations
from csms.domain.accounts import Account, AuditEntry, Role
from csms.domain.chargers import AuthorizationPolicy, Connector
from csms.domain.commands import Command, Kind
from csms.domain.reservations import Reservation, ReservationState
from csms.web import day_grid
from tests.web.visitor import told


def book(site, **more):
    """A place that the charger keeps from now on for an hour."""
    given = {"evse": 1, "id_tag": "04A2B39F", "expires_at": site.now + timedelta(hours=1)} | more
    made = reservations.book(site.session, site.session.merge(site.charger), by="olga", at=site.now, **given)
    if made.state is ReservationState.REQUESTED:
        made.state, made.reserved_at = ReservationState.RESERVED, site.now
    store(site.session)
    return made


def found(site):
    site.session.rollback()
    return site.session.scalars(select(Reservation)).all()


def test_an_empty_list_says_what_a_reservation_is(visitor, site):
    page = visitor().log_in().text("/reservations")
    assert "No reservations" in page
    assert "New reservation" in page


def test_a_place_is_booked_on_the_page_and_asked_of_the_charger(visitor, site):
    olga = visitor().log_in()
    form = olga.text("/reservations/new?charger=cp-1")
    assert "Connector 1" in form
    until = re.search(r'name="until"[^>]*value="([^"]+)"|value="([^"]+)"[^>]*name="until"', form)
    assert until
    given = {"charger": "CP-1", "evse": "1", "id_tag": "04A2B39F", "until": until.group(1) or until.group(2)}
    assert olga.post("/reservations/new", given).status_code == 302
    (one,) = found(site)
    assert (one.state, one.id_tag, one.created_by) == (ReservationState.REQUESTED, "04A2B39F", "owner-0")
    assert site.session.scalars(select(Command.kind)).all() == [Kind.RESERVE]
    assert "reservation.book" in site.session.scalars(select(AuditEntry.action)).all()
    page = olga.text("/reservations")
    assert "Asked for" in page
    assert "Olga Serrano" in page


def test_a_driver_is_given_a_card_of_theirs(visitor, site):
    account = site.session.scalars(select(Account)).one().id
    site.session.rollback()
    given = {"charger": "CP-1", "evse": "1", "account": str(account), "until": "2099-01-01T10:00"}
    assert visitor().log_in().post("/reservations/new", given).status_code == 302
    assert found(site)[0].id_tag == "04A2B39F"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "one of the two"),
        ({"id_tag": "04A2B39F", "account": "1"}, "one of the two"),
        ({"id_tag": "04A2B39F"}, "Say until when"),
        ({"id_tag": "04A2B39F", "until": "soon"}, "Write the time as"),
        ({"id_tag": "04A2B39F", "until": "2020-01-01T10:00"}, "must end after it begins"),
        ({"id_tag": "04A2B39F", "until": "2099-01-01T10:00", "evse": "7"}, "no connector 7"),
        ({"charger": "NOWHERE", "id_tag": "04A2B39F"}, "no charger of this identity"),
    ],
)
def test_a_form_that_cannot_be_booked_says_why_and_keeps_what_was_typed(visitor, site, given, words):
    answer = visitor().log_in().post("/reservations/new", {"charger": "CP-1", "evse": "1"} | given)
    assert answer.status_code == 422
    assert words in told(answer)
    assert "04A2B39F" in told(answer) or "id_tag" not in given or given.get("charger")


def test_a_taken_time_is_refused_on_the_form(visitor, site):
    book(site)
    given = {"charger": "CP-1", "evse": "1", "id_tag": "OTHER", "until": "2099-01-01T10:00"}
    answer = visitor().log_in().post("/reservations/new", given)
    assert answer.status_code == 422
    assert "reserved in that time already" in told(answer)


def test_the_day_shows_what_is_kept_and_cancelling_asks_the_charger(visitor, site):
    one = book(site)
    olga = visitor().log_in()
    page = olga.text("/reservations")
    assert "Plaza AC-2 · connector 1" in page
    answer = olga.post(f"/reservations/{one.id}/cancel")
    assert answer.status_code == 302
    page = olga.text("/reservations")
    assert "Being cancelled" in page
    site.session.rollback()
    assert site.session.scalars(select(Command.kind)).all() == [Kind.RESERVE, Kind.CANCEL_RESERVATION]


def test_a_planned_place_is_opened_from_the_list_and_changed(visitor, site):
    begins_at = site.now + timedelta(hours=2)
    one = book(site, starts_at=begins_at, expires_at=begins_at + timedelta(hours=1))
    olga = visitor().log_in()
    assert f'href="/reservations/{one.id}"' in olga.text("/reservations")
    page = olga.text(f"/reservations/{one.id}")
    assert 'value="04A2B39F"' in page
    until = f"{begins_at + timedelta(hours=3):%Y-%m-%dT%H:%M}"
    given = {"evse": "1", "id_tag": "DEADBEEF", "from": f"{begins_at:%Y-%m-%dT%H:%M}", "until": until}
    site.session.merge(site.charger).policy = AuthorizationPolicy.OPEN
    store(site.session)
    assert olga.post(f"/reservations/{one.id}", given).status_code == 302
    (kept,) = found(site)
    assert (kept.id_tag, kept.state) == ("DEADBEEF", ReservationState.PLANNED)
    assert f"{kept.expires_at:%Y-%m-%dT%H:%M}" == until
    assert site.session.scalars(select(Command)).all() == []
    assert olga.post(f"/reservations/{one.id}", given | {"from": ""}).status_code == 302
    assert found(site)[0].state is ReservationState.REQUESTED


def test_a_change_that_cannot_be_says_why_and_what_the_charger_was_asked_for_is_not_changed(visitor, site):
    first = book(site)
    later = book(site, starts_at=first.expires_at, expires_at=first.expires_at + timedelta(hours=1))
    olga = visitor().log_in()
    given = {"evse": "1", "id_tag": "04A2B39F", "from": "", "until": "2099-01-01T10:00"}
    taken = olga.post(f"/reservations/{later.id}", given)
    assert taken.status_code == 422
    assert "reserved in that time already" in told(taken)
    assert 'value="2099-01-01T10:00"' in told(taken)
    asked = olga.post(f"/reservations/{first.id}", given)
    assert asked.status_code == 422
    assert "cancel it, and book anew" in told(asked)
    assert "<form class" not in olga.text(f"/reservations/{first.id}").partition("Change it")[2]


def test_whoever_only_looks_can_book_nothing_and_sees_masked_cards(visitor, site):
    one = book(site)
    looker = visitor().log_in(Role.READ_ONLY)
    page = looker.text("/reservations")
    assert "04A2B39F" not in page
    assert "New reservation" not in page
    assert looker.get("/reservations/new").status_code == 404
    assert "04A2B39F" not in looker.text(f"/reservations/{one.id}")
    assert looker.post(f"/reservations/{one.id}").status_code == 404
    assert looker.post(f"/reservations/{one.id}/cancel").status_code == 404


def test_the_chargers_page_tells_for_whom_a_connector_is_kept(visitor, site):
    book(site)
    page = visitor().log_in().text(f"/chargers/{site.charger.id}")
    assert "Reserved until" in page
    assert "04A2B39F" in page


def test_a_passer_by_is_told_until_when_and_not_for_whom(visitor, site):
    site.status("Reserved")
    book(site)
    page = visitor().text(f"/c/{site.slug}")
    assert re.search(r"Reserved until \d\d:\d\d", page)
    assert "04A2B39F" not in page
    assert "Olga" not in page


def test_the_holder_starts_at_a_reserved_connector_and_others_do_not(visitor, site):
    site.status("Reserved")
    book(site)
    stranger = visitor().post(f"/c/{site.slug}/start", {"method": "guest"})
    assert stranger.status_code == 409
    assert "reserved for another card" in told(stranger)
    holder = visitor().post(f"/c/{site.slug}/start", {"method": "card", "card": "04a2b39f"})
    assert holder.status_code == 303
    site.session.rollback()
    assert Kind.START in site.session.scalars(select(Command.kind)).all()


def test_the_holders_account_starts_with_the_card_that_the_place_is_kept_for(visitor, site):
    site.status("Reserved")
    book(site)
    account = site.session.scalars(select(Account)).one().id
    site.session.rollback()
    driver = visitor().log_in(Role.DRIVER, account)
    assert driver.post(f"/c/{site.slug}/start", {"method": "account"}).status_code == 303
    site.session.rollback()
    start = site.session.scalars(select(Command).where(Command.kind == Kind.START)).one()
    assert start.arguments["id_tag"] == "04A2B39F"


def test_the_list_goes_on_on_the_next_page(visitor, site, session):
    charger = make_charger(session, "CP-7", at=site.now, online=True)
    site.session.add_all(
        Reservation(
            charger_id=charger.id,
            evse=1,
            id_tag=f"CARD-{number}",
            starts_at=site.now,
            expires_at=site.now,
            created_at=site.now,
            state=ReservationState.EXPIRED,
        )
        for number in range(60)
    )
    store(site.session)
    olga = visitor().log_in()
    page = olga.text("/reservations")
    assert "CARD-59" in page
    assert "CARD-5<" not in page
    following = re.search(r'href="([^"]+)" rel="next"', page)
    assert following
    assert "CARD-5<" in olga.text(following.group(1))
    assert site.session.scalars(select(Connector)).all()


def test_an_hour_of_the_day_leads_to_a_form_that_is_filled_in(visitor, site):
    olga = visitor().log_in()
    tomorrow = (site.now + timedelta(days=1)).date().isoformat()
    page = olga.text(f"/reservations?day={tomorrow}")
    link = re.search(
        r'href="(/reservations/new[^"]*from=[^"&]*T14(?:%3A|:)00[^"]*)" aria-label="Reserve ([^"]*)"', page
    )
    assert link.group(2) == "Plaza AC-2 · connector 1 at 14:00"
    form = olga.text(link.group(1))
    assert f'value="{tomorrow}T14:00"' in form
    assert f'value="{tomorrow}T15:00"' in form
    assert page.count('aria-label="Reserve Plaza AC-2') == 24


def test_a_reservation_fills_its_hours_and_is_cancelled_from_the_day(visitor, site):
    day = (site.now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    olga = visitor().log_in()
    given = {
        "charger": "CP-1", "evse": "1", "id_tag": "04A2B39F",
        "from": day.strftime("%Y-%m-%dT10:30"), "until": day.strftime("%Y-%m-%dT12:15"),
    }  # fmt: skip
    assert olga.post("/reservations/new", given).status_code == 302
    page = olga.text(f"/reservations?day={day.date().isoformat()}")
    assert '<td colspan="3"' in page  # 10:00 to 13:00
    cancel = re.search(r'colspan="3".*?action="(/reservations/\d+/cancel)"', page, re.DOTALL).group(1)
    olga.post(cancel)
    assert '<td colspan="3"' not in olga.text(f"/reservations?day={day.date().isoformat()}")
    assert "No charger is called so" in olga.text("/reservations?charger=elsewhere")


def test_a_day_has_as_many_hours_as_its_clocks_say():
    madrid = ZoneInfo("Europe/Madrid")
    assert [len(day_grid.hours_of(date(2026, *x), madrid)) for x in ((3, 29), (6, 1), (10, 25))] == [
        23,
        24,
        25,
    ]


def test_those_who_only_look_have_no_links_to_reserve(visitor, site):
    assert "/reservations/new" not in visitor().log_in(Role.READ_ONLY).text("/reservations")


def test_what_a_place_cannot_be_kept_for_is_not_offered_there(visitor, site):
    """Nobody is asked for a payment that would be refused."""
    site.status("Available")
    assert 'value="guest"' in visitor().text(f"/c/{site.slug}")
    book(site)
    page = visitor().text(f"/c/{site.slug}")
    assert 'value="card"' in page
    assert 'value="guest"' not in page
