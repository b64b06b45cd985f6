"""Settings: the owner's alone."""

import re

import pytest
from sqlalchemy import select

from csms.domain import accounts
from csms.domain.accounts import Role
from csms.domain.mail import Mail
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


def test_an_invited_user_chooses_a_password_and_is_managed_on_a_page(visitor, session, site):
    olga = visitor().log_in()
    form = {"username": "marta", "role": "support", "email": "marta@example.org"}
    assert olga.post("/settings/users", form | {"email": ""}).status_code == 422
    assert olga.post("/settings/users", form).status_code == 302
    assert "Invited" in olga.text("/settings/users")
    session.rollback()
    link = re.search(r"/login/invitation/\S+", session.scalars(select(Mail)).one().text)[0]
    marta = visitor()
    assert "Welcome, marta" in marta.text(link)
    assert marta.post(link, {"password": "four quite new words"}).status_code == 302
    assert marta.get("/sessions").status_code == 200
    page = f"/settings/users/{accounts.find_user(session, 'marta').id}"
    assert olga.post(page, form | {"role": "accountant", "email": "m@example.org"}).status_code == 302
    assert "m@example.org" in olga.text(page)
    session.rollback()
    session.expire_all()
    assert accounts.find_user(session, "marta").role is Role.ACCOUNTANT
    ends_at = re.search(page + r"/log-ins/\d+/end", olga.text(page))[0]
    olga.post(ends_at)
    assert marta.get("/sessions").status_code == 302
    assert olga.post(page + "/remove").status_code == 302
    assert olga.get(page).status_code == 404
    assert "user.remove" in olga.text("/settings/audit?action=user.&q=marta")
    assert "log_in" not in olga.text("/settings/audit?action=user.").split("<table", 1)[1]
    assert "user.remove" in olga.text("/settings/audit/export.csv?action=user.")


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


def test_the_help_line_is_on_drivers_pages_at_once_and_can_be_taken_away(visitor, site):
    olga = visitor().log_in()
    form = {"organisation": "Sol Carga", "time_zone": "America/Monterrey", "distance_unit": "mi"}
    assert olga.post("/settings", form | {"help_phone": "+52 81 8000 0000"}).status_code == 302
    assert 'href="tel:+528180000000"' in visitor().text(f"/c/{site.slug}")
    assert olga.post("/settings", form | {"help_phone": ""}).status_code == 302
    assert "tel:" not in visitor().text(f"/c/{site.slug}")


def test_what_an_invoice_must_tell_of_the_seller_is_kept_and_can_be_taken_away(visitor, app, site):
    olga = visitor().log_in()
    form = {"postal_address": "Calle Mayor 1\r\n28013 Madrid", "tax_number": "ESB12345678"}
    assert olga.post("/settings", form).status_code == 302
    page = olga.text("/settings")
    assert ">Calle Mayor 1\n28013 Madrid</textarea>" in page
    assert 'value="ESB12345678"' in page
    assert olga.post("/settings", {"postal_address": " \r\n", "tax_number": ""}).status_code == 302
    config = app.extensions["settings"]
    assert (config.postal_address, config.tax_number) == ("", "")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("postal_address", "x" * 201, "at most 200 printable characters on at most 6 lines"),
        ("postal_address", "\r\n".join("1234567"), "on at most 6 lines"),
        ("postal_address", "Calle \x00 Mayor", "printable characters"),
        ("tax_number", "B" * 41, "at most 40 printable characters on one line"),
        ("tax_number", "NIF\r\nB12345678", "on one line"),
    ],
)
def test_a_seller_who_does_not_fit_on_a_receipt_is_told_so(visitor, app, site, field, value, words):
    answer = visitor().log_in().post("/settings", {field: value})
    assert answer.status_code == 422
    assert words in told(answer)
    assert getattr(app.extensions["settings"], field) == ""


def test_the_clock_and_the_units_of_the_installation_hold_at_once(visitor, app, site):
    olga = visitor().log_in()
    olga.post("/settings", {"organisation": "Sol", "time_zone": "America/Monterrey", "distance_unit": "mi"})
    assert 'title="America/Monterrey"' in olga.text("/sessions")
    assert app.extensions["settings"].distance_unit == "mi"


def test_what_cannot_be_meant_is_told_at_its_field_and_nothing_is_lost(visitor, site):
    olga = visitor().log_in()
    form = {"organisation": "", "help_phone": "call us", "time_zone": "Mars/Olympus", "distance_unit": "ell"}
    answer = olga.post("/settings", form)
    assert answer.status_code == 422
    page = told(answer)
    for words in (
        "at most 80 characters",
        "+34 900 123 456",
        "There is no such time zone",
        "Choose one of the list",
    ):
        assert words in page
    for typed in ("call us", "Mars/Olympus"):
        assert f'value="{typed}"' in page
    answer = olga.post("/settings/maps", {"map_center": "north", "tile_url": "https://tiles.example.org/"})
    assert answer.status_code == 422
    assert "25.6866,-100.3161" in told(answer)
    assert "{z}/{x}/{y}" in told(answer)


def test_maps_begin_where_the_owner_says_on_the_tiles_of_their_choice(visitor, site):
    olga = visitor().log_in()
    form = {"map_center": "41.39,2.17", "tile_url": "https://tiles.example.org/{z}/{x}/{y}.png"}
    assert olga.post("/settings/maps", form).status_code == 302
    answer = olga.get("/map")
    assert 'data-center="41.39,2.17"' in told(answer)
    assert 'data-tile-host="tiles.example.org"' in told(answer)
    assert "https://tiles.example.org;" in answer.headers["Content-Security-Policy"]
    olga.post("/settings/maps", form | {"tile_url": ""})
    answer = olga.get("/map")
    assert "data-tiles" not in told(answer)
    assert "tiles.example.org" not in answer.headers["Content-Security-Policy"]


def test_an_operator_chooses_the_language_of_the_pages_in_the_profile(visitor, site):
    marta = visitor().log_in(Role.OPERATOR)
    assert '<option value="nl">Nederlands</option>' in marta.text("/profile")
    marta.post("/language", {"language": "nl", "next": "/profile"})
    assert '<html lang="nl"' in marta.text("/sessions")


@pytest.mark.parametrize("role", [x for x in Role if x is not Role.OWNER])
def test_others_find_no_settings(visitor, site, role):
    other = visitor().log_in(role)
    for path in ("/settings", "/settings/users", "/settings/audit"):
        assert other.get(path).status_code == 404


def test_quiet_mode_is_announced_on_every_page_until_somebody_ends_it(visitor, site):
    olga = visitor().log_in()
    olga.post("/settings/quiet", {"is_on": "1"})
    assert "Quiet mode: chargers are sent nothing but answers" in olga.text("/sessions")
    assert "settings.quiet" in olga.text("/settings/audit")
    assert ">Quiet<" in olga.text(f"/chargers/{site.charger.id}")
    olga.post(f"/chargers/{site.charger.id}/settings", {"policy": "open", "quiet": "no"})
    assert ">Quiet<" not in olga.text(f"/chargers/{site.charger.id}")
    olga.post("/settings/quiet", {"is_on": "0"})
    assert "Quiet mode:" not in olga.text("/sessions")


def test_support_can_read_that_it_is_quiet_and_not_end_it(visitor, site):
    visitor().log_in().post("/settings/quiet", {"is_on": "1"})
    support = visitor().log_in(Role.SUPPORT)
    assert "Quiet mode:" in support.text("/sessions")
    assert support.post("/settings/quiet", {"is_on": "0"}).status_code == 404
    assert "Quiet mode:" in support.text("/sessions")
