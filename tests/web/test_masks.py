"""Card numbers are for those who run chargers: whoever only looks sees that there is a card, not which."""

import pytest
from make import store

from csms.domain.accounts import Role

CARD = "04A2B39F"


@pytest.fixture
def pages(site) -> list[str]:
    transaction = site.begin(CARD)
    site.measure(transaction, 2_000, site.now)
    store(site.session)
    charger = site.charger.id
    account = site.account.id
    card = site.account.tokens[0].id
    return [
        "/",
        "/sessions",
        f"/sessions/{transaction.id}",
        f"/chargers/{charger}",
        f"/chargers/{charger}/sessions",
        f"/chargers/{charger}/messages",
        "/cards",
        f"/cards/{card}",
        f"/accounts/{account}",
        "/sessions/export.csv",
    ]


@pytest.mark.parametrize("role", [Role.READ_ONLY, Role.ACCOUNTANT])
def test_whoever_only_looks_sees_no_card_number_in_full(visitor, pages, role):
    looker = visitor().log_in(role)
    for page in pages:
        answer = looker.get(page)
        assert answer.status_code == 200, page
        assert CARD not in answer.get_data(as_text=True), page


def test_an_operator_sees_card_numbers_in_full(visitor, pages):
    operator = visitor().log_in(Role.OPERATOR)
    shown = [page for page in pages if CARD in operator.text(page)]
    assert {"/cards", "/sessions/export.csv"} <= set(shown)


@pytest.mark.parametrize("part", ["04A2", "A2B3"])
def test_parts_of_a_number_find_it_for_those_who_may_read_it_alone(visitor, site, pages, part):
    messages = f"/chargers/{site.charger.id}/messages?q={part}"
    operator, looker = visitor().log_in(Role.OPERATOR), visitor().log_in(Role.READ_ONLY)
    assert "<b>StartTransaction</b>" in operator.text(messages)
    assert "Nothing like that" in looker.text(messages)
    assert CARD in operator.text(f"/cards?q={part}")
    assert "04•••9F" not in looker.text(f"/cards?q={part}")
    assert "04•••9F" in looker.text(f"/cards?q={CARD}")


def test_messages_without_cards_are_found_by_whoever_looks(visitor, site):
    site.tell("BootNotification", {"chargePointVendor": "Bender", "chargePointModel": "CC612"}, site.now)
    assert "<b>BootNotification</b>" in visitor().log_in(Role.READ_ONLY).text(
        f"/chargers/{site.charger.id}/messages?q=bender"
    )
