"""Cards that readers call differently: who an unknown number may be, and making it known as that."""

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, joinedload

from csms.domain.accounts.cards import folded
from csms.domain.accounts.models import CardAlias, IdToken
from csms.domain.accounts.service import MADE_LABELS, free_uid
from csms.domain.base import NotFound

SEPARATORS = str.maketrans("", "", " :-._/")
SHORTEST = 8  # signs that two numbers must share for one to be a part of the other: four bytes
WIDTHS = (8, 10, 14, 16, 20)  # how long numbers are that are filled up with zeros in front
MOST_CANDIDATES = 200


class Likeness(enum.StrEnum):
    """In what two numbers differ that may be those of one card."""

    SEPARATORS = "separators"
    ZEROS = "zeros"
    REVERSED = "reversed"
    DECIMAL = "decimal"
    PART = "part"


@dataclass(frozen=True, slots=True)
class Hint:
    """A known card that the unknown number `uid` may be, and why."""

    uid: str
    token: IdToken
    likeness: Likeness


def likeness(uid: str, known: str) -> Likeness | None:
    """In what `uid` differs from the number of a known card, where that may be all. Case never counts."""
    read, card = _bare(uid), _bare(known)
    if read == card:
        return Likeness.SEPARATORS
    if read.lstrip("0") == card.lstrip("0"):
        return Likeness.ZEROS
    if read == _reversed(card):
        return Likeness.REVERSED
    if card in _in_other_digits(read) or read in _in_other_digits(card):
        return Likeness.DECIMAL
    if _is_part(read, card):
        return Likeness.PART
    turned = _reversed(read)
    return Likeness.REVERSED if turned is not None and _is_part(turned, card) else None


def hints(session: Session, uids: Iterable[str]) -> dict[str, Hint]:
    """The likeliest known card of each of these unknown numbers, where there is one. One query."""
    asked = list(dict.fromkeys(uids))
    if not asked:
        return {}
    # What is made for starts from pages is nobody's card.
    query = select(IdToken).where(or_(IdToken.label.is_(None), IdToken.label.not_in(MADE_LABELS)))
    query = query.where(or_(*(x for uid in asked for x in _conditions(uid)))).options(
        joinedload(IdToken.account), joinedload(IdToken.aliases)
    )
    candidates = session.scalars(query.order_by(IdToken.id).limit(MOST_CANDIDATES)).unique().all()
    found = ((uid, _likeliest(uid, candidates)) for uid in asked)
    return {uid: hint for uid, hint in found if hint is not None}


def _likeliest(uid: str, candidates: Sequence[IdToken]) -> Hint | None:
    """The likenesses are in order: the first is the surest."""
    order = list(Likeness)
    if any(folded(uid) in (x.uid_folded, *(y.uid_folded for y in x.aliases)) for x in candidates):
        return None  # it is known by now
    pairs = [(likeness(uid, token.uid), token) for token in candidates]
    made = [Hint(uid, token, kind) for kind, token in pairs if kind is not None]
    return min(made, key=lambda hint: order.index(hint.likeness), default=None)


def _conditions(uid: str) -> Iterator[ColumnElement[bool]]:
    """Which cards to look at: exact numbers go by the index, longer ones by their beginning or end."""
    read = _bare(uid)
    turned = _reversed(read)
    wanted = {read, *_in_other_digits(read), *(x for x in (turned,) if x)}
    wanted |= {x.lstrip("0") for x in wanted} | {
        x.lstrip("0").zfill(width) for x in wanted for width in WIDTHS
    }
    for whole in [x for x in (read, turned) if x]:
        wanted |= {whole[:n] for n in range(SHORTEST, len(whole))}
        wanted |= {whole[-n:] for n in range(SHORTEST, len(whole))}
        if len(whole) >= SHORTEST:
            yield IdToken.uid_folded.startswith(whole, autoescape=True)
            yield IdToken.uid_folded.endswith(whole, autoescape=True)
    for mark in ":- .":
        wanted |= {mark.join(_bytes(x)) for x in (read, turned) if x and len(x) % 2 == 0}
    yield IdToken.uid_folded.in_(sorted(x for x in wanted if x))


def _bare(uid: str) -> str:
    return folded(uid).translate(SEPARATORS)


def _bytes(number: str) -> list[str]:
    return [number[n : n + 2] for n in range(0, len(number), 2)]


def _is_hex(number: str) -> bool:
    return bool(number) and all(x in "0123456789abcdef" for x in number)


def _reversed(number: str) -> str | None:
    """The bytes from the last to the first; None: these are no bytes."""
    if len(number) < SHORTEST or len(number) % 2 or not _is_hex(number):
        return None
    return "".join(reversed(_bytes(number)))


def _in_other_digits(number: str) -> set[str]:
    """A hexadecimal number in decimal digits and the other way round, in either order of its bytes."""
    if not _is_hex(number) or not 6 <= len(number) <= 20:
        return set()
    found = {str(int(x, 16)) for x in (number, _reversed(number)) if x}
    found |= {x.zfill(10) for x in found}
    if number.isdigit():
        plain = f"{int(number):x}"
        written = plain.zfill(max(8, len(plain) + len(plain) % 2))
        found |= {x for x in (written, _reversed(written)) if x}
    return found


def _is_part(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return (
        len(short) >= SHORTEST and len(short) < len(long) and (long.startswith(short) or long.endswith(short))
    )


def add_alias(session: Session, token: IdToken, uid: str, *, by: str | None, at: datetime) -> CardAlias:
    """Know a card by another number too. Raises Invalid for what is no number, Refused for a taken one."""
    uid = free_uid(session, uid)
    alias = CardAlias(uid=uid, uid_folded=folded(uid), created_by=by, created_at=at)
    token.aliases.append(alias)
    session.flush()
    return alias


def remove_alias(session: Session, token: IdToken, alias_id: int) -> CardAlias:
    """Raises NotFound."""
    found = next((x for x in token.aliases if x.id == alias_id), None)
    if found is None:
        raise NotFound("This card has no such number.")
    token.aliases.remove(found)
    session.flush()
    return found
