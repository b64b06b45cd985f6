"""Settings: the owner's alone."""

import pytest

from csms.domain import accounts
from csms.domain.accounts import Role
from tests.web.visitor import PASSWORD, told


def test_the_installation_is_shown_without_its_secrets(visitor, app, site):
    page = visitor().log_in().text("/settings")
    config = app.extensions["settings"]
    assert config.public_base_url in page
    assert "ws://charging.test/ws/ocpp/" in page
    assert config.secret_key not in page
    assert "Flask".lower() in page


def test_a_new_user_can_log_in_and_a_disabled_one_is_out_at_once(visitor, site):
    olga = visitor().log_in()
    form = {"username": "marta", "role": "support", "password": "a long enough one"}
    assert olga.post("/settings/users", form).status_code == 302
    marta = visitor()
    assert marta.post("/login", {"username": "marta", "password": "a long enough one"}).status_code == 302
    assert marta.get("/sessions").status_code == 200
    user = accounts.find_user(site.session, "marta")
    olga.post(f"/settings/users/{user.id}/disable")
    assert marta.get("/sessions").status_code == 302
    assert "user.disable" in olga.text("/settings/audit")


def test_a_weak_password_and_a_taken_name_are_explained(visitor, site):
    olga = visitor().log_in()
    answer = olga.post("/settings/users", {"username": "x", "role": "support", "password": "short"})
    assert answer.status_code == 422
    assert "password" in told(answer)
    answer = olga.post("/settings/users", {"username": "OWNER-0", "role": "support", "password": PASSWORD})
    assert answer.status_code == 422
    assert "already" in told(answer)


def test_nobody_locks_themselves_out(visitor, site):
    olga = visitor().log_in()
    user = accounts.find_user(site.session, "owner-0")
    olga.post(f"/settings/users/{user.id}/disable")
    assert olga.get("/settings").status_code == 200


def test_the_organisations_name_is_on_receipts_at_once(visitor, site):
    visitor().log_in().post("/settings", {"organisation": "Sol Carga"})
    assert "Operated by Sol Carga" in visitor().text(f"/c/{site.slug}")


@pytest.mark.parametrize("role", [x for x in Role if x is not Role.OWNER])
def test_others_find_no_settings(visitor, site, role):
    other = visitor().log_in(role)
    for path in ("/settings", "/settings/users", "/settings/audit"):
        assert other.get(path).status_code == 404
