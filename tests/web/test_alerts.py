"""The page of alerts."""

from __future__ import annotations

import re
from datetime import timedelta

from make import store
from sqlalchemy import select

from csms import alerts as sender
from csms.domain.accounts import Role
from csms.domain.chargers import LinkLease
from csms.domain.mail import Mail

GIVEN = {"name": "Anything offline", "kind": "offline", "mail_to": "ops@example.org", "is_enabled": "1"}


def test_a_rule_is_made_raises_an_alert_and_is_tested_and_removed(visitor, site):
    olga = visitor().log_in()
    assert "No rules yet" in olga.text("/alerts")
    assert "New rule" in olga.text("/alerts/rules/new")
    assert olga.post("/alerts/rules", GIVEN).status_code == 302
    lease = site.session.get_one(LinkLease, site.charger.id)
    lease.online_until, lease.closed_at = None, site.now - timedelta(minutes=1)
    store(site.session)
    with olga.app.app_context():
        sender.look(site.session, site.now)
    store(site.session)
    page = olga.text("/alerts")
    assert "Plaza AC-2 cannot be reached" in page
    found = re.search(r'href="(/alerts/rules/\d+)"', page)
    assert found
    take, put_off = (re.search(rf'action="(/alerts/\d+/{x})"', page)[1] for x in ("acknowledge", "snooze"))
    assert olga.post(take).status_code == 302
    assert re.search(r"In hand.{,120}, ", olga.text("/alerts"), re.S)
    assert olga.post(put_off, {"hours": "8"}).status_code == 302
    assert "put off until" in olga.text("/alerts")
    assert olga.post(put_off).status_code == 302
    assert "put off until" not in olga.text("/alerts")
    for wrong in ("900", "999999999", "soon"):
        assert olga.post(put_off, {"hours": wrong}).status_code == 422
    assert "/acknowledge" not in visitor().log_in(Role.READ_ONLY).text("/alerts")
    assert olga.post(f"{found.group(1)}/test").status_code == 302
    site.session.rollback()
    assert len(site.session.scalars(select(Mail)).all()) == 2
    changed = olga.post(found.group(1), GIVEN | {"quiet_from": "22:00", "quiet_until": "06:00"})
    assert changed.status_code == 302
    assert "22:00 to 06:00" in olga.text("/alerts")
    assert olga.post(f"{found.group(1)}/remove").status_code == 302
    assert "No rules yet" in olga.text("/alerts")


def test_what_is_wrong_stands_at_its_field_and_support_makes_no_rules(visitor, site):
    olga = visitor().log_in()
    wrong = olga.post("/alerts/rules", GIVEN | {"mail_to": "nobody", "quiet_from": "25:00"})
    assert wrong.status_code == 422
    assert "Write the time as 22:00" in wrong.get_data(as_text=True)
    helper = visitor().log_in(Role.SUPPORT)
    assert "New rule" not in helper.text("/alerts")
    assert helper.get("/alerts/rules/new").status_code == 404
