"""Cards about which their peer wants to be asked each time they are shown (OCPI 2.2.1 §12.3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, selectinload

from csms.domain import accounts
from csms.domain.accounts import IdToken
from csms.domain.base import printable
from csms.domain.chargers import Charger
from csms.domain.roaming import locations, writing
from csms.domain.roaming.models import Peer, PeerState, RoamingCard, RoamingVerdict
from csms.domain.transactions import Transaction

# From the card at the reader to the session at the latest, and as long a charger may remember the answer.
GOOD_FOR = timedelta(minutes=30)
OFFLINE = "ALLOWED_OFFLINE"  # §12.4.8: good as well while its peer cannot be asked


class Shown(NamedTuple):
    """A card's number. `is_anew`: somebody stands there with it, so that what its issuer said before does not count."""

    uid: str
    is_anew: bool


@dataclass(frozen=True, slots=True)
class Question:
    """What a peer is asked, with no session to it. `url` None: it cannot be asked now."""

    card_id: int
    url: str | None
    token_sealed: str
    is_plain: bool
    body: dict[str, Any] | None  # where the card was shown, if that is published


@dataclass(frozen=True, slots=True)
class Said:
    """What it has answered: a word of §12.4.1, and its own name for the answer."""

    word: str
    reference: str | None = None

    @property
    def is_allowed(self) -> bool:
        return self.word == "ALLOWED"


def has_any(session: Session) -> bool:
    """Is there any card that is asked about?"""
    return session.scalar(select(IdToken.id).where(IdToken.is_asked.is_(True)).limit(1)) is not None


def question(session: Session, shown: Shown, charger_id: int, at: datetime) -> Question | None:
    """What is to be asked about a card before it is answered for; None: nothing."""
    number = accounts.find_token(session, shown.uid)
    if number is None or not number.is_asked:
        return None
    if not shown.is_anew and number.vouched_until is not None and number.vouched_until > at:
        return None
    found = session.scalar(select(RoamingCard).where(RoamingCard.id_token_id == number.id))
    if found is None or not found.body["valid"] or found.peer.state is not PeerState.REGISTERED:
        return None
    peer = found.peer
    body = _shown_at(session, charger_id)
    return Question(found.id, _url(peer, found, at), peer.their_token_sealed or "", peer.is_plain, body)


def _url(peer: Peer, card: RoamingCard, at: datetime) -> str | None:
    """One that is left alone as nothing reaches it need not be waited for at a reader either."""
    url = peer.sender("tokens")
    if url is None or peer.their_token_sealed is None or (peer.paused_until or at) > at:
        return None
    return f"{url}/{quote(card.uid, safe='')}/authorize?type={card.type}"


def _shown_at(session: Session, charger_id: int) -> dict[str, Any] | None:
    """LocationReferences (§12.4.3): nobody knows yet at which of the charger's EVSEs."""
    query = locations.shown_chargers().where(Charger.id == charger_id)
    charger = session.scalar(query.options(selectinload(Charger.connectors)))
    if charger is None or charger.site is None:
        return None
    numbers = sorted({x.evse_number for x in charger.connectors if locations.is_told(x)})
    return {"location_id": charger.site.uuid, "evse_uids": [writing.uid_of(charger, x) for x in numbers]}


def note(session: Session, card_id: int, said: Said | None, *, at: datetime) -> None:
    """What the peer has said; None: it could not be asked."""
    card = session.get(RoamingCard, card_id)
    if card is None:  # taken back meanwhile
        return
    is_good = said.is_allowed if said is not None else card.body["whitelist"] == OFFLINE
    number = session.get_one(IdToken, card.id_token_id)
    number.vouched_until = at + GOOD_FOR if is_good and number.is_asked else None
    if said is not None:
        reference = printable(said.reference, 36)
        verdict = RoamingVerdict(
            card_id=card.id,
            asked_at=at,
            good_until=at + GOOD_FOR,
            is_allowed=said.is_allowed,
            word=printable(said.word, 40) or "",
            reference=reference,
        )
        session.add(verdict)
    session.flush()


def forget(session: Session, before: datetime) -> int:
    """Delete what was said before, but for what a session began on: the record of its charge names it ever after."""
    its_session = (
        select(Transaction.id)
        .join(RoamingCard, RoamingCard.id_token_id == Transaction.id_token_id)
        .where(
            RoamingCard.id == RoamingVerdict.card_id,
            Transaction.start_received_at.between(RoamingVerdict.asked_at, RoamingVerdict.good_until),
        )
    )
    is_needed = its_session.correlate(RoamingVerdict).exists()
    old = delete(RoamingVerdict).where(RoamingVerdict.asked_at < before, ~is_needed)
    count: int = session.execute(old).rowcount  # type: ignore[attr-defined]
    return count
