"""Verdicts on cards, and the credit behind them."""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from csms.domain.accounts.models import Account, IdToken, LedgerEntry, LedgerKind, TokenStatus, Vehicle
from csms.domain.base import Invalid, NotFound, Refused, announce, append, printable

UID_LENGTH = 20  # 1.6 §7.28: CiString20
WEB_PREFIX, WEB_LABEL = "WEB", "Web"
GUEST_PREFIX, GUEST_LABEL = "GST", "Guest"
GUEST_FOR = timedelta(hours=2)  # from the press of the button to the charger's question, however slow


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict on a presented tag, with what a charger may be told about it."""

    status: TokenStatus
    token_id: int | None = None
    account_id: int | None = None
    parent_uid: str | None = None
    expires_at: datetime | None = None

    @property
    def is_accepted(self) -> bool:
        return self.status is TokenStatus.ACCEPTED


def folded(uid: str) -> str:
    """`uid` as it is matched: without case (1.6 §7.28, CiString), without blanks around it."""
    return (printable(uid.strip(), 36) or "").casefold()[:36]


def preload(session: Session, uids: Iterable[str]) -> None:
    """Read many tags with one query, for `find_token`."""
    found: dict[str, IdToken | None] = dict.fromkeys(folded(uid) for uid in uids)
    query = select(IdToken).where(IdToken.uid_folded.in_(found)).options(selectinload(IdToken.account))
    for token in session.scalars(query):
        found[token.uid_folded] = token
    session.info.setdefault("tokens", {}).update(found)


def find_token(session: Session, uid: str) -> IdToken | None:
    """The tag as presented. A group's name never matches (1.6 §3.10)."""
    preloaded: dict[str, IdToken | None] = session.info.get("tokens", {})
    key = folded(uid)
    if key in preloaded:
        return preloaded[key]
    return session.scalar(select(IdToken).where(IdToken.uid_folded == key))


def authorize(
    session: Session,
    uid: str,
    *,
    needs_known: bool,
    needs_credit: bool,
    at: datetime,
    charger_id: int | None = None,
) -> Decision:
    """May whoever presents `uid` charge? A blocked or expired tag is refused even where anybody may charge."""
    if not 0 < len(uid.strip()) <= UID_LENGTH:
        return Decision(TokenStatus.INVALID)  # F59: no card has such a number, wherever it is presented
    token = find_token(session, uid)
    if token is None:
        return Decision(TokenStatus.INVALID if needs_known else TokenStatus.ACCEPTED)
    token.last_seen_at = at
    token.last_seen_charger_id = charger_id
    if not token.is_allowed:
        status = TokenStatus.BLOCKED
    elif token.expires_at is not None and token.expires_at <= at:
        status = TokenStatus.EXPIRED
    elif needs_credit and not (token.account and token.account.has_credit):
        status = TokenStatus.NO_CREDIT
    else:
        status = TokenStatus.ACCEPTED
    return Decision(status, token.id, token.account_id, token.parent_uid, token.expires_at)


def open_account(
    session: Session, name: str, *, at: datetime, email: str | None = None, is_service: bool = False
) -> Account:
    if not name.strip():
        raise Invalid("Give the account a name.", "name")
    account = Account(
        name=name.strip(),
        email=email or None,
        is_service=is_service,
        balance_cents=0,
        balance_wh=0,
        created_at=at,
    )
    session.add(account)
    session.flush()
    return account


def add_token(
    session: Session,
    uid: str,
    *,
    at: datetime,
    account_id: int | None = None,
    label: str | None = None,
    parent_uid: str | None = None,
    expires_at: datetime | None = None,
    is_allowed: bool = True,
) -> IdToken:
    """A new tag. Raises Invalid for one that no charger can present, Refused for one that is there already."""
    uid = uid.strip()
    if not 0 < len(uid) <= UID_LENGTH or not uid.isprintable():
        raise Invalid(f"A card's number has 1 to {UID_LENGTH} printable characters.", "uid")
    if find_token(session, uid) is not None:
        raise Refused(f"The card {uid} is there already.")
    token = IdToken(
        uid=uid,
        uid_folded=folded(uid),
        label=label or None,
        account_id=account_id,
        parent_uid=parent_uid or None,
        expires_at=expires_at,
        is_allowed=is_allowed,
        created_at=at,
    )
    session.add(token)
    session.flush()
    return token


def book(
    session: Session,
    account: Account,
    kind: LedgerKind,
    *,
    at: datetime,
    amount_cents: int = 0,
    energy_wh: int = 0,
    transaction_id: int | None = None,
    note: str | None = None,
    by: str | None = None,
) -> None:
    """Change an account's credit by `amount_cents` and `energy_wh` (either may be negative) and say why."""
    # Added up by the database: two bookings at the same moment, in two processes, must not lose one another.
    account.balance_cents = Account.balance_cents + amount_cents
    account.balance_wh = Account.balance_wh + energy_wh
    session.flush()
    append(
        session,
        LedgerEntry,
        {
            "account_id": account.id,
            "kind": kind,
            "amount_cents": amount_cents,
            "energy_wh": energy_wh,
            "transaction_id": transaction_id,
            "note": printable(note, 200),
            "created_by": by,
            "created_at": at,
        },
    )
    announce(session, f"account:{account.id}")


def change_token(
    session: Session,
    token: IdToken,
    *,
    label: str | None,
    account_id: int | None,
    parent_uid: str | None,
    expires_at: datetime | None,
    is_allowed: bool,
) -> None:
    """Change all of a tag but its number. Raises NotFound for an account that is not there."""
    if account_id is not None and session.get(Account, account_id) is None:
        raise NotFound("There is no such account.")
    token.label = printable(label, 80) or None
    token.account_id = account_id
    token.parent_uid = printable(parent_uid, 20) or None
    token.expires_at = expires_at
    token.is_allowed = is_allowed


def web_token(session: Session, account: Account, at: datetime) -> IdToken:
    """The tag under which an account starts from a page: chargers ask for one (1.6 §5.11). Made once."""
    query = select(IdToken).where(
        IdToken.account_id == account.id, IdToken.label == WEB_LABEL, IdToken.is_allowed
    )
    for token in session.scalars(query):
        if token.uid.startswith(WEB_PREFIX) and token.expires_at is None:
            return token
    return add_token(session, _random_uid(WEB_PREFIX), at=at, account_id=account.id, label=WEB_LABEL)


def guest_token(session: Session, at: datetime) -> IdToken:
    """A tag for one start at a charger where anybody may charge. It is of no use after GUEST_FOR."""
    return add_token(session, _random_uid(GUEST_PREFIX), at=at, label=GUEST_LABEL, expires_at=at + GUEST_FOR)


def _random_uid(prefix: str) -> str:
    return prefix + secrets.token_hex(6).upper()


def change_account(
    session: Session, account: Account, *, name: str, email: str | None, is_service: bool
) -> None:
    """Raises Invalid for an account without a name."""
    if not name.strip():
        raise Invalid("Give the account a name.", "name")
    account.name = printable(name.strip(), 120) or account.name
    account.email = printable((email or "").strip(), 254) or None
    account.is_service = is_service
    announce(session, f"account:{account.id}")


def add_vehicle(
    session: Session, account: Account, *, brand: str, model: str, vin: str | None, at: datetime
) -> Vehicle:
    """A car of an account. Raises Invalid for a nameless one, Refused for a VIN that another car has."""
    brand, model = brand.strip(), model.strip()
    vin = (vin or "").strip().upper() or None
    if not brand or not model:
        raise Invalid("Give the vehicle's brand and model.", "brand" if not brand else "model")
    if vin is not None and not re.fullmatch("[A-HJ-NPR-Z0-9]{17}", vin):
        raise Invalid("A VIN has 17 letters and digits, without I, O and Q.", "vin")
    if vin is not None and session.scalar(select(Vehicle.id).where(Vehicle.vin == vin)) is not None:
        raise Refused("A vehicle with this VIN is there already.")
    vehicle = Vehicle(account_id=account.id, brand=brand[:60], model=model[:60], vin=vin, created_at=at)
    session.add(vehicle)
    session.flush()
    return vehicle
