"""The list of chargers, and all that is known of one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from make import make_charger, make_wire
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import chargers
from csms.domain.accounts import Role
from csms.domain.chargers import Admission, AuthorizationPolicy, ConnectorStatus, keys
from csms.web import journal, strips
from tests.web.browser import Browser, logged_in, publish


def _online(session: Session, identity: str = "CP-1", connectors: int = 1) -> int:
    charger = make_charger(session, identity, at=clock.now(), online=True, connectors=connectors)
    return charger.id


def test_the_list_finds_by_letters_and_by_status(session: Session, olga: Browser) -> None:
    make_charger(session, "ALPHA", name="Plaza AC-1", location="Madrid")
    make_charger(session, "BRAVO")
    make_charger(session, "PENDING-1", admission=Admission.PENDING)
    publish(session)
    assert "Plaza AC-1" in olga.read("/chargers?q=madrid")
    assert "BRAVO" not in olga.read("/chargers?q=madrid")
    waiting = olga.read("/chargers?status=pending")
    assert "PENDING-1" in waiting
    assert "BRAVO" not in waiting
    assert "No charger matches" in olga.read("/chargers?q=zulu")
    assert olga.open("/chargers?status=nonsense").status_code == 404
    assert "BRAVO" in olga.read("/chargers?online=0")
    assert "BRAVO" not in olga.read("/chargers?online=1")


def test_the_list_goes_on_where_the_page_before_ended(session: Session, olga: Browser) -> None:
    for number in range(60):
        make_charger(session, f"CP-{number:03}")
    publish(session)
    first = olga.read("/chargers")
    assert "CP-049" in first
    assert "CP-050" not in first
    cursor = first.split("after=")[1].split('"')[0].replace("&amp;", "&")
    second = olga.read(f"/chargers?after={cursor}")
    assert "CP-050" in second
    assert "CP-049" not in second
    assert "CP-000" in olga.read("/chargers?after=nonsense")


@pytest.mark.parametrize("tab", ["", "/sessions", "/messages", "/configuration", "/settings"])
def test_every_tab_of_a_charger_that_never_connected_is_there(
    session: Session, olga: Browser, tab: str
) -> None:
    charger = make_charger(session, connectors=0)
    publish(session)
    page = olga.read(f"/chargers/{charger.id}{tab}")
    assert "has never connected" in page
    assert 'aria-current="page"' in page


def test_the_public_page_is_on_a_code_to_print_with_its_whole_address(
    session: Session, olga: Browser
) -> None:
    charger = make_charger(session)
    publish(session)
    assert f"http://charging.test/c/{charger.slug}" in olga.read(f"/chargers/{charger.id}")


def test_messages_are_told_in_words_and_shown_as_they_were(session: Session, olga: Browser) -> None:
    charger_id = _online(session)
    wire = make_wire(session, chargers.get(session, charger_id))
    wire.call("Authorize", {"idTag": "04A2219F"})
    wire.send('[2,"x","Nonsense",{}]')
    publish(session)
    page = olga.read(f"/chargers/{charger_id}/messages")
    assert "idTag 04A2219F" in page
    assert "Nonsense" in page
    assert "&#34;idTag&#34;: &#34;04A2219F&#34;" in page
    assert "Nonsense" not in olga.read(f"/chargers/{charger_id}/messages/list?action=Authorize")
    assert "Nothing like that" in olga.read(f"/chargers/{charger_id}/messages?q=zulu")


def test_what_a_charger_says_of_itself_is_never_markup(session: Session, olga: Browser) -> None:
    charger_id = _online(session)
    wire = make_wire(session, chargers.get(session, charger_id))
    wire.call("BootNotification", {"chargePointVendor": "<b>x</b>", "chargePointModel": "'\"><i>"})
    publish(session)
    for tab in ("", "/messages", "/settings"):
        page = olga.read(f"/chargers/{charger_id}{tab}")
        assert "<b>x</b>" not in page
        assert '"><i>' not in page


def test_a_charger_is_added_and_its_key_shown_once(app: Flask, session: Session, olga: Browser) -> None:
    answer = olga.send("/chargers/new", identity="NEW-1", name="Plaza", policy="known", key="1")
    key = answer.text.split('data-copy="')[1].split('"')[0]
    session.rollback()
    charger = chargers.find(session, "new-1")
    assert charger is not None
    assert charger.admission is Admission.ACCEPTED
    assert keys.matches(charger.key_hash or "", key.encode(), app.config["PEPPER"])
    assert key not in olga.read(f"/chargers/{charger.id}/settings")
    again = olga.send("/chargers/new", identity="NEW-1", policy="known")
    assert again.status_code == 422
    assert "is there already" in again.text


@pytest.mark.parametrize("identity", ["", "a:b", "a/b", "x" * 49])
def test_an_identity_that_no_charger_can_have_is_refused(olga: Browser, identity: str) -> None:
    assert olga.send("/chargers/new", identity=identity, policy="known").status_code == 422


def test_settings_are_kept_and_nonsense_is_told_at_its_field(session: Session, olga: Browser) -> None:
    charger_id = make_charger(session).id
    publish(session)
    good = {
        "name": "Plaza",
        "location": "Madrid",
        "latitude": "40,4168",
        "longitude": "-3.7038",
        "policy": "credit",
    }
    assert olga.send(f"/chargers/{charger_id}/settings", **good).status_code == 302
    session.rollback()
    charger = chargers.get(session, charger_id)
    assert (charger.name, charger.latitude, charger.policy) == ("Plaza", 40.4168, AuthorizationPolicy.CREDIT)
    for wrong in (
        {"latitude": "north"},
        {"latitude": "91"},
        {"heartbeat_interval_s": "1"},
        {"policy": "all"},
    ):
        answer = olga.send(f"/chargers/{charger_id}/settings", **(good | wrong))
        assert answer.status_code == 422, wrong
        assert 'aria-invalid="true"' in answer.text


def test_a_rejected_charger_can_be_let_in_again(session: Session, olga: Browser) -> None:
    charger_id = make_charger(session).id
    publish(session)
    olga.send(f"/chargers/{charger_id}/reject")
    assert "is rejected" in olga.read(f"/chargers/{charger_id}")
    olga.send(f"/chargers/{charger_id}/adopt")
    assert "is rejected" not in olga.read(f"/chargers/{charger_id}/messages").split("tabs")[1]


def test_only_a_charger_without_a_past_can_be_deleted(session: Session, olga: Browser) -> None:
    charger_id = _online(session)
    wire = make_wire(session, chargers.get(session, charger_id))
    wire.call(
        "StartTransaction",
        {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": clock.now().isoformat()},
    )
    never_used = make_charger(session, "CP-2").id
    publish(session)
    olga.send(f"/chargers/{charger_id}/delete")
    assert "is connected" in olga.read(f"/chargers/{charger_id}/settings")
    chargers.close_link(session, charger_id, 1, reason="1000", at=clock.now())
    publish(session)
    olga.send(f"/chargers/{charger_id}/delete")
    assert "it stays, for the books" in olga.read(f"/chargers/{charger_id}/settings")
    olga.send(f"/chargers/{never_used}/delete")
    assert olga.open(f"/chargers/{never_used}").status_code == 404


def test_support_may_command_and_not_change(app: Flask, session: Session) -> None:
    charger_id = make_charger(session).id
    publish(session)
    sam = logged_in(app, session, Role.SUPPORT, "sam")
    assert "Reset" in sam.read(f"/chargers/{charger_id}")
    assert sam.send(f"/chargers/{charger_id}/settings", policy="open").status_code == 404
    assert sam.send(f"/chargers/{charger_id}/key").status_code == 404
    assert sam.send(f"/chargers/{charger_id}/delete").status_code == 404


def test_a_day_is_what_the_connector_was_and_the_offline_hours_count_as_down(session: Session) -> None:
    at = clock.now()
    charger = make_charger(session, at=at - timedelta(hours=10), online=True)
    report = chargers.StatusReport(1, 1, ConnectorStatus.AVAILABLE, "Available", at - timedelta(hours=8))
    chargers.set_status(session, charger.id, report, at=at - timedelta(hours=8))
    chargers.close_link(session, charger.id, 1, reason="1006", at=at - timedelta(hours=2))
    publish(session)
    from csms.domain.chargers import queries

    since = at - timedelta(hours=24)
    day = strips.day(queries.history(session, charger.id, since=since, at=at), 1, since, at)
    assert [period.words for period in day.periods] == ["Available", "Offline"]
    assert day.up == pytest.approx(6 / 8)


def test_seconds_of_history_make_no_claim_of_reliability(session: Session, olga: Browser) -> None:
    charger_id = _online(session)
    chargers.close_link(session, charger_id, 1, reason="1006", at=clock.now())
    publish(session)
    page = olga.read(f"/chargers/{charger_id}")
    assert "Last 24 hours" in page
    assert "% up" not in page


@pytest.mark.parametrize("text", ["", "{", "[]", "[2]", '[3,"1",null]', '[4,"1"]', "[2,3,4,5]", '"x"'])
def test_a_frame_that_is_no_message_is_still_told(text: str) -> None:
    assert isinstance(journal.pretty(text), str)
