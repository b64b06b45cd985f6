"""Sessions whose end is never told, and stops whose session nobody knows: mended by what chargers show, and undone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from make import NOW, make_charger, make_wire, store
from sqlalchemy import select
from sqlalchemy.orm import Session
from story import Story, energy

from csms.domain import accounts, tariffs, transactions
from csms.domain.accounts import Account, AuditEntry, LedgerEntry, LedgerKind
from csms.domain.base import Refused
from csms.domain.tariffs import simple
from csms.domain.transactions import (
    Confidence,
    EnergySource,
    Flag,
    Reading,
    Repair,
    RepairKind,
    RepairState,
    Transaction,
    TransactionState,
    orphans,
    repair,
)
from csms.domain.verify import verify

GRACE, SILENCE = timedelta(minutes=2), timedelta(hours=24)
LATER = NOW + timedelta(minutes=10)
BEGAN, READ, ENDED = (NOW - timedelta(minutes=x) for x in (26, 16, 6))


@dataclass
class Mess:
    """A charger that forgets to tell, an account that pays 0.50 per kWh, and whoever mends it."""

    story: Story
    account: Account
    _said: list[str] = field(default_factory=list)

    @property
    def session(self) -> Session:
        return self.story.session

    def ghost(self, meter: int = 1000, read: int | None = 3000, connector: int = 1) -> Transaction:
        """A session that began, told one reading perhaps, and then nothing."""
        self.story.wire.now = BEGAN
        transaction_id = self.story.start(meter=meter, at=BEGAN.isoformat(), connector=connector)
        self.says("Charging", BEGAN, connector)
        if read is not None:
            sample = energy(str(read))
            self.story.read(READ.isoformat(), sample, connector=connector, transactionId=transaction_id)
        self.story.wire.now = NOW
        return self.story.transaction(transaction_id)

    def says(self, status: str, at: datetime, connector: int = 1) -> None:
        report = {"connectorId": connector, "errorCode": "NoError", "status": status}
        self.story.tell("StatusNotification", report | {"timestamp": at.isoformat()})

    def mend(self, at: datetime = LATER) -> int:
        count = transactions.mend(self.session, at, grace=GRACE, silence=SILENCE)
        store(self.session)
        return count

    def repairs(self) -> list[Repair]:
        return list(self.session.scalars(select(Repair).order_by(Repair.id)))

    def undo(self, made: Repair) -> None:
        orphans.undo(self.session, made, by="olga", at=LATER)
        store(self.session)

    def settle(self, transaction: Transaction, *, waive: bool = False) -> None:
        repair.settle(self.session, transaction, waive=waive, by="olga", at=LATER)
        store(self.session)

    def orphan(self) -> Transaction:
        query = select(Transaction).where(Transaction.state == TransactionState.ORPHAN)
        return self.session.scalars(query).one()

    def balance(self) -> int:
        self.session.refresh(self.account)
        return self.account.balance_cents

    def booked(self) -> list[int]:
        query = select(LedgerEntry.amount_cents).order_by(LedgerEntry.id)
        return list(self.session.scalars(query))


@pytest.fixture
def mess(session: Session) -> Mess:
    tariffs.create(session, "Day", simple("EUR", price_per_kwh=Decimal("0.50")), at=NOW, is_default=True)
    account = accounts.open_account(session, "Ada", at=NOW)
    accounts.book(session, account, LedgerKind.TOP_UP, at=NOW, amount_cents=1000)
    accounts.add_token(session, "04A2", at=NOW, account_id=account.id)
    store(session)
    return Mess(Story(make_wire(session, make_charger(session, online=True, connectors=2))), account)


def test_a_connector_that_says_it_is_free_closes_its_ghost(mess: Mess) -> None:
    ghost = mess.ghost()
    mess.says("Available", ENDED)
    assert mess.mend(ENDED + timedelta(minutes=1)) == 0  # a stop may be on its way
    assert mess.mend() == 1
    assert (ghost.state, ghost.energy_wh, ghost.ended_at) == (TransactionState.ENDED_UNKNOWN, 2000, READ)
    assert Flag.ESTIMATED in ghost.flags
    (made,) = mess.repairs()
    assert (made.kind, made.confidence, made.made_by) == (RepairKind.AVAILABLE, Confidence.MEDIUM, None)
    assert [x["what"] for x in made.evidence] == ["reading", "status"]
    assert mess.balance() == 1000  # an estimate is not booked
    assert mess.mend() == 0


def test_a_ghost_without_a_reading_has_no_energy_that_anybody_knows(mess: Mess) -> None:
    ghost = mess.ghost(read=None)
    mess.says("Available", ENDED)
    mess.mend()
    assert ghost.energy_wh is None
    assert mess.repairs()[0].energy_from is EnergySource.NONE
    with pytest.raises(Refused, match="waive"):
        mess.settle(ghost)


def test_a_session_that_goes_on_is_left_alone(mess: Mess) -> None:
    ghost = mess.ghost()
    assert mess.mend() == 0
    mess.says("SuspendedEV", ENDED)
    assert mess.mend() == 0
    assert ghost.is_active


def test_a_meter_that_moves_on_proves_a_free_connector_wrong(mess: Mess) -> None:
    ghost = mess.ghost()
    mess.says("Available", ENDED)
    mess.story.read((ENDED + timedelta(minutes=2)).isoformat(), energy("3500"), transactionId=ghost.id)
    assert mess.mend() == 0


def test_readings_of_an_idle_connector_do_not_keep_its_ghost_alive(mess: Mess) -> None:
    ghost = mess.ghost()
    mess.says("Available", ENDED)
    mess.story.read((ENDED + timedelta(minutes=2)).isoformat(), energy("3000"))
    assert mess.mend() == 1
    assert ghost.energy_wh == 2000


def test_a_late_stop_ends_a_closed_ghost_exactly_and_bills_it(mess: Mess) -> None:
    ghost = mess.ghost()
    mess.says("Available", ENDED)
    mess.mend()
    mess.story.stop(ghost.id, 3100, ENDED.isoformat())
    assert (ghost.state, ghost.energy_wh, ghost.flags) == (TransactionState.ENDED, 2100, [])
    assert ghost.ended_at == ENDED
    assert mess.repairs()[0].state is RepairState.SUPERSEDED
    assert mess.balance() == 1000 - 105


def test_a_late_stop_corrects_what_was_settled_by_new_entries(mess: Mess) -> None:
    ghost = mess.ghost()
    mess.says("Available", ENDED)
    mess.mend()
    mess.settle(ghost)
    assert (ghost.cost_cents, mess.balance()) == (100, 900)
    assert Flag.ESTIMATED in ghost.flags
    mess.story.stop(ghost.id, 3100, ENDED.isoformat())
    assert (ghost.cost_cents, mess.balance()) == (105, 895)
    assert mess.booked() == [1000, -100, 100, -105]
    assert {x.state for x in mess.repairs()} == {RepairState.SUPERSEDED}


def test_a_late_stop_after_a_waiver_costs_nothing(mess: Mess) -> None:
    ghost = mess.ghost()
    mess.says("Available", ENDED)
    mess.mend()
    mess.settle(ghost, waive=True)
    mess.story.stop(ghost.id, 3100, ENDED.isoformat())
    assert (ghost.energy_wh, ghost.cost_cents, mess.balance()) == (2100, 0, 1000)


def test_the_next_start_closes_a_ghost_as_far_as_the_register_tells(mess: Mess) -> None:
    ghost = mess.ghost()
    following = mess.story.start(meter=3400, at=NOW.isoformat(), tag="BEEF")
    assert (ghost.state, ghost.energy_wh) == (TransactionState.ENDED_UNKNOWN, 2400)
    (made,) = mess.repairs()
    assert (made.kind, made.energy_from) == (RepairKind.NEXT_START, EnergySource.NEXT_START)
    assert made.confidence is Confidence.MEDIUM
    assert made.evidence[-1]["ref"] == following
    assert mess.story.transaction(following).flags == []  # the ghost has it: no energy is missing


def test_a_register_that_stands_where_it_stood_makes_the_estimate_sure(mess: Mess) -> None:
    ghost = mess.ghost()
    mess.story.start(meter=3000, at=NOW.isoformat(), tag="BEEF")
    assert (ghost.energy_wh, mess.repairs()[0].confidence) == (2000, Confidence.HIGH)


def test_a_register_that_leapt_is_not_believed(mess: Mess) -> None:
    ghost = mess.ghost()
    mess.story.start(meter=90_000_000, at=NOW.isoformat(), tag="BEEF")
    assert (ghost.energy_wh, mess.repairs()[0].confidence) == (2000, Confidence.LOW)


def test_the_next_start_makes_an_earlier_estimate_better(mess: Mess) -> None:
    ghost = mess.ghost(read=None)
    mess.says("Available", ENDED)
    mess.mend()
    assert ghost.energy_wh is None
    mess.story.start(meter=1800, at=NOW.isoformat(), tag="BEEF")
    mess.mend()
    assert (ghost.energy_wh, mess.repairs()[0].energy_from) == (800, EnergySource.NEXT_START)


def test_a_charger_that_restarts_and_forgets_its_session_closes_it(mess: Mess) -> None:
    ghost = mess.ghost()
    mess.story.wire.now = ENDED
    mess.story.tell("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
    mess.says("Preparing", ENDED + timedelta(seconds=5))
    mess.mend()
    (made,) = mess.repairs()
    assert (made.kind, ghost.energy_wh, ghost.stop_reason) == (RepairKind.BOOT, 2000, "Restarted")
    assert [x["what"] for x in made.evidence] == ["reading", "boot", "status"]


def test_a_charger_that_restarts_and_goes_on_keeps_its_session(mess: Mess) -> None:
    ghost = mess.ghost()
    mess.story.wire.now = ENDED
    mess.story.tell("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
    mess.says("Charging", ENDED + timedelta(seconds=5))
    assert mess.mend() == 0
    assert ghost.is_active


def test_a_silent_charger_is_only_proposed(mess: Mess) -> None:
    ghost = mess.ghost()
    assert mess.mend(NOW + timedelta(hours=30)) == 1
    assert mess.mend(NOW + timedelta(hours=30)) == 0
    (made,) = mess.repairs()
    assert (made.kind, made.state, ghost.is_active) == (RepairKind.SILENT, RepairState.PROPOSED, True)
    repair.accept(mess.session, made, by="olga", at=NOW + timedelta(hours=31))
    store(mess.session)
    assert (ghost.state, ghost.energy_wh) == (TransactionState.ENDED_UNKNOWN, 2000)
    assert made.made_by == "olga"


def test_a_proposal_that_was_rejected_does_not_come_again(mess: Mess) -> None:
    mess.ghost()
    mess.mend(NOW + timedelta(hours=30))
    repair.reject(mess.session, mess.repairs()[0], by="olga", at=LATER)
    store(mess.session)
    assert mess.mend(NOW + timedelta(hours=31)) == 0


def test_a_proposal_is_dropped_when_the_stop_comes(mess: Mess) -> None:
    ghost = mess.ghost()
    mess.mend(NOW + timedelta(hours=30))
    mess.story.stop(ghost.id, 3100, ENDED.isoformat())
    mess.mend(NOW + timedelta(hours=31))
    assert mess.repairs()[0].state is RepairState.SUPERSEDED


def test_an_undone_repair_opens_the_session_as_it_was_and_is_not_done_again(mess: Mess) -> None:
    ghost = mess.ghost()
    before = repair.snapshot(ghost)
    mess.says("Available", ENDED)
    mess.mend()
    mess.undo(mess.repairs()[0])
    assert repair.snapshot(ghost) == before
    assert mess.mend() == 0
    assert "session.repair_undone" in mess.session.scalars(select(AuditEntry.action)).all()
    with pytest.raises(Refused, match="nothing to undo"):
        mess.undo(mess.repairs()[0])


def test_a_ghost_cannot_be_reopened_while_another_session_runs_there(mess: Mess) -> None:
    mess.ghost()
    mess.story.start(meter=3000, at=NOW.isoformat(), tag="BEEF")
    with pytest.raises(Refused, match="Another session"):
        mess.undo(mess.repairs()[0])
    mess.session.rollback()
    mess.session.connection(execution_options={"writes": True})


def test_a_settlement_is_undone_by_a_new_entry_and_before_what_it_settled(mess: Mess) -> None:
    ghost = mess.ghost()
    mess.says("Available", ENDED)
    mess.mend()
    mess.settle(ghost)
    closed, settled = mess.repairs()
    with pytest.raises(Refused, match="undo that first"):
        mess.undo(closed)
    mess.undo(settled)
    assert (ghost.bill, mess.balance(), mess.booked()) == (None, 1000, [1000, -100, 100])
    mess.settle(ghost, waive=True)
    assert (ghost.cost_cents, ghost.bill, ghost.is_free) == (0, [], True)
    mess.undo(mess.repairs()[-1])
    assert (ghost.bill, ghost.is_free) == (None, False)
    with pytest.raises(Refused, match="nothing to settle"):
        repair.settle(
            mess.session, mess.story.transaction(mess.ghost(connector=2).id), waive=True, by="o", at=NOW
        )
    mess.session.rollback()
    mess.session.connection(execution_options={"writes": True})


def test_a_stop_of_an_unknown_session_ends_the_one_that_it_fits_once(mess: Mess) -> None:
    ghost = mess.ghost()
    data = [{"timestamp": ENDED.isoformat(), "sampledValue": [energy("3100")]}]
    stop = {"idTag": "04a2", "transactionData": data}
    mess.says("Finishing", ENDED)
    mess.story.stop(4711, 3100, ENDED.isoformat(), **stop)
    mess.story.stop(4711, 3100, ENDED.isoformat(), **stop)
    assert mess.mend() == 1
    assert (ghost.state, ghost.energy_wh, ghost.flags) == (TransactionState.ENDED, 2100, [])
    assert mess.balance() == 895
    assert mess.orphan().reviewed_at == LATER
    (made,) = mess.repairs()
    assert (made.kind, made.confidence, made.orphan_id) == (
        RepairKind.STOP_FOUND,
        Confidence.HIGH,
        mess.orphan().id,
    )
    assert set(mess.session.scalars(select(Reading.transaction_id))) == {ghost.id}
    mess.story.stop(4711, 3100, ENDED.isoformat(), **stop)
    assert mess.mend() == 0


def test_what_was_read_under_the_unknown_name_comes_along(mess: Mess) -> None:
    ghost = mess.ghost(read=None)
    mess.story.read(READ.isoformat(), energy("2500"), transactionId=4711)
    mess.says("Finishing", ENDED)
    mess.story.stop(4711, 3100, ENDED.isoformat(), idTag="04A2")
    mess.mend()
    assert (ghost.energy_wh, ghost.meter_last_wh) == (2100, 2500)
    assert mess.session.scalars(select(Reading.transaction_id)).all() == [ghost.id]


def test_a_stop_that_fits_two_waits_for_a_person(mess: Mess) -> None:
    first, second = mess.ghost(), mess.ghost(connector=2)
    for connector in (1, 2):
        mess.says("Finishing", ENDED, connector)
    mess.story.stop(4711, 3100, ENDED.isoformat(), idTag="04A2")
    assert mess.mend() == 0
    assert {x.transaction.id for x in orphans.matches(mess.session, mess.orphan())} == {first.id, second.id}
    orphans.marry(mess.session, mess.orphan(), second, by="olga", at=LATER)
    store(mess.session)
    assert (first.is_active, second.state) == (True, TransactionState.ENDED)
    with pytest.raises(Refused, match="done with"):
        orphans.marry(mess.session, mess.orphan(), first, by="olga", at=LATER)


def test_a_session_that_may_still_run_is_not_ended_by_a_stranger(mess: Mess) -> None:
    ghost = mess.ghost()
    mess.story.stop(4711, 3100, ENDED.isoformat())
    assert mess.mend() == 0
    assert ghost.is_active
    assert [x.transaction.id for x in orphans.matches(mess.session, mess.orphan())] == [ghost.id]


@pytest.mark.parametrize(
    ("stop", "meter", "at"),
    [({"idTag": "OTHER"}, 3100, ENDED), ({}, 2900, ENDED), ({}, 3100, READ - timedelta(minutes=5))],
    ids=["card", "meter", "time"],
)
def test_a_stop_that_does_not_fit_is_not_guessed(
    mess: Mess, stop: dict[str, str], meter: int, at: datetime
) -> None:
    mess.ghost()
    mess.says("Available", ENDED)
    mess.mend()
    mess.story.stop(4711, meter, at.isoformat(), **stop)
    mess.mend()
    assert orphans.matches(mess.session, mess.orphan()) == []
    assert mess.orphan().reviewed_at is None


def test_a_marriage_is_undone_with_its_readings_and_its_bill(mess: Mess) -> None:
    ghost = mess.ghost()
    mess.says("Available", ENDED)
    mess.mend()
    data = [{"timestamp": ENDED.isoformat(), "sampledValue": [energy("3100")]}]
    mess.story.stop(4711, 3100, ENDED.isoformat(), transactionData=data)
    assert mess.mend() == 1
    closed, married = mess.repairs()
    assert (closed.state, mess.balance()) == (RepairState.SUPERSEDED, 895)
    mess.undo(married)
    assert (ghost.state, ghost.energy_wh) == (TransactionState.ENDED_UNKNOWN, 2000)
    assert (closed.state, mess.balance()) == (RepairState.DONE, 1000)
    assert mess.orphan().reviewed_at is None
    assert mess.orphan().id in mess.session.scalars(select(Reading.transaction_id)).all()
    assert mess.mend() == 0  # a person's word stands


def test_an_orphan_is_dismissed_and_brought_back(mess: Mess) -> None:
    mess.story.stop(4711, 3100, ENDED.isoformat())
    made = orphans.dismiss(mess.session, mess.orphan(), by="olga", at=LATER)
    store(mess.session)
    assert orphans.waiting(mess.session) == []
    mess.undo(made)
    assert [x.id for x in orphans.waiting(mess.session)] == [mess.orphan().id]


def stray(mess: Mess, *registers: int, name: object = 4711, connector: int = 1) -> None:
    """Readings two minutes apart that name a session which we never gave out."""
    for number, register_wh in enumerate(registers):
        at = (READ + timedelta(minutes=2 * number)).isoformat()
        mess.story.read(at, energy(str(register_wh)), connector=connector, transactionId=name)


def test_readings_of_a_session_that_nobody_knows_wait_for_a_person(mess: Mess) -> None:  # F43, F49
    stray(mess, 2000, 2400)
    assert mess.mend() == 1
    heap = mess.orphan()
    assert heap.is_stray
    assert (heap.meter_start_wh, heap.meter_last_wh, heap.energy_wh) == (2000, 2400, None)
    assert [x.id for x in orphans.waiting(mess.session)] == [heap.id]
    assert set(mess.session.scalars(select(Reading.transaction_id))) == {heap.id}
    stray(mess, 2000, 2400, 2800)
    assert mess.mend() == 0, "two of them came before, and one alone shows no charging"
    stray(mess, 2000, 2400, 2800, 3300)
    assert mess.mend() == 1
    assert (mess.orphan().id, mess.orphan().meter_last_wh) == (heap.id, 3300)
    assert verify(mess.session) == []


def test_readings_of_nothing_are_no_session(mess: Mess) -> None:
    stray(mess, 2000, 2000, 2000, name=0)
    stray(mess, 2000, 2400, name=None)
    assert mess.mend() == 0
    assert orphans.waiting(mess.session) == []


def test_a_stop_that_comes_after_all_stands_for_its_readings(mess: Mess) -> None:
    ghost = mess.ghost(read=None)
    stray(mess, 2000, 2400)
    mess.mend()
    mess.story.stop(4711, 3100, ENDED.isoformat(), idTag="04A2")
    mess.mend()
    (waits,) = orphans.waiting(mess.session)
    assert not waits.is_stray
    orphans.marry(mess.session, waits, ghost, by="olga", at=LATER)
    store(mess.session)
    assert set(mess.session.scalars(select(Reading.transaction_id))) == {ghost.id}
    assert (ghost.energy_wh, ghost.meter_last_wh) == (2100, 2400)
    assert verify(mess.session) == []


def test_readings_between_the_registers_of_one_session_are_its_own(mess: Mess) -> None:
    ended = mess.ghost(read=None)
    mess.story.stop(ended.id, 3100, ENDED.isoformat())
    stray(mess, 2000, 2400)
    assert [mess.mend(), mess.mend()] == [1, 1], "kept, and at the next look matched"
    (made,) = mess.repairs()
    assert (made.kind, made.confidence) == (RepairKind.READINGS_FOUND, Confidence.HIGH)
    assert (ended.energy_wh, mess.balance()) == (2100, 895)
    assert set(mess.session.scalars(select(Reading.transaction_id))) == {ended.id}
    mess.undo(made)
    assert mess.mend() == 0, "a person's word stands"
    assert [x.is_stray for x in orphans.waiting(mess.session)] == [True]
    assert verify(mess.session) == []


def test_readings_tell_the_energy_of_a_session_whose_stop_never_came(mess: Mess) -> None:
    ghost = mess.ghost(read=None)
    mess.says("Available", ENDED)
    stray(mess, 2000, 2400)
    mess.mend()
    assert (ghost.state, ghost.energy_wh) == (TransactionState.ENDED_UNKNOWN, None)
    (match,) = orphans.matches(mess.session, mess.orphan())
    assert (match.transaction.id, match.energy_wh) == (ghost.id, 1400)
    made = orphans.marry(mess.session, mess.orphan(), ghost, by="olga", at=LATER)
    store(mess.session)
    assert (ghost.energy_wh, ghost.ended_at) == (1400, READ + timedelta(minutes=2))
    mess.undo(made)
    assert (ghost.energy_wh, ghost.meter_last_wh) == (None, 1000)


@pytest.mark.parametrize(("registers", "connector"), [((900, 950), 1), ((2000, 2400), 2)])
def test_readings_that_do_not_fit_are_not_guessed(
    mess: Mess, registers: tuple[int, int], connector: int
) -> None:
    mess.ghost()
    stray(mess, *registers, connector=connector)
    mess.mend()
    assert orphans.matches(mess.session, mess.orphan()) == []
    orphans.dismiss(mess.session, mess.orphan(), by="olga", at=LATER)
    store(mess.session)
    assert orphans.waiting(mess.session) == []


def test_replayed_frames_change_nothing(mess: Mess) -> None:
    ghost = mess.ghost()
    mess.says("Available", ENDED)
    mess.mend()
    before = (repair.snapshot(ghost), len(mess.repairs()))
    mess.story.start(meter=1000, at=BEGAN.isoformat())
    mess.story.read(READ.isoformat(), energy("3000"), transactionId=ghost.id)
    mess.says("Available", ENDED)
    mess.mend()
    assert (repair.snapshot(ghost), len(mess.repairs())) == before


def test_a_session_that_was_closed_and_goes_on_is_open_again(mess: Mess) -> None:
    ghost = mess.ghost()
    mess.says("Available", ENDED)
    mess.mend()
    at = LATER + timedelta(minutes=1)
    mess.story.wire.now = at
    mess.says("Charging", at)
    mess.story.read(at.isoformat(), energy("5000"), transactionId=ghost.id)
    assert mess.mend(at) == 1
    assert (ghost.is_active, ghost.energy_wh, ghost.flags) == (True, 4000, [])
    assert mess.repairs()[0].state is RepairState.SUPERSEDED
    mess.story.stop(ghost.id, 5500, (at + timedelta(minutes=1)).isoformat())
    assert (ghost.energy_wh, mess.balance()) == (4500, 1000 - 225)


def test_a_watt_hour_of_rounding_does_not_keep_a_stop_from_its_session(mess: Mess) -> None:
    ghost = mess.ghost()
    mess.says("Finishing", ENDED)
    mess.story.stop(4711, 2999, ENDED.isoformat(), idTag="04A2")
    assert mess.mend() == 1
    assert ghost.energy_wh == 1999
