"""Labels for stations: a QR code with the public address, and a short code for those who cannot scan."""

from __future__ import annotations

import re

from make import make_charger

from csms.domain.accounts import Role


def test_a_sheet_has_a_label_for_each_connector_and_never_the_identity(visitor, site, session):
    make_charger(session, "SECRET-IDENTITY", connectors=2, name="Depot")
    page = visitor().log_in().text("/labels")
    assert page.count('class="label"') == 3
    assert "Depot · 2" in page
    assert "SECRET-IDENTITY" not in page
    assert page.count("<svg") >= 3
    for size in ("s", "a7", "a6", "a5"):
        assert f"/labels?size={size}" in page
    one = visitor().log_in(Role.SUPPORT).text(f"/labels?charger={site.charger.id}&size=a5")
    assert one.count('class="label"') == 1
    assert "labels is-a5" in one


def test_what_is_typed_is_not_broken_within_the_code_however_long_the_address_is(visitor, site):
    page = visitor().log_in().text("/labels?size=s")
    assert re.search(rf'<p class="typed">[^<]+/<wbr><span>{site.connector.code}</span></p>', page)


def test_the_code_of_a_label_leads_to_the_station_in_small_letters_too(visitor, site):
    code = site.connector.code
    assert re.fullmatch("(?:[A-HJKMNP-Z][2-9]){3}", code)
    for typed in (code, code.lower()):
        answer = visitor().get(f"/{typed}")
        assert answer.status_code == 302
        assert answer.headers["Location"].endswith(f"/c/{site.slug}")
    wrong = "A2A2A2" if code != "A2A2A2" else "B2B2B2"
    assert visitor().get(f"/{wrong}").status_code == 404


def test_an_unknown_size_is_explained_and_strangers_print_nothing(visitor, site):
    olga = visitor().log_in()
    assert olga.get("/labels?size=a0").status_code == 422
    assert visitor().get("/labels").status_code in (302, 401)


def test_a_label_tells_whom_to_call(visitor, site):
    olga = visitor().log_in()
    assert "Help:" not in olga.text("/labels")
    olga.post("/settings", {"help_phone": "+34 900 000 000"})
    assert "Help: +34 900 000 000" in olga.text("/labels")
