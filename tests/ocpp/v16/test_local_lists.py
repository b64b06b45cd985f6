"""Lists of cards on the wire: kept in step with the cards here, message by message (1.6 §5.10, §5.15)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from make import NOW, Wire, store
from orders import Taken, answer, fail, take
from sqlalchemy.orm import Session

from csms.domain import accounts, chargers, commands, configuration, local_lists, quiet
from csms.domain.chargers import AuthorizationPolicy, Charger
from csms.domain.local_lists import ListState, LocalList, queries

BOOT = {"chargePointVendor": "Volta", "chargePointModel": "Duo"}
SETTLED = NOW + timedelta(minutes=1)


@dataclass
class Book:
    """A charger that keeps a list, as 1.6 has it. `statuses`: what it answers to the next updates instead."""

    wire: Wire
    version: int = 0
    cards: dict[str, dict[str, Any]] = field(default_factory=dict)
    statuses: list[str] = field(default_factory=list)
    seen: list[Taken] = field(default_factory=list)

    @property
    def session(self) -> Session:
        return self.wire.session

    @property
    def charger(self) -> Charger:
        return chargers.get(self.session, self.wire.charger.id)

    @property
    def row(self) -> LocalList:
        row = queries.find(self.session, self.wire.charger.id)
        assert row is not None
        return row

    def boot(self, at: datetime = NOW) -> None:
        self.wire.call("BootNotification", BOOT, id=f"boot-{at.timestamp()}", at=at)

    def work(self, at: datetime = SETTLED, rounds: int = 8) -> list[Taken]:
        """Let the jobs run and answer what is asked about the list, until nothing is; what was asked."""
        begun = len(self.seen)
        local_lists.look(self.session, at)
        store(self.session)
        for _ in range(rounds):
            while (order := self.step(at)) is not None:
                self.seen.append(order)
                answer(self.wire, order, self._reply(order), at)
        return self.seen[begun:]

    def step(self, at: datetime = SETTLED) -> Taken | None:
        """What the job sends next."""
        local_lists.sync_due(self.session, at)
        store(self.session)
        return take(self.wire, at)

    def _reply(self, order: Taken) -> dict[str, Any]:
        if order.action == "GetLocalListVersion":
            return {"listVersion": self.version}
        status = self.statuses.pop(0) if self.statuses else "Accepted"
        if status == "Accepted":
            self.obey(order)
        return {"status": status}

    def obey(self, order: Taken) -> None:
        """Do what an update says."""
        assert order.action == "SendLocalList"
        assert order.payload["listVersion"] > 0
        if order.payload["updateType"] == "Full":
            self.cards = {}
        for entry in order.payload["localAuthorizationList"]:
            if "idTagInfo" in entry:
                self.cards[entry["idTag"]] = entry["idTagInfo"]
            else:
                del self.cards[entry["idTag"]]
        self.version = order.payload["listVersion"]

    def keep(self) -> None:
        local_lists.choose(self.session, self.charger, True, by="olga", at=NOW)
        store(self.session)

    def add(self, *uids: str, **more: Any) -> None:
        for uid in uids:
            accounts.add_token(self.session, uid, at=NOW, **more)
        store(self.session)

    def limits(self, *, entries: int | None = None, message: int | None = None, enabled: bool = True) -> None:
        local_lists.told_limits(
            self.session,
            self.charger,
            is_enabled=enabled,
            most_entries=entries,
            most_per_message=message,
            at=NOW,
        )
        store(self.session)


def told(orders: list[Taken]) -> list[tuple[str, int, list[str]]]:
    """(type of update, version, cards) of each update among the orders."""
    updates = [x.payload for x in orders if x.action == "SendLocalList"]
    return [
        (x["updateType"], x["listVersion"], [y["idTag"] for y in x["localAuthorizationList"]])
        for x in updates
    ]


@pytest.fixture
def book(wire: Wire) -> Book:
    wire.charger.policy = AuthorizationPolicy.KNOWN
    store(wire.session)
    return Book(wire)


def test_nothing_is_sent_to_a_charger_for_which_nobody_has_switched_it_on(book: Book) -> None:
    book.add("A1")
    book.limits()
    book.boot()
    assert book.work() == []
    assert book.row.state is ListState.OFF


def test_a_list_is_sent_whole_and_then_only_what_changes(book: Book) -> None:  # TC_043_4, TC_043_5
    book.add("A1", "A2", "A3")
    book.keep()
    orders = book.work()
    assert [x.action for x in orders] == ["GetLocalListVersion", "SendLocalList"]
    assert told(orders) == [("Full", 1, ["A1", "A2", "A3"])]
    assert book.row.state is ListState.IN_STEP
    token = accounts.find_token(book.session, "A2")
    assert token is not None
    token.is_allowed = False
    book.add("A4")
    (changes,) = told(book.work())
    assert (changes[0], changes[1], sorted(changes[2])) == ("Differential", 2, ["A2", "A4"])
    assert book.cards["A2"] == {"status": "Blocked"}
    assert book.work() == []


def test_a_card_that_is_gone_is_told_without_a_verdict(book: Book) -> None:
    book.add("A1", "A2")
    book.keep()
    book.work()
    book.session.delete(accounts.find_token(book.session, "A1"))
    store(book.session)
    assert book.work()[0].payload["localAuthorizationList"] == [{"idTag": "A1"}]
    assert list(book.cards) == ["A2"]


def test_expiry_and_group_are_told_and_expired_cards_are_not(book: Book) -> None:
    book.add("A1", parent_uid="FLEET", expires_at=NOW + timedelta(days=1))
    book.add("OLD", expires_at=NOW - timedelta(days=1))
    book.keep()
    book.work()
    assert book.cards == {
        "A1": {"status": "Accepted", "expiryDate": "2026-03-15T09:26:53.000Z", "parentIdTag": "FLEET"}
    }
    later = SETTLED + timedelta(days=1)
    lease = book.wire.charger.lease
    assert lease is not None
    lease.online_until = later + timedelta(hours=1)
    store(book.session)
    book.work(later)
    assert book.cards == {}


def test_what_is_on_the_list_is_what_the_charger_would_be_answered_online(book: Book) -> None:
    book.wire.charger.policy = AuthorizationPolicy.CREDIT
    rich = accounts.open_account(book.session, "Rich", at=NOW)
    poor = accounts.open_account(book.session, "Poor", at=NOW)
    accounts.book(book.session, rich, accounts.LedgerKind.TOP_UP, at=NOW, amount_cents=100)
    book.add("R", account_id=rich.id)
    book.add("P", account_id=poor.id)
    accounts.guest_token(book.session, NOW)
    book.keep()
    book.work()
    assert book.cards == {"R": {"status": "Accepted"}, "P": {"status": "Blocked"}}


def test_a_long_list_goes_in_pieces_the_first_one_whole(book: Book) -> None:
    book.limits(message=3)
    book.add(*(f"A{number}" for number in range(8)))
    book.keep()
    assert [(kind, version, len(cards)) for kind, version, cards in told(book.work())] == [
        ("Full", 1, 3),
        ("Differential", 2, 3),
        ("Differential", 3, 2),
    ]
    assert len(book.cards) == 8


def test_what_does_not_fit_is_left_out_and_said(book: Book) -> None:
    book.limits(entries=2)
    book.add("A1", "A2")
    book.add("B1", is_allowed=False)
    book.keep()
    book.work()
    assert sorted(book.cards) == ["A1", "A2"]
    assert book.row.left_out == 1


def test_after_a_boot_the_versions_are_compared(book: Book) -> None:
    book.add("A1")
    book.keep()
    book.work()
    book.boot(SETTLED)
    assert [x.action for x in book.work(SETTLED + timedelta(minutes=1))] == ["GetLocalListVersion"]
    book.version, book.cards = 0, {}  # the charger has lost it
    book.boot(SETTLED + timedelta(minutes=2))
    assert told(book.work(SETTLED + timedelta(minutes=4))) == [("Full", 2, ["A1"])]
    assert list(book.cards) == ["A1"]


def test_another_version_than_ours_means_the_whole_list_above_it(book: Book) -> None:
    book.add("A1")
    book.version, book.cards = 41, {"FOREIGN": {"status": "Accepted"}}
    book.keep()
    assert told(book.work()) == [("Full", 42, ["A1"])]
    assert list(book.cards) == ["A1"]


def test_a_mismatch_is_mended_by_the_whole_list(book: Book) -> None:
    book.add("A1", "A2", "A3")
    book.keep()
    book.work()
    book.add("A4")
    book.statuses = ["VersionMismatch"]
    assert [kind for kind, _, _ in told(book.work())] == ["Differential", "Full"]
    assert len(book.cards) == 4


def test_a_failure_is_mended_by_the_whole_list_and_given_up_after_three(book: Book) -> None:  # TC_043_3
    book.add("A1")
    book.keep()
    book.statuses = ["Failed"]
    assert [kind for kind, _, _ in told(book.work())] == ["Full", "Full"]
    assert book.row.state is ListState.IN_STEP
    book.add("A2")
    book.statuses = ["Failed"] * 9
    assert len(book.work()) == 3
    assert (book.row.state, book.row.detail) == (ListState.FAILED, "The charger did not take it 3 times.")
    assert book.work() == []


def test_a_charger_that_keeps_no_list_is_left_alone_and_says_why(book: Book) -> None:  # TC_042_1
    book.version = -1
    book.keep()
    assert [x.action for x in book.work()] == ["GetLocalListVersion"]
    assert book.row.state is ListState.UNSUPPORTED
    assert "version -1" in (book.row.detail or "")


def test_a_charger_that_supports_no_update_is_left_alone(book: Book) -> None:  # TC_043_1
    book.add("A1")
    book.keep()
    book.statuses = ["NotSupported"]
    book.work()
    assert book.row.state is ListState.UNSUPPORTED
    assert book.work() == []


def test_a_charger_that_does_not_know_the_question_is_left_alone(book: Book) -> None:
    book.keep()
    order = book.step()
    assert order is not None
    fail(book.wire, order, "NotImplemented", SETTLED)
    book.work(SETTLED + timedelta(seconds=15))
    assert book.row.state is ListState.UNSUPPORTED
    assert "NotImplemented" in (book.row.detail or "")


def test_an_update_whose_answer_was_lost_is_recognised_by_its_version(book: Book) -> None:
    book.add("A1")
    book.keep()
    question = book.step()
    assert question is not None
    answer(book.wire, question, {"listVersion": 0}, SETTLED)
    update = book.step()
    assert update is not None
    book.obey(update)  # and its answer is lost
    commands.expire(book.session, SETTLED + timedelta(minutes=2))
    store(book.session)
    later = SETTLED + timedelta(minutes=3)
    assert [x.action for x in book.work(later)] == ["GetLocalListVersion"]
    assert (book.row.state, book.row.version) == (ListState.IN_STEP, 1)


def test_a_list_that_is_switched_off_is_emptied(book: Book) -> None:
    book.add("A1")
    book.keep()
    book.work()
    local_lists.choose(book.session, book.charger, False, by="olga", at=SETTLED)
    store(book.session)
    assert told(book.work()) == [("Full", 2, [])]
    assert book.cards == {}
    assert book.row.state is ListState.OFF
    assert book.work() == []


def test_a_disabled_list_waits_until_the_charger_says_that_it_is_enabled(book: Book) -> None:
    book.add("A1")
    book.limits(enabled=False)
    book.keep()
    assert book.work() == []
    assert "LocalAuthListEnabled is false" in (book.row.detail or "")
    book.limits(enabled=True)
    assert told(book.work()) == [("Full", 1, ["A1"])]


def test_a_template_switches_lists_on(book: Book) -> None:
    book.add("A1")
    book.boot()
    draft = configuration.Draft("Duo", "volta", None, None, None, wanted={}, keeps_list=True)
    configuration.create(book.session, draft, at=NOW)
    store(book.session)
    assert told(book.work()) == [("Full", 1, ["A1"])]


def test_in_quiet_mode_only_what_somebody_orders_is_sent(book: Book) -> None:
    book.add("A1")
    book.keep()
    book.work()
    quiet.switch(book.session, is_on=True, at=NOW)
    book.add("A2")
    book.boot()
    assert book.work() == []
    local_lists.send(book.session, book.charger, by="olga", at=SETTLED)
    store(book.session)
    assert told(book.work()) == [("Differential", 2, ["A2"])]
