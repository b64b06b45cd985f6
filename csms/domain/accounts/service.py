"""Verdicts on cards, and the credit behind them."""

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain.accounts import scans
from csms.domain.accounts.access import create_user
from csms.domain.accounts.cards import card_of, folded, has_credit
from csms.domain.accounts.models import (
    Account,
    CardAlias,
    IdToken,
    LedgerEntry,
    LedgerKind,
    Role,
    TokenStatus,
    User,
)
from csms.domain.base import Invalid, NotFound, Refused, announce, append, printable

UID_LENGTH = 20  # 1.6 §7.28: CiString20
WEB_PREFIX, WEB_LABEL = "WEB", "Web"
GUEST_PREFIX, GUEST_LABEL = "GST", "Guest"
PAYMENT_PREFIX, PAYMENT_LABEL = "PAY", "Card payment"
ROAMING_PREFIX, ROAMING_LABEL = "EMP", "Roaming"
MADE_LABELS = (
    WEB_LABEL,
    GUEST_LABEL,
    PAYMENT_LABEL,
    ROAMING_LABEL,
)  # of tags that we make, and nobody carries
GUEST_FOR = timedelta(hours=2)  # from the press of the button to the charger's question, however slow


class Decision(NamedTuple):
    """The verdict on a presented tag, with what a charger may be told about it."""

    status: TokenStatus
    token_id: int | None = None
    account_id: int | None = None
    parent_uid: str | None = None
    expires_at: datetime | None = None

    @property
    def is_accepted(self) -> bool:
        return self.status is TokenStatus.ACCEPTED


def find_token(session: Session, uid: str) -> IdToken | None:
    """The tag as presented, under its number or an alias. A group's name never matches (1.6 §3.10)."""
    key = folded(uid)
    found = session.scalar(select(IdToken).where(IdToken.uid_folded == key))
    return found or session.scalar(select(IdToken).join(IdToken.aliases).where(CardAlias.uid_folded == key))


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
    card = card_of(session, uid)
    if card is None:
        if charger_id is not None:
            scans.catch(session, uid, charger_id, at=at)
        return Decision(TokenStatus.INVALID if needs_known else TokenStatus.ACCEPTED)
    card.last_seen_at = at
    card.last_seen_charger_id = charger_id
    is_good = not needs_credit or has_credit(session, card)
    if card.vouched_until is not None and card.vouched_until > at:
        status = verdict(True, card.vouched_until, is_good, at)
        return Decision(status, card.id, card.account_id, card.parent_uid, card.vouched_until)
    status = verdict(card.is_allowed, card.expires_at, is_good, at)
    return Decision(status, card.id, card.account_id, card.parent_uid, card.expires_at)


def verdict(is_allowed: bool, expires_at: datetime | None, has_credit: bool, at: datetime) -> TokenStatus:
    """What a known tag is worth; `has_credit` is True where credit does not matter."""
    if not is_allowed:
        return TokenStatus.BLOCKED
    if expires_at is not None and expires_at <= at:
        return TokenStatus.EXPIRED
    return TokenStatus.ACCEPTED if has_credit else TokenStatus.NO_CREDIT


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


def sign_up(
    session: Session, username: str, password_hash: str | None, *, at: datetime, email: str | None = None
) -> User:
    """A driver with an account of their own. Raises Invalid for a bad name, Refused for a taken one."""
    account = open_account(session, username, at=at, email=email)
    return create_user(
        session,
        username,
        password_hash,
        Role.DRIVER,
        at=at,
        email=email,
        account_id=account.id,
        is_email_trusted=False,
    )


def free_uid(session: Session, uid: str) -> str:
    """`uid` as it may be given to a card. Raises Invalid for what no charger can send, Refused for a taken one."""
    uid = uid.strip()
    if not 0 < len(uid) <= UID_LENGTH or not uid.isprintable():
        raise Invalid(
            "A card's number has 1 to %(uid_length)s printable characters.", "uid", uid_length=UID_LENGTH
        )
    holder = find_token(session, uid)
    if holder is not None and holder.uid_folded == folded(uid):
        raise Refused("The card %(uid)s is there already.", uid=uid)
    if holder is not None:
        raise Refused("%(uid)s is another number of the card %(uid2)s.", uid=uid, uid2=holder.uid)
    return uid


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
    uid = free_uid(session, uid)
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
    if account.merged_into_id is not None:
        raise Refused("This driver is merged with another one: book it there.")
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


def who_pays(session: Session, account_id: int) -> Account:
    """The account with this id, or that of the same person which took it over since."""
    account = session.get_one(Account, account_id)
    return account if account.merged_into_id is None else session.get_one(Account, account.merged_into_id)


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


def payment_token(session: Session, account: Account, at: datetime) -> IdToken:
    """A tag for the one session that a payment is for; it is of no use after GUEST_FOR."""
    uid, ends_at = _random_uid(PAYMENT_PREFIX), at + GUEST_FOR
    return add_token(session, uid, at=at, account_id=account.id, label=PAYMENT_LABEL, expires_at=ends_at)


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
