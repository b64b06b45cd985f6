"""Who is told of payments: programs by webhooks, people by alerts. A charger that has some is not removed."""

from __future__ import annotations

import json
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from make import make_charger, store
from sqlalchemy import select

from csms import clock
from csms.domain import alerts, payments, webhooks
from csms.domain.alerts import AlertKind, Wish
from csms.domain.payments import Payment, settings
from csms.domain.transactions import refund, removal
from csms.domain.webhooks import Delivery, Event, Target
from csms.domain.webhooks.models import WebhookCursor
from tests.web.till import Till
from tests.web.visitor import told

EVENTS = [x.value for x in Event if x.value.startswith("payment.")]


@pytest.fixture
def till(app, site):
    return Till(app, site).set_up()


@pytest.fixture
def hook(site):
    target = Target("Billing", "https://example.org/hooks", EVENTS)
    made = webhooks.add(site.session, target, secret_sealed="sealed", by="olga", at=site.now)
    store(site.session)
    return made


def deliveries(site):
    """(event, data) of all that there is to tell, in its order."""
    site.session.rollback()
    webhooks.gather(site.session, clock.now())
    store(site.session)
    rows = site.session.scalars(select(Delivery).order_by(Delivery.id)).all()
    return [(x.event.value, json.loads(x.body)["data"]) for x in rows]


def test_each_step_of_a_payment_is_told_once(till, site, hook):
    deliveries(site)
    till.pay_as_stranger()
    [(event, data)] = deliveries(site)
    assert (event, data["held_cents"], data["state"]) == ("payment.held", 4_000, "held")
    transaction = till.charge(10_000)
    refund(site.session, transaction, cents=200, reason="slow", by="olga", at=clock.now())
    store(site.session)
    till.work()
    found = deliveries(site)
    assert [x for x, _ in found] == ["payment.held", "payment.captured", "payment.refunded"]
    data = found[-1][1]
    assert (data["transaction_id"], data["captured_cents"]) == (transaction.id, 525)
    assert (data["refunded_cents"], data["step_cents"]) == (200, 200)
    assert (data["charger"], data["evse"], data["currency"]) == ("CP-1", 1, "EUR")


def test_a_declined_card_is_told_as_failed_and_a_hold_without_a_start_as_released(till, site, hook, visitor):
    deliveries(site)
    till.pay(visitor(), "declines")
    [(event, data)] = deliveries(site)
    assert (event, data["step"]) == ("payment.failed", "failed")
    assert data["note"] == "Your bank has declined the card."
    till.pay(visitor())
    [order] = till.orders
    order.state, order.awaits = "rejected", None
    store(site.session)
    till.work()
    assert [x for x, _ in deliveries(site)][1:] == ["payment.held", "payment.released"]


def test_who_looked_for_events_before_payments_were_among_them_goes_on(till, site, hook):
    deliveries(site)
    site.session.delete(site.session.get_one(WebhookCursor, "payment"))
    store(site.session)
    till.pay_as_stranger()
    deliveries(site)
    till.charge(10_000)
    assert deliveries(site)[-1][0] == "payment.captured"


def titles(site, after=timedelta(0)):
    """What of alerts is new, and what is over."""
    at = clock.now() + after
    alerts.look(site.session, at)
    store(site.session)
    new, over = alerts.to_tell(site.session, at, ZoneInfo("UTC"))
    for one in (*new, *over):
        alerts.note_told(one, at=at)
    store(site.session)
    return [x.title for x in new], [x.title for x in over]


def test_a_payment_that_waits_for_a_person_raises_an_alert_until_it_is_seen_to(till, site):
    alerts.add(site.session, Wish("Money", AlertKind.PAYMENT), by="olga", at=site.now)
    store(site.session)
    till.pay_as_stranger()
    assert titles(site) == ([], [])
    payment = payments.find(site.session, till.payment.id)
    payments.tell_of(site.session, payment, "The money could not be taken: no.", at=clock.now())
    store(site.session)
    words = "A payment at Plaza AC-2: The money could not be taken: no."
    assert titles(site) == ([words], [])
    payments.put_aside(site.session, site.session.get_one(Payment, payment.id), by="olga", at=clock.now())
    store(site.session)
    titles(site)
    assert titles(site, timedelta(minutes=4)) == ([], [words])


def test_a_provider_that_does_not_answer_raises_an_alert(till, site):
    alerts.add(site.session, Wish("Money", AlertKind.PAYMENT), by="olga", at=site.now)
    settings.note_down(site.session, "It says 500.", at=clock.now())
    store(site.session)
    assert titles(site) == (["The payment provider does not answer: It says 500."], [])


def test_a_charger_with_payments_is_not_removed(till, site, visitor):
    till.ask(visitor())
    site.charger.lease.online_until = None
    store(site.session)
    here = f"/chargers/{site.charger.id}"
    answer = visitor().log_in().post(f"{here}/delete", follow_redirects=True)
    assert "There are card payments of Plaza AC-2: it stays, for the books." in told(answer)
    assert till.payment.charger_id == site.charger.id


def test_a_simulated_charger_with_payments_stays_and_the_others_go(till, site, visitor):
    till.ask(visitor())
    site.charger.is_simulated = True
    make_charger(site.session, "SIM-2", at=site.now, is_simulated=True)
    page = told(visitor().log_in().post("/simulator/remove", follow_redirects=True))
    assert "There are card payments of Plaza AC-2: it stays, for the books." in page
    assert "1 simulated charger is removed." in page
    assert [x.identity for x in removal.simulated(site.session)] == ["CP-1"]
    assert till.payment.charger_id == site.charger.id
