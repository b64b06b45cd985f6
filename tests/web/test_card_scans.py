"""Adding a card by holding it to a charger, and making known what another reader calls it."""

from __future__ import annotations

from dataclasses import replace

from make import store

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import CardScan, Role
from csms.domain.chargers import AuthorizationPolicy
from tests.web.visitor import told


def let_known_cards_charge(site):
    site.charger.policy = AuthorizationPolicy.KNOWN
    site.wire.station = replace(site.wire.station, needs_known_card=True)
    store(site.session)


def begin(olga, **form):
    answer = olga.post("/cards/scans", {"charger": "CP-1", **form})
    assert answer.status_code == 302, told(answer)
    return answer.headers["Location"]


def test_a_card_held_to_a_charger_appears_and_is_added_for_its_driver(visitor, site):
    let_known_cards_charge(site)
    olga = visitor().log_in()
    url = begin(olga, account=site.account.id)
    page = olga.text(url)
    assert "Hold the card to the reader of Plaza AC-2" in page
    assert f'hx-get="{url}/state"' in page
    site.tell("Authorize", {"idTag": "CAFE01"}, site.now)
    caught = olga.text(f"{url}/state")
    assert "CAFE01 was shown at Plaza AC-2" in caught.replace("<code>", "").replace("</code>", "")
    assert "hx-get" not in caught
    assert f'value="{site.account.id}" selected' in caught
    form = {"label": "Key fob", "account": site.account.id, "expires": "2037-06-30", "is_allowed": "1"}
    assert olga.post(f"{url}/card", form).status_code == 302
    token = accounts.find_token(site.session, "CAFE01")
    assert (token.label, token.account_id, token.expires_at.year) == ("Key fob", site.account.id, 2037)
    assert "is added" in olga.text(url)


def test_a_mistake_in_the_form_keeps_what_was_caught(visitor, site):
    olga = visitor().log_in()
    url = begin(olga)
    assert (
        told(olga.post(f"{url}/card", {"is_allowed": "1"})).count("No card has been shown yet") == 0
    )  # it waits
    site.tell("Authorize", {"idTag": "CAFE01"}, site.now)
    answer = olga.post(f"{url}/card", {"label": "Fob", "expires": "soon"})
    assert (answer.status_code, "Write the day as" in told(answer), 'value="Fob"' in told(answer)) == (
        422,
        True,
        True,
    )


def test_time_that_runs_out_is_told_and_so_is_a_known_card(visitor, site):
    olga = visitor().log_in()
    url = begin(olga)
    site.tell("Authorize", {"idTag": "04A2B39F"}, clock.now())
    page = olga.text(f"{url}/state")
    assert "known already" in page
    assert "04A2B39F" in page
    scan = site.session.get(CardScan, int(url.rpartition("/")[2]))
    scan.expires_at = scan.requested_at
    store(site.session)
    page = olga.text(f"{url}/state")
    assert "60 seconds are over, and no unknown card was shown" in page
    assert "hx-get" not in page
    assert "Wait again" in page


def test_where_to_wait_is_asked_and_a_charger_that_is_not_there_is_explained(visitor, site):
    olga = visitor().log_in()
    assert 'value="CP-1"' in olga.text("/cards/scan")
    answer = olga.post("/cards/scans", {"charger": "NONE"})
    assert (answer.status_code, "no charger of this identity" in told(answer)) == (422, True)
    assert visitor().log_in(Role.SUPPORT).get("/cards/scan").status_code == 404


def test_a_refused_card_says_which_known_one_it_may_be_and_one_press_makes_it_that(visitor, site):
    let_known_cards_charge(site)
    refused = site.tell("Authorize", {"idTag": "9FB3A204"}, site.now)
    assert refused["idTagInfo"]["status"] == "Invalid"
    olga = visitor().log_in()
    token = accounts.find_token(site.session, "04A2B39F")
    for page in (olga.text("/cards"), olga.text("/cards?q=9fb3a204")):
        assert "its bytes are the wrong way round" in page
        assert f'action="/cards/{token.id}/numbers"' in page
    assert olga.post(f"/cards/{token.id}/numbers", {"uid": "9FB3A204"}).status_code == 302
    assert "9FB3A204" in olga.text(f"/cards/{token.id}")
    assert "wrong way round" not in olga.text("/cards")
    assert "04A2B39F" in olga.text("/cards?q=9fb3a204")
    begun = site.begin("9FB3A204")
    assert begun.account_id == site.account.id
    alias = accounts.find_token(site.session, "04A2B39F").aliases[0]
    assert olga.post(f"/cards/{token.id}/numbers/{alias.id}/remove").status_code == 302
    assert accounts.find_token(site.session, "9FB3A204") is None


def test_the_page_of_a_session_says_whose_card_it_may_have_been(visitor, site):
    begun = site.begin("04:A2:B3:9F")
    page = visitor().log_in().text(f"/sessions/{begun.id}")
    assert "the same number, written otherwise" in page
    assert "Olga Serrano" in page


def test_a_number_that_another_card_has_is_not_added(visitor, site):
    accounts.add_token(site.session, "CAFE01", at=site.now)
    store(site.session)
    olga = visitor().log_in()
    token = accounts.find_token(site.session, "04A2B39F")
    answer = olga.post(f"/cards/{token.id}/numbers", {"uid": "cafe01"})
    assert answer.status_code == 422
    assert "is there already" in told(answer)
    assert 'value="cafe01"' in told(answer)
    assert 'value="04A2B39F"' in told(answer)
