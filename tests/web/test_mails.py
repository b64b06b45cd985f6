"""The outbox: the owner sees what waits, and why."""

import re
from dataclasses import replace

from csms.domain.accounts import Role
from tests.web.visitor import told


def test_without_a_server_the_page_says_so_and_lab_mode_lets_read(visitor, app, site):
    olga = visitor().log_in()
    olga.post("/settings/mail/test", {"email": "olga@example.org"})
    page = olga.text("/settings/mail")
    assert "No mail server is set up" in page
    assert "olga@example.org" in page
    assert "This is a test that owner-0 asked for" not in page
    app.config["LAB"] = True
    assert "This is a test that owner-0 asked for" in olga.text("/settings/mail")


def test_a_mail_that_waits_can_be_tried_now(visitor, app, site):
    olga = visitor().log_in()
    app.extensions["settings"] = replace(app.extensions["settings"], smtp_url="smtp://mail.example.org")
    assert olga.post("/settings/mail/test", {"email": "olga@example.org"}).status_code == 302
    page = olga.text("/settings/mail")
    assert "mail.example.org:587" in page
    action = re.search(r"/settings/mail/\d+/retry", page)
    assert action
    assert olga.post(action[0]).status_code == 302
    wrong = olga.post("/settings/mail/test", {"email": "nobody at example"})
    assert wrong.status_code == 422
    assert "This is no e-mail address." in told(wrong)
    assert 'value="nobody at example"' in told(wrong)


def test_others_see_no_mail(visitor, site):
    for role in (Role.OPERATOR, Role.DRIVER):
        assert visitor().log_in(role).get("/settings/mail").status_code == 404
