"""Adding a card by holding it to a charger: for a minute, the next unknown card there is caught for a person.

The charger is answered as ever. What is waited for stands in the database, so it does not matter which worker the
charger's message comes to.
"""

import enum
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from csms.domain.accounts.models import Account, IdToken
from csms.domain.base import Base, BigId, NotFound, announce

WAITS = timedelta(seconds=60)
KEPT = timedelta(days=1)


class ScanState(enum.StrEnum):
    """How it stands. STOPPED: somebody waits at the same charger anew."""

    WAITING = "waiting"
    CAUGHT = "caught"
    ADDED = "added"
    OVER = "over"
    STOPPED = "stopped"


class CardScan(Base):
    """One wait for a card at a charger, for an account if one is named. `uid`: what was caught."""

    __tablename__ = "card_scan"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    requested_by: Mapped[str] = mapped_column(String(80))
    requested_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    uid: Mapped[str | None] = mapped_column(String(20))
    caught_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    id_token_id: Mapped[int | None]  # the card that was made of it

    @property
    def topic(self) -> str:
        return f"scan:{self.id}"

    def state(self, at: datetime) -> ScanState:
        if self.id_token_id is not None:
            return ScanState.ADDED
        if self.uid is not None:
            return ScanState.CAUGHT
        if self.stopped_at is not None:
            return ScanState.STOPPED
        return ScanState.WAITING if at < self.expires_at else ScanState.OVER


def wait_for_card(
    session: Session, charger_id: int, *, by: str, at: datetime, account_id: int | None = None
) -> CardScan:
    """Catch the next unknown card at a charger. Whoever waited there before waits no longer.

    Raises NotFound for an account that is not there.
    """
    if account_id is not None and session.get(Account, account_id) is None:
        raise NotFound("There is no such account.")
    session.execute(delete(CardScan).where(CardScan.expires_at < at - KEPT))
    is_waiting = (CardScan.uid.is_(None), CardScan.stopped_at.is_(None), CardScan.expires_at > at)
    for before in session.scalars(select(CardScan).where(CardScan.charger_id == charger_id, *is_waiting)):
        before.stopped_at = at
        announce(session, before.topic)
    scan = CardScan(
        charger_id=charger_id,
        account_id=account_id,
        requested_by=by,
        requested_at=at,
        expires_at=at + WAITS,
    )
    session.add(scan)
    session.flush()
    announce(session, scan.topic)
    return scan


def get_scan(session: Session, scan_id: int) -> CardScan:
    """Raises NotFound."""
    found = session.get(CardScan, scan_id)
    if found is None:
        raise NotFound("There is no such scan, or it is long over.")
    return found


def catch(session: Session, uid: str, charger_id: int, *, at: datetime) -> None:
    """An unknown card was shown at a charger: whoever waits for one there is told."""
    scan_id, expires_at = _waiting(session, at).get(charger_id, (None, at))
    if scan_id is None or at >= expires_at:
        return
    del session.info["scans"][charger_id]
    mine = update(CardScan).where(CardScan.id == scan_id, CardScan.uid.is_(None))
    session.execute(mine.values(uid=uid.strip(), caught_at=at))
    announce(session, f"scan:{scan_id}")


def _waiting(session: Session, at: datetime) -> dict[int, tuple[int, datetime]]:
    """(id, until when) by charger. Read once for all unknown cards of a unit of work."""
    if "scans" not in session.info:
        query = select(CardScan.charger_id, CardScan.id, CardScan.expires_at).where(
            CardScan.expires_at > at, CardScan.uid.is_(None), CardScan.stopped_at.is_(None)
        )
        session.info["scans"] = {charger: (scan, until) for charger, scan, until in session.execute(query)}
    found: dict[int, tuple[int, datetime]] = session.info["scans"]
    return found


def added(session: Session, scan: CardScan, token: IdToken) -> None:
    """The card that was caught is known from now on."""
    scan.id_token_id = token.id
    announce(session, scan.topic)


def known_meanwhile(session: Session, scan: CardScan) -> Sequence[IdToken]:
    """The cards that were shown there while it waited, and are known: they are not what is waited for."""
    query = select(IdToken).where(
        IdToken.last_seen_charger_id == scan.charger_id, IdToken.last_seen_at >= scan.requested_at
    )
    return session.scalars(query.order_by(IdToken.last_seen_at.desc()).limit(3)).all()
