"""One's own account: cards, vehicles, what it cost, what is held, and its end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from make import store
from sqlalchemy import select

from csms import clock
from csms.domain import accounts, privacy
from csms.domain.accounts import Account, AuditEntry, IdToken, LedgerKind, Role, User, Vehicle
from csms.domain.mail import Mail
from csms.domain.mail import queue as write_mail
from csms.domain.transactions import Notice, Transaction
from csms.domain.verify import verify
from tests.web.visitor import PASSWORD, told

CARD = "04A2B39F"


@pytest.fixture
def driver(visitor, site):
    return visitor().log_in(Role.DRIVER, site.account.id)


@pytest.fixture
def name(site):
    return f"driver-{site.account.id}"


@pytest.fixture
def charged(site):
    """A session that has ended, of an account without credit."""
    transaction = site.begin(at=site.now - timedelta(hours=2))
    site.measure(transaction, 5_000, site.now - timedelta(hours=1, minutes=30))
    site.end(transaction, 11_000, site.now - timedelta(hours=1))
    return transaction


def again(session, model, key):
    session.rollback()
    return session.get(model, key, populate_existing=True)


def settle(session, site):
    """Bring the account to nothing."""
    account = again(session, Account, site.account.id)
    accounts.book(
        session, account, LedgerKind.CORRECTION, at=clock.now(), amount_cents=-account.balance_cents
    )
    store(session)


def test_the_short_address_leads_to_the_account(driver):
    assert driver.get("/me").location == "/accounts/me"


def test_vehicles_are_added_changed_and_removed(driver, session):
    assert driver.post("/me/vehicles", {"brand": "Renault", "model": "Zoe", "vin": ""}).status_code == 302
    assert "Renault Zoe" in driver.text("/accounts/me")
    session.rollback()
    [car] = session.scalars(select(Vehicle)).all()
    driver.post(f"/me/vehicles/{car.id}", {"brand": "Renault", "model": "5", "vin": "VF1AGVYA012345678"})
    assert "VF1AGVYA012345678" in driver.text("/accounts/me")
    for path in (f"/me/vehicles/{car.id}", "/me/vehicles"):
        wrong = driver.post(path, {"brand": "Renault", "model": "Mégane", "vin": "short"})
        assert wrong.status_code == 422
        assert "A VIN has 17 letters" in told(wrong)
        for typed in ("Mégane", "short"):
            assert f'value="{typed}"' in told(wrong)
    driver.post(f"/me/vehicles/{car.id}/remove")
    assert "Renault" not in driver.text("/accounts/me")


def test_a_card_is_named_gets_a_pin_and_is_blocked(driver, visitor, site, session):
    card = session.scalars(select(IdToken).where(IdToken.uid == CARD)).one()
    driver.post(f"/me/cards/{card.id}", {"label": "In the wallet"})
    assert "In the wallet" in driver.text("/accounts/me")
    driver.post(f"/me/cards/{card.id}/pin", {"pin": "1234"})
    assert "one of the first that anybody would try" in driver.text("/accounts/me")
    driver.post(f"/me/cards/{card.id}/pin", {"pin": "9041"})
    answer = visitor().post("/login/card", {"uid": CARD, "pin": "9041"})
    assert answer.location == "/accounts/me"
    driver.post(f"/me/cards/{card.id}/block")
    assert "Blocked" in driver.text("/accounts/me")
    assert visitor().post("/login/card", {"uid": CARD, "pin": "9041"}).status_code == 422
    assert not again(session, IdToken, card.id).is_allowed


def test_nobody_reaches_into_another_account(driver, session, site):
    at = clock.now()
    other = accounts.open_account(session, "Somebody else", at=at)
    card = accounts.add_token(session, "0BADCAFE", at=at, account_id=other.id)
    car = accounts.add_vehicle(session, other, brand="Fiat", model="500", vin=None, at=at)
    store(session)
    for path in (f"cards/{card.id}", f"cards/{card.id}/block", f"cards/{card.id}/pin", f"vehicles/{car.id}",
                 f"vehicles/{car.id}/remove"):  # fmt: skip
        assert driver.post(f"/me/{path}", {"label": "mine", "brand": "x", "model": "y"}).status_code == 404
    assert again(session, IdToken, card.id).is_allowed
    assert again(session, Vehicle, car.id).brand == "Fiat"


def test_strangers_are_asked_to_log_in(visitor, site):
    assert visitor().post("/me/export").status_code == 401
    assert "/login" in visitor().get("/me/erase").location


def test_what_each_month_has_cost_stands_in_a_chart_and_in_a_table(driver, charged):
    page = driver.text("/accounts/me")
    assert "Spent per month" in page
    assert "5.25 €" in page  # 10 kWh x 0.49 + 0.35


def test_the_export_holds_all_of_the_driver_and_nothing_of_others(driver, session, site, charged, name):
    at = clock.now()
    user = session.scalars(select(User).where(User.username == name)).one()
    user.email = user.email_folded = "olga@example.org"
    user.email_verified_at = at
    accounts.add_vehicle(session, site.account, brand="Renault", model="Zoe", vin=None, at=at)
    other = accounts.open_account(session, "Somebody else", at=at)
    accounts.add_token(session, "0BADCAFE", at=at, account_id=other.id)
    session.add(
        Notice(
            transaction_id=charged.id, email="dana@example.org", language="en", asked_at=at, end_told_at=at
        )
    )
    write_mail(session, "olga@example.org", "Hello", "A letter to her", kind="test", at=at)
    write_mail(session, "other@example.org", "Hello", "A letter to another", kind="test", at=at)
    store(session)
    answer = driver.post("/me/export")
    assert "attachment" in answer.headers["Content-Disposition"]
    held = answer.get_json()
    assert held["account"]["name"] == "Olga Serrano"
    assert held["user"]["username"] == name
    assert [x["uid"] for x in held["cards"]] == [CARD]
    assert [x["brand"] for x in held["vehicles"]] == ["Renault"]
    [one] = held["sessions"]
    assert (one["id"], one["energy_wh"], one["cost_cents"]) == (charged.id, 10_000, 525)
    assert [x["energy_wh"] for x in one["readings"]] == [5_000]
    assert [x["email"] for x in one["notices"]] == ["dana@example.org"]
    assert {x["kind"] for x in held["ledger"]} == {"top_up", "session"}
    assert len(held["charge_records"]) == 1
    assert [x["text"] for x in held["mails"]] == ["A letter to her"]
    assert any(x["action"] == "log_in" for x in held["record"])
    everything = answer.get_data(as_text=True)
    for private in ("0BADCAFE", "Somebody else", "another", "password_hash", "pin_hash"):
        assert private not in everything


def test_whoever_reads_their_export_slowly_holds_nobody_up(session, site, charged):
    """SQLite's log of what was written would grow for as long as a snapshot is held."""
    told = privacy.sessions_held(session, site.account)
    assert next(told)["id"] == charged.id
    assert not session.in_transaction()


def test_mails_to_an_address_that_nobody_has_proved_are_not_given_out(driver, session, site, name):
    user = session.scalars(select(User).where(User.username == name)).one()
    user.email = user.email_folded = "victim@example.org"
    write_mail(session, "victim@example.org", "Hello", "Private words", kind="test", at=clock.now())
    store(session)
    assert "Private words" not in driver.post("/me/export").get_data(as_text=True)


def test_erasure_waits_for_what_is_open_and_says_what_to_do(driver, session, site):
    transaction = site.begin(at=site.now - timedelta(minutes=30))
    assert "A session of yours is running: stop it first." in driver.text("/me/erase")
    site.end(transaction, 2_000)
    assert "There is credit left" in driver.text("/me/erase")
    account = again(session, Account, site.account.id)
    accounts.book(session, account, LedgerKind.CORRECTION, at=clock.now(), amount_cents=-10_000)
    store(session)
    assert "You still owe something" in driver.text("/me/erase")
    assert driver.post("/me/erase", {"typed": f"driver-{account.id}"}).status_code == 409


@pytest.mark.parametrize(("owed_cents", "is_erased"), [(1, True), (100, True), (101, False)])
def test_a_small_debt_bars_no_erasure_and_is_let_go(
    driver, visitor, session, site, charged, name, owed_cents, is_erased
):
    settle(session, site)
    account = again(session, Account, site.account.id)
    accounts.book(session, account, LedgerKind.CORRECTION, at=clock.now(), amount_cents=-owed_cents)
    store(session)
    page = driver.text("/me/erase")
    told_of = f"You still owe {owed_cents / 100:.2f} €: it is let go." if is_erased else "pay that first"
    assert told_of in page
    assert ("the messages are deleted after 90 days" in page) == is_erased
    assert driver.post("/me/erase", {"typed": name}).status_code == (302 if is_erased else 409)
    account = again(session, Account, site.account.id)
    assert account.balance_cents == (0 if is_erased else -owed_cents)
    if is_erased:
        assert "A small debt, let go as its account was erased" in visitor().log_in(Role.OWNER).text(
            f"/accounts/{account.id}"
        )
        record = session.scalars(select(AuditEntry).where(AuditEntry.action == "account.erased")).one()
        assert f"owed {owed_cents} cents" in str(record.detail)
    assert [x for x in verify(session, at=clock.now()) if "Account" in str(x)] == []


def test_an_account_that_others_use_is_not_erased(driver, visitor, session, site):
    settle(session, site)
    accounts.create_user(session, "colleague", "", Role.DRIVER, at=clock.now(), account_id=site.account.id)
    store(session)
    assert "Other people use this account" in driver.text("/me/erase")


def test_whoever_works_here_is_not_erased_by_themselves(visitor, session, site):
    settle(session, site)
    operator = visitor().log_in(Role.OPERATOR, site.account.id)
    assert "You work here as well" in operator.text("/me/erase")


def test_erasing_needs_the_name_typed(driver, session, site, name):
    settle(session, site)
    answer = driver.post("/me/erase", {"typed": "yes"})
    assert answer.status_code == 422
    assert "Type your user name" in told(answer)
    assert again(session, Account, site.account.id).name == "Olga Serrano"


def test_erasing_forgets_the_person_and_keeps_the_money(driver, visitor, session, site, charged, name):
    settle(session, site)
    user = session.scalars(select(User).where(User.username == name)).one()
    user.email = user.email_folded = "olga@example.org"
    user.email_verified_at = clock.now()
    accounts.add_vehicle(session, site.account, brand="Renault", model="Zoe", vin=None, at=clock.now())
    write_mail(session, "olga@example.org", "Hello", "A letter to her", kind="test", at=clock.now())
    token = accounts.find_token(session, CARD)
    accounts.add_alias(session, token, "9FB3A204", by="olga", at=clock.now())
    store(session)
    assert driver.post("/me/erase", {"typed": name.upper()}).location == "/login"
    assert driver.get("/accounts/me").location.startswith("/login")
    assert visitor().post("/login", {"username": name, "password": PASSWORD}).status_code == 422
    account = again(session, Account, site.account.id)
    assert (account.name, account.email) == (f"Erased account {account.id}", None)
    assert session.scalars(select(Vehicle)).all() == []
    assert session.scalars(select(Mail)).all() == []
    [card] = session.scalars(select(IdToken).where(IdToken.account_id == account.id)).all()
    assert CARD not in card.uid
    assert not card.is_allowed
    assert accounts.find_token(session, "9FB3A204") is None
    kept = session.get_one(Transaction, charged.id)
    assert (kept.id_tag, kept.energy_wh, kept.cost_cents) == ("ERASED", 10_000, 525)
    page = visitor().log_in(Role.OWNER).text(f"/accounts/{account.id}")
    assert "5.25" in page
    assert "Olga" not in page


def test_erasing_takes_along_the_question_whether_an_address_is_ones_own(
    driver, session, site, charged, name
):
    """Other mails to an address that nobody has shown to be theirs may be somebody else's."""
    settle(session, site)
    user = session.scalars(select(User).where(User.username == name)).one()
    user.email = user.email_folded = "nils@example.org"
    for kind in (accounts.EMAIL, "receipt"):
        write_mail(session, "nils@example.org", "Hello", "A letter", kind=kind, at=clock.now())
    store(session)
    assert driver.post("/me/erase", {"typed": name}).location == "/login"
    session.rollback()
    assert session.scalars(select(Mail.kind)).all() == ["receipt"]
