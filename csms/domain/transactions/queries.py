"""What the pages about sessions read. Bounded by indexes and limits: a million rows are as quick as ten."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload, load_only, undefer
from sqlalchemy.orm.attributes import set_committed_value

from csms.domain.accounts import Account, CardAlias, IdToken, LedgerEntry
from csms.domain.base import NotFound
from csms.domain.chargers import Charger, Connector, LinkLease, StatusEvent
from csms.domain.chargers.filtering import is_accepted
from csms.domain.commands import Command, Kind
from csms.domain.frames import Frame
from csms.domain.tariffs import TariffVersion
from csms.domain.transactions.models import Reading, Transaction, TransactionState

MOST_ACTIVE = 200  # shown on one page
MOST_READINGS = 3000  # drawn and listed on one page; the export has them all
NEWEST_FRAMES = 4000  # of a charger, searched for those that speak of a transaction


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sessions a list is about. None: whatever it is."""

    charger_id: int | None = None
    state: TransactionState | None = None
    since: datetime | None = None
    account_id: int | None = None
    connector_id: int | None = None
    until: datetime | None = None
    words: str | None = None  # a session's number, or a part of a card's or a driver's name


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the list, newest first: what follows began earlier, or then and with a smaller id."""

    started_at: datetime
    id: int


def active(
    session: Session, wanted: Wanted | None = None, *, limit: int = MOST_ACTIVE
) -> Sequence[Transaction]:
    """The sessions that run, newest first."""
    wanted = wanted or Wanted()
    wider = replace(wanted, charger_id=None, account_id=None, connector_id=None, state=None)
    query = _listed(wider).where(Transaction.state == TransactionState.ACTIVE)
    query = query.options(
        joinedload(Transaction.charger).joinedload(Charger.lease),
        joinedload(Transaction.tariff_version).joinedload(TariffVersion.tariff),
    )
    # Few run at a time: the database must find them by their state, and not walk through all of an account's or of
    # a charger's sessions because those lie in the order that is asked for. "+ 0" keeps it from the other index.
    for column, value in (
        (Transaction.charger_id, wanted.charger_id),
        (Transaction.account_id, wanted.account_id),
        (Transaction.connector_id, wanted.connector_id),
    ):
        if value is not None:
            query = query.where(column + 0 == value)
    return session.scalars(query.limit(limit)).all()


def wall(session: Session, *, limit: int) -> Sequence[tuple[Connector, Transaction | None]]:
    """Connectors of accepted chargers by name, with their chargers and leases, and what runs on each. One query.

    Of each no more is read than a tile shows.
    """
    order = (Charger.sorting_name, Charger.id, Connector.evse_number, Connector.number)
    running = and_(Transaction.connector_id == Connector.id, Transaction.state == TransactionState.ACTIVE)
    its_charger = contains_eager(Connector.charger).load_only(Charger.identity, Charger.name)
    its_lease = contains_eager(Charger.lease).load_only(LinkLease.online_until, LinkLease.last_seen_at)
    query = (
        select(Connector, Transaction)
        .join(Connector.charger)
        .outerjoin(Charger.lease)
        .outerjoin(Transaction, running)
        .where(is_accepted())
        .options(its_charger.options(its_lease), load_only(*_OF_A_TILE), load_only(*_OF_ITS_SESSION))
        .order_by(*order)
        .limit(limit)
    )
    return [(connector, transaction) for connector, transaction in session.execute(query)]


_OF_A_TILE = (
    *(Connector.charger_id, Connector.evse_number, Connector.type, Connector.max_power_w),
    *(Connector.status, Connector.status_at, Connector.error_code),
)
_OF_ITS_SESSION = (
    *(Transaction.charger_id, Transaction.connector_id, Transaction.state),
    *(Transaction.soc_percent, Transaction.power_w, Transaction.energy_wh),
)


def history(
    session: Session, wanted: Wanted, *, after: Cursor | None = None, limit: int = 50
) -> tuple[Sequence[Transaction], Cursor | None]:
    """(the sessions that follow `after`, newest first; where the next ones begin, None at the end)."""
    query = _listed(wanted)
    if wanted.state is None:
        query = query.where(Transaction.state != TransactionState.ACTIVE)
    if after is not None:
        query = query.where(_follows(after))
    rows = session.scalars(query.limit(limit + 1)).all()
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], Cursor(last.started_at, last.id)


def _follows(cursor: Cursor) -> ColumnElement[bool]:
    # The first condition is implied; it is the one that an index can be entered by.
    return and_(
        Transaction.started_at <= cursor.started_at,
        or_(Transaction.started_at < cursor.started_at, Transaction.id < cursor.id),
    )


def _listed(wanted: Wanted) -> Select[Transaction]:
    query = select(Transaction).options(
        joinedload(Transaction.charger),
        joinedload(Transaction.connector),
        joinedload(Transaction.account),
        joinedload(Transaction.tariff_version),
    )
    for column, value in (
        (Transaction.charger_id, wanted.charger_id),
        (Transaction.connector_id, wanted.connector_id),
        (Transaction.account_id, wanted.account_id),
        (Transaction.state, wanted.state),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.since is not None:
        query = query.where(Transaction.started_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(Transaction.started_at < wanted.until)
    if wanted.words is not None:
        query = query.where(_speaks_of(wanted.words))
    return query.order_by(Transaction.started_at.desc(), Transaction.id.desc())


def _speaks_of(words: str) -> ColumnElement[bool]:
    named = select(Account.id).where(Account.name.icontains(words, autoescape=True))
    found = or_(
        Transaction.id_tag.icontains(words, autoescape=True),
        Transaction.account_id.in_(named),
    )
    is_number = words.isascii() and words.isdigit() and len(words) < 19
    return or_(found, Transaction.id == int(words)) if is_number else found


def exported(session: Session, wanted: Wanted, *, page: int = 500) -> Iterator[Sequence[Transaction]]:
    """All of a list, page by page; between two pages the caller may end its database transaction."""
    cursor: Cursor | None = None
    while True:
        query = _listed(wanted)
        if cursor is not None:
            query = query.where(_follows(cursor))
        rows = session.scalars(query.limit(page)).all()
        if rows:
            cursor = Cursor(rows[-1].started_at, rows[-1].id)
            yield rows
        if len(rows) < page:
            return


def get(session: Session, transaction_id: int) -> Transaction:
    """Raises NotFound."""
    query = _whole().where(Transaction.id == transaction_id)
    return _found(session.scalars(query).unique().one_or_none())


def told(session: Session, transaction_id: int) -> Transaction:
    """The same, read with what people and repairs did to it, and whether its readings are gone. Raises NotFound."""
    query = _whole().where(Transaction.id == transaction_id)
    of_it = (
        joinedload(Transaction.notes),
        joinedload(Transaction.repairs),
        undefer(Transaction.are_readings_gone),
    )
    return _found(session.scalars(query.options(*of_it)).unique().one_or_none())


def by_secret(session: Session, secret: str) -> Transaction:
    """The session with this public address. Raises NotFound."""
    return _found(session.scalars(_whole().where(Transaction.secret == secret[:24])).unique().one_or_none())


def _whole() -> Select[Transaction]:
    return select(Transaction).options(
        joinedload(Transaction.charger).options(
            joinedload(Charger.lease), joinedload(Charger.site), joinedload(Charger.reporting)
        ),
        joinedload(Transaction.connector),
        joinedload(Transaction.account),
        joinedload(Transaction.tariff_version).joinedload(TariffVersion.tariff),
    )


def _found(transaction: Transaction | None) -> Transaction:
    if transaction is None:
        raise NotFound("There is no such session.")
    return transaction


def on_connector(session: Session, connector: Connector) -> Transaction | None:
    """The session that runs on a connector."""
    rows = active(session, Wanted(charger_id=connector.charger_id, connector_id=connector.id), limit=1)
    return rows[0] if rows else None


def costs_since(
    account_id: int, since: datetime, *, limit: int = 20_000
) -> Select[datetime | None, int | None, int | None]:
    """(end, cost in cents, energy in Wh) of an account's sessions that have ended since then, the newest first."""
    query = select(Transaction.ended_at, Transaction.cost_cents, Transaction.energy_wh).where(
        Transaction.account_id == account_id,
        Transaction.state.in_((TransactionState.ENDED, TransactionState.ENDED_UNKNOWN)),
        Transaction.ended_at >= since,
    )
    return query.order_by(Transaction.started_at.desc()).limit(limit)


def readings(session: Session, transaction_id: int, *, limit: int = MOST_READINGS) -> Sequence[Reading]:
    """What the meter said, oldest first."""
    query = select(Reading).where(Reading.transaction_id == transaction_id)
    return session.scalars(query.order_by(Reading.measured_at, Reading.id).limit(limit)).all()


def bookings(session: Session, transaction_id: int) -> Sequence[LedgerEntry]:
    """What an account was charged, and given back, for a session."""
    query = select(LedgerEntry).where(LedgerEntry.transaction_id == transaction_id)
    return session.scalars(query.order_by(LedgerEntry.id)).all()


def orders(session: Session, transaction: Transaction, at: datetime) -> Sequence[Command]:
    """The orders that began and ended a session, oldest first."""
    query = select(Command).where(
        Command.charger_id == transaction.charger_id,
        Command.transaction_id == transaction.id,
        Command.kind.in_((Kind.START, Kind.STOP)),
        Command.requested_at >= transaction.start_received_at - timedelta(minutes=10),
        Command.requested_at <= (transaction.end_received_at or at) + timedelta(minutes=1),
    )
    return session.scalars(query.order_by(Command.requested_at)).all()


def status_changes(session: Session, transaction: Transaction, at: datetime) -> Sequence[StatusEvent]:
    """What the connector reported from shortly before a session to shortly after it, oldest first."""
    if transaction.connector is None:
        return ()
    query = select(StatusEvent).where(
        StatusEvent.charger_id == transaction.charger_id,
        StatusEvent.evse_number == transaction.connector.evse_number,
        StatusEvent.received_at >= transaction.start_received_at - timedelta(minutes=10),
        StatusEvent.received_at <= (transaction.end_received_at or at) + timedelta(minutes=30),
    )
    return session.scalars(query.order_by(StatusEvent.at, StatusEvent.id).limit(300)).all()


def messages(session: Session, transaction: Transaction, *, limit: int = 14) -> Sequence[Frame]:
    """Those of the charger's newest journal entries that name the session, newest first."""
    newest = (
        select(Frame.id)
        .where(Frame.charger_id == transaction.charger_id)
        .order_by(Frame.id.desc())
        .limit(NEWEST_FRAMES)
        .subquery()
    )
    words = f'"transactionId":{transaction.reference}'
    query = select(Frame).where(
        Frame.id.in_(select(newest.c.id)),
        or_(
            func.replace(Frame.text, " ", "").contains(words, autoescape=True),
            Frame.reply.contains(words, autoescape=True),
        ),
    )
    return session.scalars(query.order_by(Frame.id.desc()).limit(limit)).all()


@dataclass(frozen=True, slots=True)
class Stranger:
    """A card that was presented and that we do not know."""

    uid: str
    charger_id: int
    charger_title: str
    seen_at: datetime


def strangers(session: Session, *, newest: int = 5000) -> Sequence[Stranger]:
    """Cards among the newest journal entries that nobody has added, the last seen first.

    The journal keeps what a charger sent, in its own words; here they are read for a card's number alone.
    """
    edge = (session.scalar(select(func.max(Frame.id))) or 0) - newest
    rows = session.execute(
        select(Frame.at, Frame.text, Frame.charger_id, Charger.name, Charger.identity)
        .join(Charger, Charger.id == Frame.charger_id)
        .where(Frame.id > edge, Frame.action.in_(("Authorize", "StartTransaction")))
        .order_by(Frame.id.desc())
        .limit(400)
    )
    found: dict[str, Stranger] = {}
    for row in rows:
        uid = presented(row.text)
        if uid is not None and uid.casefold() not in found:
            found[uid.casefold()] = Stranger(uid, row.charger_id, row.name or row.identity, row.at)
    numbers = select(IdToken.uid_folded).union_all(select(CardAlias.uid_folded)).subquery()
    known = set(session.scalars(select(numbers.c.uid_folded).where(numbers.c.uid_folded.in_(found))))
    return [stranger for folded, stranger in found.items() if folded not in known][:12]


def presented(text: str) -> str | None:
    """The card's number in a message, or None."""
    _, found, rest = text.partition('"idTag"')
    uid = rest.lstrip(" :").removeprefix('"').partition('"')[0] if found else ""
    return uid.strip() if 0 < len(uid.strip()) <= 20 and "\\" not in uid and "•" not in uid else None


def place(session: Session, slug: str) -> Charger | Connector:
    """What a public address names: a charger, or one connector of it. Raises NotFound."""
    slug = slug[:24]
    of_connector = select(Connector.charger_id).where(Connector.slug == slug)
    ids = of_connector.union_all(select(Charger.id).where(Charger.slug == slug)).scalar_subquery()
    whole = (joinedload(Charger.lease), joinedload(Charger.site), joinedload(Charger.connectors))
    charger = (
        session.scalars(select(Charger).where(Charger.id.in_(ids)).options(*whole)).unique().one_or_none()
    )
    if charger is None:
        raise NotFound("There is no such station.")
    for connector in charger.connectors:
        if connector.slug == slug:
            set_committed_value(connector, "charger", charger)  # or nothing holds it, and it is read again
            return connector
    return charger


def pending_start(session: Session, connector: Connector, at: datetime) -> Command | None:
    """An order to start here that may still come true."""
    query = select(Command).where(
        Command.charger_id == connector.charger_id,
        Command.kind == Kind.START,
        Command.requested_at >= at - timedelta(minutes=3),
    )
    for command in session.scalars(query.order_by(Command.requested_at.desc()).limit(20)):
        if command.is_waiting and command.arguments.get("evse") in (None, connector.evse_number):
            return command
    return None


def started_by(session: Session, transaction: Transaction, command_ids: Sequence[str]) -> bool:
    """Was the session started by one of these orders?"""
    query = select(Command.id).where(
        Command.id.in_(command_ids), Command.kind == Kind.START, Command.transaction_id == transaction.id
    )
    return bool(command_ids) and session.scalar(query.limit(1)) is not None


def ended_here(
    session: Session, connector_id: int, names: Sequence[str], paid: Select[int | None], *, since: datetime
) -> Transaction | None:
    """The newest that ended here of the sessions with these secrets, begun by these orders, or `paid`: their ids."""
    begun = select(Command.transaction_id).where(Command.id.in_(names), Command.kind == Kind.START)
    is_theirs = or_(
        Transaction.secret.in_(names), Transaction.id.in_(begun.union_all(paid).scalar_subquery())
    )
    query = select(Transaction).where(
        is_theirs, Transaction.connector_id == connector_id, Transaction.ended_at >= since
    )
    return session.scalar(query.order_by(Transaction.ended_at.desc()).limit(1))


def of_card(session: Session, token_id: int, *, limit: int = 10) -> Sequence[Transaction]:
    """A card's newest sessions."""
    query = _listed(Wanted()).where(Transaction.id_token_id == token_id)
    return session.scalars(query.limit(limit)).all()
