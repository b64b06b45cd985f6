"""The pages of webhooks."""

from __future__ import annotations

import re
from datetime import timedelta

from make import NOW, store
from sqlalchemy import select

from csms import clock
from csms.domain.accounts import Role
from csms.domain.webhooks import Delivery, DeliveryState, Event, Webhook
from tests.api.caller import begin

GIVEN = {"name": "Billing", "url": "https://hooks.example.org/in", "events": ["transaction.ended"]}

MISSED = {
    "event_id": "x",
    "event": Event.TRANSACTION_ENDED,
    "body": "{}",
    "state": DeliveryState.FAILED,
    "attempts": 8,
}


def test_a_webhook_is_made_its_secret_shown_once_tested_and_switched_off(visitor, site):
    olga = visitor().log_in()
    assert "No webhooks yet" in olga.text("/webhooks")
    page = olga.post("/webhooks", GIVEN).get_data(as_text=True)
    assert "whsec_" in page
    found = re.search(r'action="(/webhooks/\d+)/test"', page)
    assert found
    here = found.group(1)
    page = olga.text(here)
    assert "whsec_" not in page
    assert "A session has ended" in page
    assert olga.post(f"{here}/test").status_code == 302
    page = olga.text(here)
    assert "ping" in page
    assert "To be sent" in page
    olga.post(f"{here}/off")
    assert "Somebody has switched it off" in olga.text(here)
    olga.post(f"{here}/on")
    assert "whsec_" in olga.post(f"{here}/secret").get_data(as_text=True)
    assert olga.post(f"{here}/remove").status_code == 302
    assert "No webhooks yet" in olga.text("/webhooks")


def test_a_webhook_to_nowhere_or_about_nothing_is_told_at_its_field(visitor, site):
    olga = visitor().log_in()
    wrong = olga.post("/webhooks", GIVEN | {"url": "nowhere"})
    assert wrong.status_code == 422
    assert "Write an address" in wrong.get_data(as_text=True)
    nothing = olga.post("/webhooks", {"name": "x", "url": GIVEN["url"]})
    assert "Choose at least one" in nothing.get_data(as_text=True)
    assert visitor().log_in(Role.SUPPORT).get("/webhooks").status_code == 404


def test_what_did_not_arrive_is_sent_again_with_one_press(visitor, site, session):
    olga = visitor().log_in()
    page = olga.post("/webhooks", GIVEN).get_data(as_text=True)
    here = re.search(r'action="(/webhooks/\d+)/test"', page).group(1)
    assert "Send all again" not in olga.text(here)
    webhook = session.scalars(select(Webhook)).one()
    for number in range(2):
        said = (webhook.id, number, NOW)
        session.add(Delivery(**dict(zip(("webhook_id", "key", "created_at"), said, strict=True)), **MISSED))
    session.commit()
    assert "2 did not arrive" in olga.text(here)
    assert olga.post(f"{here}/resend").status_code == 302
    page = olga.text(here)
    assert "2 are sent again." in page
    assert "did not arrive" not in page
    assert "To be sent" in page


def test_a_webhook_that_fails_needs_a_person_until_it_is_switched_on_again(visitor, session, site):
    olga, support = visitor().log_in(), visitor().log_in(Role.SUPPORT)
    olga.post("/webhooks", GIVEN)
    webhook = session.scalars(select(Webhook)).one()
    begin(session)
    webhook.failures, webhook.failing_since = 3, clock.now() - timedelta(minutes=50)
    store(session)
    assert "Billing" not in olga.text("/ui/")
    begin(session)
    webhook.failing_since -= timedelta(minutes=15)
    store(session)
    assert "cannot be told what happens here: it is tried again" in olga.text("/ui/")
    begin(session)
    webhook.is_enabled, webhook.off_why = False, "20 tries in a row failed, for more than a day."
    store(session)
    page = olga.text("/ui/")
    assert "is switched off, and told nothing" in page
    assert "20 tries in a row failed" in page
    assert f'href="/webhooks/{webhook.id}"' in page
    assert "For an operator" in support.text("/ui/")
    olga.post(f"/webhooks/{webhook.id}/on")
    assert "is switched off, and told nothing" not in olga.text("/ui/")
