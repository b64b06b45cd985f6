"""What pages tell of sessions that went wrong, and the buttons that settle, match and undo."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from make import store
from sqlalchemy import select

from csms.domain import transactions
from csms.domain.accounts import AuditEntry, Role
from csms.domain.transactions import Repair, Transaction, TransactionState

HOUR = timedelta(hours=1)


def ghost(site, meter_wh=3_000):
    """A session of an hour ago, whose connector says that it is free."""
    site.wire.now = site.now - HOUR
    transaction = site.begin(at=site.now - HOUR)
    site.measure(transaction, meter_wh, site.now - HOUR / 2)
    site.status("Available", site.now - HOUR / 4)
    site.wire.now = site.now
    return transaction


def mend(site, at=None):
    grace, silence = timedelta(minutes=2), timedelta(hours=24)
    transactions.mend(site.session, at or site.now, grace=grace, silence=silence)
    store(site.session)


def orphan(site, meter_wh=3_500, **more):
    at = site.now - HOUR / 4
    report = {"transactionId": 4711, "meterStop": meter_wh, "timestamp": at.isoformat()}
    site.tell("StopTransaction", report | more, at)
    query = select(Transaction).where(Transaction.state == TransactionState.ORPHAN)
    return site.session.scalars(query).one()


def state(site, transaction):
    site.session.rollback()
    return site.session.get_one(Transaction, transaction.id)


def made(site):
    site.session.rollback()
    return site.session.scalars(select(Repair).order_by(Repair.id)).all()


def test_the_sessions_page_tells_in_plain_words_what_was_done_and_undoes_it(visitor, site):
    transaction = ghost(site)
    mend(site)
    olga = visitor().log_in()
    page = olga.text(f"/sessions/{transaction.id}")
    assert "This session's end was never reported. Estimated from the last reading of its meter." in page
    assert "Connector 1 said that it is free." in page
    assert "Bill the estimate" in page
    (one,) = made(site)
    assert olga.post(f"/sessions/{transaction.id}/repairs/{one.id}/undo").status_code == 302
    assert state(site, transaction).is_active
    assert "Undone" in olga.text(f"/sessions/{transaction.id}")
    assert "session.repair_undone" in site.session.scalars(select(AuditEntry.action)).all()


def test_each_proof_leads_to_what_the_charger_said_then(visitor, site):
    transaction = ghost(site)
    mend(site)
    site.tell("DataTransfer", {"vendorId": "afterwards"}, site.now)
    olga = visitor().log_in()
    page = olga.text(f"/sessions/{transaction.id}")
    addresses = re.findall(r'href="(/chargers/\d+/messages\?until=[^"]+)"', page)
    assert len(addresses) == 2
    before = olga.text(html.unescape(addresses[0]))
    assert "MeterValues" in before
    assert "afterwards" not in before
    assert 'id="charger-messages"' not in before, "what is past does not move"


def test_an_estimate_is_billed_and_marked_wherever_it_is_shown(visitor, site):
    transaction = ghost(site)
    mend(site)
    olga = visitor().log_in()
    assert olga.post(f"/sessions/{transaction.id}/settle", {"how": "bill"}).status_code == 302
    assert state(site, transaction).cost_cents == 133  # 2 kWh and the start
    page = olga.text(f"/sessions/{transaction.id}")
    assert "Energy, estimated" in page
    assert "Billed at the estimate" in page
    receipt = visitor().text(f"/s/{transaction.secret}/receipt")
    assert "Energy, estimated" in receipt
    assert "1.33 €" in receipt
    assert "this is an estimate" in visitor().text(f"/s/{transaction.secret}")
    answer = olga.post(f"/sessions/{transaction.id}/settle", {"how": "bill"})
    assert answer.status_code == 302
    assert "nothing to settle" in olga.text(f"/sessions/{transaction.id}")


def test_force_close_is_settled_or_waived_afterwards(visitor, site):
    transaction = site.begin(at=site.now - HOUR)
    olga = visitor().log_in()
    olga.post(f"/sessions/{transaction.id}/close")
    page = olga.text(f"/sessions/{transaction.id}")
    assert "Closed by hand" in page
    assert "Bill the estimate" not in page  # no reading: nobody knows how much
    listed = olga.text("/cdrs")
    assert "Nobody knows its energy: waive it" in listed
    assert f'href="/sessions/{transaction.id}"' in listed
    olga.post(f"/sessions/{transaction.id}/settle", {"how": "waive"})
    assert state(site, transaction).cost_cents == 0
    listed = olga.text("/cdrs")
    assert "Nobody knows its energy: waive it" not in listed
    assert "waived: nobody pays for it" in listed
    assert "Waived" in olga.text(f"/sessions/{transaction.id}")


def test_the_review_list_settles_matches_and_sets_aside(visitor, site):
    transaction = ghost(site)
    mend(site)
    stop = orphan(site)
    olga = visitor().log_in()
    page = olga.text("/sessions/review")
    assert "Over, and not billed" in page
    assert f"It ends session {transaction.id}" in page
    assert "2.500 kWh" in page
    given = {"transaction": str(transaction.id), "from": "review"}
    answer = olga.post(f"/sessions/{stop.id}/match", given)
    assert answer.headers["Location"] == "/sessions/review"
    ended = state(site, transaction)
    assert (ended.state, ended.energy_wh) == (TransactionState.ENDED, 2_500)
    assert "Nothing to review" in olga.text("/sessions/review")
    undo = f"/sessions/{transaction.id}/repairs/{made(site)[-1].id}/undo"
    olga.post(undo)
    assert f"It ends session {transaction.id}" in olga.text("/sessions/review")
    olga.post(f"/sessions/{stop.id}/dismiss", {"from": "review"})
    assert "Reports of sessions that nobody knows" not in olga.text("/sessions/review")


def test_readings_of_an_unknown_session_are_reviewed_like_a_stop(visitor, site):
    transaction = ghost(site)
    for minutes, value in ((40, "2000"), (38, "2600")):
        at = site.now - timedelta(minutes=minutes)
        values = [{"timestamp": at.isoformat(), "sampledValue": [{"value": value, "unit": "Wh"}]}]
        site.tell("MeterValues", {"connectorId": 1, "transactionId": 4711, "meterValue": values}, at)
    mend(site)
    olga = visitor().log_in()
    page = olga.text("/sessions/review")
    assert "meter from 2.000 kWh to 2.600 kWh; no stop has come" in page
    assert f"They are of session {transaction.id}" in page
    query = select(Transaction).where(Transaction.state == TransactionState.ORPHAN)
    stray = site.session.scalars(query).one()
    assert "no stop of it has come" in olga.text(f"/sessions/{stray.id}")
    assert "Readings only" in olga.text(f"/chargers/{stray.charger_id}/sessions")
    assert "1 report" in olga.text("/")
    olga.post(f"/sessions/{stray.id}/match", {"transaction": str(transaction.id), "from": "review"})
    assert "no stop has come" not in olga.text("/sessions/review")
    assert "Readings that came under another name were added" in olga.text(f"/sessions/{transaction.id}")


def test_a_stop_that_fits_nothing_says_so(visitor, site):
    orphan(site)
    assert "It fits none of this charger’s sessions" in visitor().log_in().text("/sessions/review")


@pytest.mark.parametrize(("verb", "is_active"), [("accept", False), ("reject", True)])
def test_a_silent_session_is_closed_or_left_by_a_person(visitor, site, verb, is_active):
    transaction = site.begin(at=site.now - HOUR)
    mend(site, site.now + timedelta(hours=30))
    olga = visitor().log_in()
    assert "Still open, and not heard for long" in olga.text("/sessions/review")
    assert "still open at a charger that has not been heard for long" in olga.text("/")
    (one,) = made(site)
    olga.post(f"/sessions/{transaction.id}/repairs/{one.id}/{verb}", {"from": "review"})
    assert state(site, transaction).is_active is is_active


def test_whoever_may_not_does_not_find_the_buttons(visitor, site):
    transaction = ghost(site)
    mend(site)
    one = made(site)[0].id
    looker = visitor().log_in(Role.READ_ONLY)
    page = looker.text(f"/sessions/{transaction.id}")
    assert "end was never reported" in page
    assert "Undo</button>" not in page
    assert looker.post(f"/sessions/{transaction.id}/repairs/{one}/undo").status_code == 404
    assert looker.post(f"/sessions/{transaction.id}/settle", {"how": "bill"}).status_code == 404
    support = visitor().log_in(Role.SUPPORT)
    assert support.post(f"/sessions/{transaction.id}/settle", {"how": "bill"}).status_code == 404


def test_an_empty_review_list_says_what_it_is_for(visitor, site):
    assert "Nothing to review" in visitor().log_in().text("/sessions/review")
