"""The audit is a chain: what was changed or taken out of it is found."""

from __future__ import annotations

from datetime import timedelta

from make import NOW, store
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from csms.domain import accounts
from csms.domain.accounts import AuditEntry
from csms.domain.accounts.audit import breaches


def note(session: Session, *actions: str) -> None:
    for action in actions:
        accounts.audit(session, "olga", action, at=NOW, subject="door", detail=None)
    store(session)


def test_entries_are_chained_in_the_order_in_which_they_came(session: Session) -> None:
    note(session, "one", "two")
    assert accounts.seal_audit(session, NOW) == 2
    note(session, "three")
    assert accounts.seal_audit(session, NOW) == 1
    assert accounts.seal_audit(session, NOW) == 0
    store(session)
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [x.position for x in entries] == [1, 2, 3]
    assert len({x.chain for x in entries}) == 3
    assert list(breaches(session)) == []


def test_a_change_is_found(session: Session) -> None:
    note(session, "one", "two", "three")
    accounts.seal_audit(session, NOW)
    store(session)
    session.execute(update(AuditEntry).where(AuditEntry.action == "two").values(actor="somebody else"))
    store(session)
    [found] = breaches(session)
    assert "is not what it was" in found


def test_a_gap_is_found(session: Session) -> None:
    note(session, "one", "two", "three")
    accounts.seal_audit(session, NOW)
    store(session)
    session.execute(delete(AuditEntry).where(AuditEntry.action == "two"))
    store(session)
    assert list(breaches(session)) == ["audit: the entries 2 to 2 of the chain are gone"]


def test_the_oldest_go_and_the_rest_is_still_a_chain(session: Session) -> None:
    for day in range(5):
        accounts.audit(session, "olga", f"day {day}", at=NOW + timedelta(days=day))
    store(session)
    accounts.seal_audit(session, NOW)
    store(session)
    assert accounts.forget_audit(session, NOW) == 0
    assert accounts.forget_audit(session, NOW + timedelta(days=2)) == 2
    store(session)
    assert session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all() == [
        "day 2",
        "day 3",
        "day 4",
    ]
    assert list(breaches(session)) == []
    assert accounts.forget_audit(session, NOW + timedelta(days=99)) == 2  # and the newest stays
    note(session, "afterwards")
    assert accounts.seal_audit(session, NOW) == 1
    store(session)
    assert list(breaches(session)) == []


def test_what_is_taken_out_behind_the_beginning_is_found(session: Session) -> None:
    for day in range(5):
        accounts.audit(session, "olga", f"day {day}", at=NOW + timedelta(days=day))
    store(session)
    accounts.seal_audit(session, NOW)
    accounts.forget_audit(session, NOW + timedelta(days=1))
    store(session)
    session.execute(delete(AuditEntry).where(AuditEntry.action == "day 1"))
    store(session)
    assert list(breaches(session)) == ["audit: the entries 2 to 2 of the chain are gone"]
