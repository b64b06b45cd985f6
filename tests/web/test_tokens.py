"""Cards: listed, found, added, blocked."""

from datetime import timedelta

from make import store

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import Role
from csms.domain.chargers import AuthorizationPolicy
from tests.web.visitor import told


def verdict(site, card):
    site.session.rollback()
    site.session.expire_all()
    return accounts.authorize(
        site.session, card, needs_known=True, needs_credit=False, at=clock.now()
    ).status.value


def test_a_card_is_added_for_a_driver_and_may_charge_until_the_end_of_its_last_day(visitor, site):
    olga = visitor().log_in()
    today = site.now.date().isoformat()
    form = {"uid": "CAFE01", "label": "Van", "account": site.account.id, "expires": today, "is_allowed": "1"}
    assert olga.post("/cards/new", form).status_code == 302
    assert "CAFE01" in olga.text(f"/accounts/{site.account.id}")
    token = accounts.find_token(site.session, "cafe01")
    assert token.expires_at > site.now
    assert token.expires_at - site.now <= timedelta(days=1)
    assert verdict(site, "CAFE01") == "Accepted"


def test_a_blocked_card_is_refused_at_its_next_use_and_can_be_allowed_again(visitor, site):
    olga = visitor().log_in()
    token = accounts.find_token(site.session, "04A2B39F")
    olga.post(f"/cards/{token.id}/block")
    assert verdict(site, "04A2B39F") == "Blocked"
    assert "Blocked" in olga.text("/cards?state=blocked")
    olga.post(f"/cards/{token.id}/allow")
    assert verdict(site, "04A2B39F") == "Accepted"


def test_a_card_is_found_by_its_number_its_label_and_its_driver(visitor, site):
    olga = visitor().log_in()
    for words in ("a2b3", "blue", "serrano"):
        assert "04A2B39F" in olga.text(f"/cards?q={words}")
    assert "No card matches" in olga.text("/cards?q=nothing")


def test_a_number_that_is_there_already_or_too_long_is_explained(visitor, site):
    olga = visitor().log_in()
    answer = olga.post("/cards/new", {"uid": "04a2b39f"})
    assert (answer.status_code, "is there already" in told(answer)) == (422, True)
    answer = olga.post("/cards/new", {"uid": "X" * 21})
    assert (answer.status_code, "1 to 20" in told(answer)) == (422, True)


def test_a_card_that_was_refused_lately_is_offered_for_adding(visitor, site):
    site.charger.policy = AuthorizationPolicy.KNOWN
    store(site.session)
    site.tell("Authorize", {"idTag": "FEEDBEEF"}, site.now)
    site.tell("Authorize", {"idTag": "04A2B39F"}, site.now)
    page = visitor().log_in().text("/cards")
    assert "/cards/new?uid=FEEDBEEF" in page
    assert "/cards/new?uid=04A2B39F" not in page


def test_support_sees_cards_and_cannot_change_them(visitor, site):
    support = visitor().log_in(Role.SUPPORT)
    assert "04A2B39F" in support.text("/cards")
    assert support.get("/cards/new").status_code == 404
    token = accounts.find_token(site.session, "04A2B39F")
    assert support.post(f"/cards/{token.id}/block").status_code == 404


def test_a_card_that_chargers_refuse_for_want_of_credit_says_so(visitor, site):
    olga, here = visitor().log_in(), f"/cards/{accounts.find_token(site.session, '04A2B39F').id}"
    empty = {"amount_cents": -site.account.balance_cents}
    accounts.book(site.session, site.account, accounts.LedgerKind.CORRECTION, at=site.now, **empty)
    store(site.session)
    assert "refuse this card" not in olga.text(here)
    site.charger.policy = AuthorizationPolicy.CREDIT
    store(site.session)
    assert "Chargers that ask for credit refuse this card: Olga Serrano has none left." in olga.text(here)
    accounts.book(site.session, site.account, accounts.LedgerKind.TOP_UP, at=site.now, energy_wh=1)
    store(site.session)
    assert "refuse this card" not in olga.text(here)
