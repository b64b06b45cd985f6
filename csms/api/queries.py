"""What the API's lists read, with all that their rows show: a fixed number of queries, however many rows there are."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, bindparam, exists, func, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from csms.domain.accounts import Account, IdToken
from csms.domain.base import NotFound
from csms.domain.chargers import Charger, Connector, ConnectorStatus, LinkLease
from csms.domain.chargers.models import ChargerTag
from csms.domain.commands import Command, CommandState
from csms.domain.energy import ChargingProfile
from csms.domain.sites import Site
from csms.domain.tariffs import Tariff
from csms.domain.transactions import Reading, Transaction, TransactionState

# What a command's way through the API asks for is made once: making a statement costs more than running it.
_CHARGER = (
    select(Charger)
    .where(Charger.identity_folded == bindparam("identity_folded"))
    .options(joinedload(Charger.lease), joinedload(Charger.site))
    .execution_options(populate_existing=True)
)
_CHARGER_WITH_CONNECTORS = _CHARGER.options(selectinload(Charger.connectors))
_PROGRESS = select(Command.state, Command.awaits, Command.answered_at).where(
    Command.id == bindparam("command_id")
)


def chargers(
    *,
    status: ConnectorStatus | None,
    online: bool | None,
    words: str | None,
    site: str | None = None,
    tag: str | None = None,
    at: datetime,
) -> Select[Charger]:
    """`status`: of the charger or of one of its connectors. `words`: part of a name, identity, place or number.
    `site`: its uuid or name."""
    query = select(Charger).outerjoin(Charger.lease).outerjoin(Charger.site)
    if site is not None:
        query = query.where(or_(Site.uuid == site.lower(), Site.name_folded == site.casefold()))
    if tag is not None:
        query = query.where(Charger.tags.any(ChargerTag.tag == tag.casefold()))
    if status is not None:
        has = exists().where(Connector.charger_id == Charger.id, Connector.status == status)
        query = query.where(or_(Charger.status == status, has))
    if online is not None:
        is_online = func.coalesce(LinkLease.online_until > at, False)
        query = query.where(is_online if online else ~is_online)
    if words:
        columns = (Charger.identity, Charger.name, Charger.location, Charger.serial_number)
        query = query.where(or_(*(x.icontains(words, autoescape=True) for x in (*columns, Site.name))))
    loads = (contains_eager(Charger.lease), contains_eager(Charger.site), selectinload(Charger.connectors))
    return query.options(*loads, selectinload(Charger.tags))


def charger(session: Session, identity: str, *, with_connectors: bool = True) -> Charger:
    """A charger with its lease, as they stand in the database now. Raises NotFound."""
    query = _CHARGER_WITH_CONNECTORS if with_connectors else _CHARGER
    found = session.scalar(query, {"identity_folded": identity.casefold()[:48]})
    if found is None:
        raise NotFound("There is no charger %(identity)s.", identity=identity)
    return found


def connectors(*, identity: str | None, status: ConnectorStatus | None) -> Select[Connector]:
    query = select(Connector).join(Connector.charger).options(contains_eager(Connector.charger))
    if identity is not None:
        query = query.where(Charger.identity_folded == identity.casefold()[:48])
    if status is not None:
        query = query.where(Connector.status == status)
    return query


def transactions(
    *,
    identity: str | None = None,
    state: TransactionState | None = None,
    since: datetime | None = None,
    account_id: int | None = None,
) -> Select[Transaction]:
    query = select(Transaction).join(Transaction.charger)
    if identity is not None:
        query = query.where(Charger.identity_folded == identity.casefold()[:48])
    for column, value in ((Transaction.state, state), (Transaction.account_id, account_id)):
        if value is not None:
            query = query.where(column == value)
    if since is not None:
        query = query.where(Transaction.started_at >= since)
    return query.options(
        contains_eager(Transaction.charger),
        joinedload(Transaction.connector),
        joinedload(Transaction.tariff_version),
    )


def transaction(session: Session, transaction_id: int, account_id: int | None) -> Transaction:
    """Raises NotFound, also for one of another account than `account_id`."""
    query = transactions(account_id=account_id).where(Transaction.id == transaction_id)
    found = session.scalar(query)
    if found is None:
        raise NotFound("There is no such transaction.")
    return found


def readings(transaction_id: int) -> Select[Reading]:
    return select(Reading).where(Reading.transaction_id == transaction_id)


def id_tokens(
    *, account_id: int | None, words: str | None = None, in_numbers: bool = True
) -> Select[IdToken]:
    """`words`: part of the label, and of the number if it may be looked for."""
    query = select(IdToken)
    if account_id is not None:
        query = query.where(IdToken.account_id == account_id)
    if words:
        has = IdToken.label.icontains(words, autoescape=True)
        if in_numbers:
            has = or_(has, IdToken.uid_folded.contains(words.strip().casefold(), autoescape=True))
        query = query.where(has)
    return query


def id_token(session: Session, token_id: int, account_id: int | None = None) -> IdToken:
    """Raises NotFound."""
    found = session.scalar(id_tokens(account_id=account_id).where(IdToken.id == token_id))
    if found is None:
        raise NotFound("There is no such id token.")
    return found


def accounts(*, account_id: int | None, words: str | None = None) -> Select[Account]:
    query = select(Account)
    if account_id is not None:
        query = query.where(Account.id == account_id)
    if words:
        columns = (Account.name, Account.email)
        query = query.where(or_(*(x.icontains(words, autoescape=True) for x in columns)))
    return query


def account(session: Session, account_id: int, *, to_change: bool = False) -> Account:
    """Raises NotFound. `to_change`: nobody else changes it until this unit of work is over."""
    found = session.get(Account, account_id, with_for_update=to_change, populate_existing=to_change)
    if found is None:
        raise NotFound("There is no such account.")
    return found


def charging_profiles() -> Select[ChargingProfile]:
    return select(ChargingProfile)


def tariffs() -> Select[Tariff]:
    query = select(Tariff).where(Tariff.is_derived.is_(False), Tariff.removed_at.is_(None))
    return query.options(selectinload(Tariff.versions))


def tariff(session: Session, tariff_id: int) -> Tariff:
    """Raises NotFound."""
    found = session.scalar(tariffs().where(Tariff.id == tariff_id))
    if found is None:
        raise NotFound("There is no such tariff.")
    return found


def commands(*, identity: str | None, state: CommandState | None) -> Select[Command]:
    """Those that nobody has put away."""
    query = _with_charger().where(Command.put_away_at.is_(None))
    if identity is not None:
        query = query.where(Charger.identity_folded == identity.casefold()[:48])
    if state is not None:
        query = query.where(Command.state == state)
    return query


def _with_charger() -> Select[Command]:
    query = select(Command).join(Command.charger)
    return query.options(contains_eager(Command.charger).load_only(Charger.identity))


_COMMAND = (
    _with_charger().where(Command.id == bindparam("command_id")).execution_options(populate_existing=True)
)


def command(session: Session, command_id: str) -> Command:
    """As it stands in the database now. Raises NotFound."""
    found = session.scalar(_COMMAND, {"command_id": command_id})
    if found is None:
        raise NotFound("There is no such command.")
    return found


def is_done(session: Session, command_id: str, is_answer_enough: bool) -> bool:
    """Whether a command has its answer, and its effect too unless the answer is enough."""
    row = session.execute(_PROGRESS, {"command_id": command_id}).one()
    if row.answered_at is None or row.state in (CommandState.QUEUED, CommandState.SENT):
        return False
    return is_answer_enough or row.awaits is None
