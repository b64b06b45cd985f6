"""What the pages about cards, drivers and users read."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from csms.domain.accounts.models import Account, AuditEntry, IdToken, LedgerEntry, User
from csms.domain.accounts.service import GUEST_LABEL, WEB_LABEL
from csms.domain.base import NotFound


class CardState(enum.StrEnum):
    """What a list of cards is about. MADE: tags that we made for starts from pages."""

    ALLOWED = "allowed"
    BLOCKED = "blocked"
    EXPIRED = "expired"
    LOOSE = "loose"  # of no account
    MADE = "made"


def cards(
    session: Session,
    *,
    at: datetime,
    words: str = "",
    state: CardState | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> tuple[Sequence[IdToken], int | None]:
    """(cards, newest first; the id before which the next ones begin, None at the end)."""
    query = _of_state(select(IdToken), state, at).options(joinedload(IdToken.account))
    if words.strip():
        query = query.outerjoin(Account, Account.id == IdToken.account_id).where(
            or_(
                IdToken.uid_folded.contains(words.strip().casefold(), autoescape=True),
                IdToken.label.icontains(words.strip(), autoescape=True),
                Account.name.icontains(words.strip(), autoescape=True),
            )
        )
    if before_id is not None:
        query = query.where(IdToken.id < before_id)
    rows = session.scalars(query.order_by(IdToken.id.desc()).limit(limit + 1)).all()
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None


def _of_state(query: Select[IdToken], state: CardState | None, at: datetime) -> Select[IdToken]:
    is_made = func.coalesce(IdToken.label, "").in_((WEB_LABEL, GUEST_LABEL))
    has_expired = and_(IdToken.expires_at.is_not(None), IdToken.expires_at <= at)
    if state is CardState.MADE:
        return query.where(is_made)
    query = query.where(~is_made)
    match state:
        case CardState.ALLOWED:
            return query.where(IdToken.is_allowed, ~has_expired)
        case CardState.BLOCKED:
            return query.where(~IdToken.is_allowed)
        case CardState.EXPIRED:
            return query.where(has_expired)
        case CardState.LOOSE:
            return query.where(IdToken.account_id.is_(None))
    return query


def card(session: Session, token_id: int) -> IdToken:
    """Raises NotFound."""
    query = select(IdToken).where(IdToken.id == token_id).options(joinedload(IdToken.account))
    found = session.scalar(query)
    if found is None:
        raise NotFound("There is no such card.")
    return found


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account and how many cards it has."""

    account: Account
    cards: int


def listed(
    session: Session, *, words: str = "", before_id: int | None = None, limit: int = 50
) -> tuple[Sequence[AccountRow], int | None]:
    """(accounts, newest first; the id before which the next ones begin, None at the end)."""
    count = select(func.count(IdToken.id)).where(IdToken.account_id == Account.id).scalar_subquery()
    query = select(Account, count)
    if words.strip():
        query = query.where(
            or_(
                Account.name.icontains(words.strip(), autoescape=True),
                Account.email.icontains(words.strip(), autoescape=True),
            )
        )
    if before_id is not None:
        query = query.where(Account.id < before_id)
    rows = [AccountRow(*row) for row in session.execute(query.order_by(Account.id.desc()).limit(limit + 1))]
    return rows[:limit], rows[limit - 1].account.id if len(rows) > limit else None


def choices(session: Session, *, limit: int = 500) -> Sequence[Account]:
    """Accounts to choose from, by name."""
    return session.scalars(select(Account).order_by(Account.name).limit(limit)).all()


def account(session: Session, account_id: int) -> Account:
    """An account with its cards and vehicles. Raises NotFound."""
    query = (
        select(Account)
        .where(Account.id == account_id)
        .options(selectinload(Account.tokens), selectinload(Account.vehicles))
    )
    found = session.scalar(query)
    if found is None:
        raise NotFound("There is no such account.")
    return found


def ledger(session: Session, account_id: int, *, limit: int = 50) -> Sequence[LedgerEntry]:
    """The newest changes of an account's credit."""
    query = select(LedgerEntry).where(LedgerEntry.account_id == account_id)
    return session.scalars(query.order_by(LedgerEntry.id.desc()).limit(limit)).all()


def users(session: Session) -> Sequence[User]:
    """Everybody who can sign in, by name."""
    return session.scalars(select(User).order_by(User.username_folded)).all()


def user(session: Session, user_id: int) -> User:
    """Raises NotFound."""
    found = session.get(User, user_id)
    if found is None:
        raise NotFound("There is no such user.")
    return found


def audit_entries(
    session: Session, *, before_id: int | None = None, limit: int = 50
) -> tuple[Sequence[AuditEntry], int | None]:
    """(what was done, newest first; the id before which the next entries begin, None at the end)."""
    query = select(AuditEntry)
    if before_id is not None:
        query = query.where(AuditEntry.id < before_id)
    rows = session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit + 1)).all()
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None
