"""The pages of webhooks."""

from __future__ import annotations

import re

from csms.domain.accounts import Role

GIVEN = {"name": "Billing", "url": "https://hooks.example.org/in", "events": ["transaction.ended"]}


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
