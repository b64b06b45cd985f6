"""Tags as messages see them: whether they may charge, and where they were last seen."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from csms.domain.accounts.models import Account, CardAlias, IdToken
from csms.domain.base import printable
from csms.domain.bulk import Reading
from csms.domain.records import Records


@dataclass(slots=True)
class Card:
    """What messages read and move of one tag: a record, see `records`."""

    id: int
    uid_folded: str
    account_id: int | None
    parent_uid: str | None
    is_allowed: bool
    vouched_until: datetime | None
    expires_at: datetime | None
    last_seen_at: datetime | None
    last_seen_charger_id: int | None


_RECORDS = Records(IdToken, Card, often=("last_seen_at", "last_seen_charger_id"))
_read = _RECORDS.by("uid_folded")
_read_by_id = _RECORDS.by("id")
_ALIASES = Reading((CardAlias.uid_folded, CardAlias.id_token_id), CardAlias.uid_folded)


def folded(uid: str) -> str:
    """`uid` as it is matched: without case (1.6 §7.28, CiString), without blanks around it."""
    return (printable(uid.strip(), 36) or "").casefold()[:36]


def preload(session: Session, uids: Iterable[str]) -> None:
    """Read many tags with one query, for `card_of`."""
    known: dict[str, Card | None] = session.info.setdefault("cards", {})
    unread = {folded(uid) for uid in uids} - known.keys()
    if unread:
        known.update(dict.fromkeys(unread))
        known.update(_known(session, unread))


def _known(session: Session, keys: Collection[str]) -> dict[str, Card]:
    """The tags with these numbers, or with an alias among them, by what was asked for."""
    found = {card.uid_folded: card for card in _read(session, keys)}
    strange = set(keys) - found.keys()
    aliases = _ALIASES.rows(session, strange) if strange else []
    if aliases:
        cards = {card.id: card for card in _read_by_id(session, {card_id for _, card_id in aliases})}
        found |= {alias: cards[card_id] for alias, card_id in aliases}
    return found


def card_of(session: Session, uid: str) -> Card | None:
    """The tag as presented. A group's name never matches (1.6 §3.10)."""
    preloaded: dict[str, Card | None] = session.info.get("cards", {})
    key = folded(uid)
    if key in preloaded:
        return preloaded[key]
    return _known(session, [key]).get(key)


def has_credit(session: Session, card: Card) -> bool:
    """Whether whoever pays for this tag has credit left."""
    account = session.get(Account, card.account_id) if card.account_id is not None else None
    return account is not None and account.has_credit
