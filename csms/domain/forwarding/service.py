"""Setting up a second backend, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.orm import Session, joinedload

from csms.domain.accounts.cards import card_of
from csms.domain.base import Invalid, NotFound, Refused, announce, iso, printable
from csms.domain.chargers import Charger
from csms.domain.forwarding.models import ForwardedTransaction, Forwarder, ForwardState
from csms.domain.forwarding.queue import newest_id
from csms.domain.forwarding.rules import Wish

TOPIC = "forwarders"
CLAIMED_FOR = timedelta(seconds=30)
RENEWED_BEFORE = timedelta(seconds=15)
PAIRS_KEPT_FOR = timedelta(days=30)  # after the end: a charger's late meter values still find their name
MOST_DIFFERENCES = 20
LONG = timedelta(hours=1)


def set_up(
    session: Session, charger: Charger, wish: Wish, *, password_sealed: str | None, at: datetime
) -> Forwarder:
    """A second backend, told from now on. Raises Invalid, and Refused where there is one."""
    if session.get(Forwarder, charger.id) is not None:
        raise Refused("%(title)s has a second backend already.", title=charger.title)
    row = Forwarder(
        charger_id=charger.id,
        password_sealed=password_sealed,
        revision=0,
        created_at=at,
        cursor=newest_id(session, charger.id),
        lasting=[],
        state=ForwardState.WAITING,
        state_at=at,
        differences=[],
        is_paused=False,
        sent=0,
        refused=0,
        compared=0,
        differing=0,
    )
    session.add(row)
    _write(session, row, wish.checked())
    session.flush()
    return row


def change(
    session: Session, row: Forwarder, wish: Wish, *, password_sealed: str | None, has_password: bool = True
) -> None:
    """`password_sealed` None: it stays, if `has_password`. Raises Invalid, also where it would go to an address that
    it was not given for.
    """
    given = wish.checked()
    if not has_password:
        row.password_sealed = None
    elif row.password_sealed is not None and password_sealed is None and given.url != row.url:
        raise Invalid("Enter the password again for another address.", "password")
    row.password_sealed = password_sealed or row.password_sealed
    if (given.url, given.identity) != (row.url, row.identity):  # another backend knows none of these names
        session.execute(delete(ForwardedTransaction).where(ForwardedTransaction.charger_id == row.charger_id))
    _write(session, row, given)


def suspend(session: Session, row: Forwarder) -> None:
    """Tell it nothing for now; what the charger says meanwhile waits in the journal."""
    row.is_paused, row.next_try_at, row.away_since = True, None, None
    _renew(session, row)


def resume(session: Session, row: Forwarder, *, from_now: bool) -> None:
    """Go on. `from_now`: what has waited is left out."""
    row.is_paused = False
    if from_now:
        row.cursor = newest_id(session, row.charger_id)
    _renew(session, row)


def remove(session: Session, row: Forwarder) -> None:
    """Forget it, with the names that it has given to transactions."""
    session.execute(delete(ForwardedTransaction).where(ForwardedTransaction.charger_id == row.charger_id))
    session.delete(row)
    announce(session, TOPIC, f"charger:{row.charger_id}")


def find(session: Session, charger_id: int) -> Forwarder:
    """Raises NotFound."""
    row = session.get(Forwarder, charger_id)
    if row is None:
        raise NotFound("This charger has no second backend.")
    return row


def _write(session: Session, row: Forwarder, wish: Wish) -> None:
    row.url, row.identity = wish.url, wish.identity
    row.traffic, row.permits, row.cards = list(wish.traffic), list(wish.permits), list(wish.cards)
    _renew(session, row)


def _renew(session: Session, row: Forwarder) -> None:
    row.revision += 1
    announce(session, TOPIC, f"charger:{row.charger_id}")


# Who forwards.


def claim(session: Session, node: str, at: datetime, *, is_alone: bool) -> Sequence[Forwarder]:
    """What `node` forwards from now on: what it did already, and what nobody does.

    `is_alone`: there is no other process, so another's claim is what an earlier one left behind.
    """
    free = or_(Forwarder.claimed_by.is_(None), Forwarder.claimed_until <= at)
    mine = (Forwarder.claimed_by == node) & (Forwarder.claimed_until <= at + RENEWED_BEFORE)
    others = Forwarder.claimed_by != node if is_alone else free
    due = select(Forwarder).where(~Forwarder.is_paused, or_(free, mine, others))
    for row in session.scalars(due.with_for_update(skip_locked=True)).all():
        row.claimed_by, row.claimed_until = node, at + CLAIMED_FOR
    session.flush()
    return session.scalars(select(Forwarder).where(~Forwarder.is_paused, Forwarder.claimed_by == node)).all()


def release(session: Session, node: str) -> None:
    """`node` ends: another process goes on at once."""
    session.execute(
        update(Forwarder).where(Forwarder.claimed_by == node).values(claimed_by=None, claimed_until=None)
    )
    announce(session, TOPIC)


def note_state(
    session: Session,
    row: Forwarder,
    state: ForwardState,
    *,
    at: datetime,
    detail: str | None = None,
    next_try_at: datetime | None = None,
) -> None:
    """How it stands with it. Away it has been since the first failure of a row of them."""
    if (row.state, row.detail) != (state, detail):
        row.state, row.state_at, row.detail = state, at, printable(detail, 255)
        announce(session, f"charger:{row.charger_id}")
    row.next_try_at = next_try_at
    is_reached = state in (ForwardState.CONNECTED, ForwardState.IDLE)
    row.away_since = None if is_reached else (row.away_since or at)


def is_cut_off(at: datetime) -> ColumnElement[bool]:
    """It has not been reached for an hour, and somebody wants it to be."""
    return and_(~Forwarder.is_paused, Forwarder.away_since.is_not(None), Forwarder.away_since < at - LONG)


def away(session: Session) -> Sequence[Forwarder]:
    """Those that are not reached and should be, the longest first."""
    query = select(Forwarder).where(~Forwarder.is_paused, Forwarder.away_since.is_not(None))
    return session.scalars(query.options(joinedload(Forwarder.charger)).order_by(Forwarder.away_since)).all()


# What it is told, and what it answers.


def wants(session: Session, row: Forwarder, card: str | None) -> bool:
    """Is it told of the sessions of this card? A group stands for all of its cards."""
    if not row.cards:
        return True
    wanted = {x.casefold() for x in row.cards}
    if card is None or card.casefold() in wanted:
        return card is not None
    known = card_of(session, card)
    return known is not None and bool({known.uid_folded, (known.parent_uid or "").casefold()} & wanted - {""})


def pair(session: Session, charger_id: int, ours: str, theirs: str, *, at: datetime) -> None:
    """Remember what they call a transaction of ours."""
    known = session.get(ForwardedTransaction, (charger_id, ours))
    if known is None:
        session.add(
            ForwardedTransaction(charger_id=charger_id, ours=ours, theirs=theirs, begun_at=at, ended_at=None)
        )
    else:
        known.theirs = theirs
    session.flush()


def theirs_of(session: Session, charger_id: int, ours: str) -> str | None:
    """What they call it; None: they have not been told of its beginning."""
    known = session.get(ForwardedTransaction, (charger_id, ours))
    return known.theirs if known else None


def ours_of(session: Session, charger_id: int, theirs: str) -> str | None:
    """The latest transaction of ours that they call so."""
    query = select(ForwardedTransaction.ours).where(
        ForwardedTransaction.charger_id == charger_id, ForwardedTransaction.theirs == theirs
    )
    return session.scalar(query.order_by(ForwardedTransaction.begun_at.desc()).limit(1))


def end_pair(session: Session, charger_id: int, ours: str, *, at: datetime) -> None:
    """They know of its end. Names of long ago are forgotten on the occasion."""
    known = session.get(ForwardedTransaction, (charger_id, ours))
    if known is not None:
        known.ended_at = at
    session.execute(
        delete(ForwardedTransaction).where(
            ForwardedTransaction.charger_id == charger_id,
            ForwardedTransaction.ended_at < at - PAIRS_KEPT_FOR,
        )
    )


def compare(
    row: Forwarder, *, frame_id: int, action: str, ours: str | None, theirs: str | None, at: datetime
) -> None:
    """Count two verdicts on the same card; the latest that differ are kept."""
    if ours is None or theirs is None:
        return
    row.compared += 1
    if ours == theirs:
        return
    row.differing += 1
    told = {"frame": frame_id, "action": action, "ours": ours, "theirs": theirs[:40], "at": iso(at)}
    row.differences = [told, *row.differences][:MOST_DIFFERENCES]
