"""What the pages about cards, drivers and users read."""

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, String, and_, cast, func, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from csms.domain.accounts.models import Account, CardAlias, IdToken, LedgerEntry, Setting, User, Vehicle
from csms.domain.accounts.service import MADE_LABELS
from csms.domain.accounts.settings import PAYMENTS_ACCOUNT
from csms.domain.base import NotFound
from csms.domain.words import all_in


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
    hides_numbers: bool = False,
) -> tuple[Sequence[IdToken], int | None]:
    """(cards, newest first; the id before which the next ones begin, None at the end).

    `hides_numbers`: only a whole number is found, as parts of it could be tried one after the other.
    """
    query = _of_state(select(IdToken), state, at).options(joinedload(IdToken.account))
    if words.strip():
        number = words.strip().casefold()
        numbered = (
            IdToken.uid_folded == number
            if hides_numbers
            else IdToken.uid_folded.contains(number, autoescape=True)
        )
        query = query.outerjoin(Account, Account.id == IdToken.account_id).where(
            or_(
                numbered,
                IdToken.aliases.any(CardAlias.uid_folded == number),
                IdToken.label.icontains(words.strip(), autoescape=True),
                Account.name.icontains(words.strip(), autoescape=True),
            )
        )
    if before_id is not None:
        query = query.where(IdToken.id < before_id)
    rows = session.scalars(query.order_by(IdToken.id.desc()).limit(limit + 1)).all()
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None


def _of_state(query: Select[IdToken], state: CardState | None, at: datetime) -> Select[IdToken]:
    is_made = func.coalesce(IdToken.label, "").in_(MADE_LABELS)
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
    both = (joinedload(IdToken.account), selectinload(IdToken.aliases))
    query = select(IdToken).where(IdToken.id == token_id).options(*both)
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
    query = select(Account, count).where(_is_drivers())
    if words.strip():
        query = query.where(all_in(words, Account.name, Account.email))
    if before_id is not None:
        query = query.where(Account.id < before_id)
    rows = [AccountRow(*row) for row in session.execute(query.order_by(Account.id.desc()).limit(limit + 1))]
    return rows[:limit], rows[limit - 1].account.id if len(rows) > limit else None


def choices(session: Session, *, limit: int = 500) -> Sequence[Account]:
    """Accounts to choose from, by name."""
    query = select(Account).where(_is_drivers()).order_by(Account.name)
    return session.scalars(query.limit(limit)).all()


def _is_drivers() -> ColumnElement[bool]:
    """Not those that were merged with another; nor the house's own account of what is paid by card: nobody charges on
    it, and no card is of it.
    """
    own = select(Setting.value).where(Setting.name == PAYMENTS_ACCOUNT)
    return and_(cast(Account.id, String).not_in(own), Account.merged_into_id.is_(None))


def account(session: Session, account_id: int) -> Account:
    """An account with its cards and vehicles. Raises NotFound."""
    query = (
        select(Account)
        .where(Account.id == account_id)
        .options(selectinload(Account.tokens), joinedload(Account.vehicles))
    )
    found = session.scalars(query).unique().one_or_none()
    if found is None:
        raise NotFound("There is no such account.")
    return found


def matching_vehicles(words: str) -> Select[Vehicle]:
    """Cars with their accounts, of which brand, model, VIN or driver contains the words."""
    query = select(Vehicle).join(Vehicle.account).options(contains_eager(Vehicle.account))
    if words.strip():
        columns = (Vehicle.brand + " " + Vehicle.model, Vehicle.vin, Account.name)
        query = query.where(or_(*(x.icontains(words.strip(), autoescape=True) for x in columns)))
    return query


def vehicles(
    session: Session, *, words: str = "", before_id: int | None = None, limit: int = 50
) -> tuple[Sequence[Vehicle], int | None]:
    """(cars, newest first; the id before which the next ones begin, None at the end)."""
    query = matching_vehicles(words)
    if before_id is not None:
        query = query.where(Vehicle.id < before_id)
    rows = session.scalars(query.order_by(Vehicle.id.desc()).limit(limit + 1)).all()
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None


def spent_wh(session: Session, account_ids: Iterable[int]) -> dict[int, int]:
    """What sessions have taken of each account's kWh credit, and of those merged with it, less what was given back."""
    ids = list(account_ids)
    whose = func.coalesce(Account.merged_into_id, Account.id)
    theirs = select(Account.id).where(or_(Account.id.in_(ids), Account.merged_into_id.in_(ids)))
    query = (
        select(whose, func.sum(-LedgerEntry.energy_wh))
        .join(Account, Account.id == LedgerEntry.account_id)
        .where(LedgerEntry.account_id.in_(theirs), LedgerEntry.transaction_id.is_not(None))
        .group_by(whose)
    )
    return {account_id: int(sum_wh) for account_id, sum_wh in session.execute(query)}


def merged_with(session: Session, account_id: int) -> Sequence[Account]:
    """The accounts that were made one with this one, in the order in which they were opened."""
    query = select(Account).where(Account.merged_into_id == account_id).order_by(Account.id)
    return session.scalars(query.limit(50)).all()


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
