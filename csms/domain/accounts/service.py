"""Verdicts on cards, and the credit behind them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from csms.domain.accounts.models import Account, IdToken, LedgerEntry, LedgerKind, TokenStatus
from csms.domain.base import Invalid, Refused, announce, append, printable

UID_LENGTH = 20  # 1.6 §7.28: CiString20


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
    session.info["tokens"] = found


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
    token = find_token(session, uid) if 0 < len(uid.strip()) <= UID_LENGTH else None
    if token is None:
        return Decision(TokenStatus.INVALID if needs_known or not uid.strip() else TokenStatus.ACCEPTED)
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
    account.balance_cents += amount_cents
    account.balance_wh += energy_wh
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
