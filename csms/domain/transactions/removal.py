"""The end of a charger that was added by mistake, or made up. It stands here because it must know of transactions."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from csms.domain.accounts import LedgerEntry, LedgerKind, book, who_pays
from csms.domain.base import Base, Refused, announce
from csms.domain.chargers import Charger, Connector, Evse
from csms.domain.transactions.models import Transaction
from csms.sentences import told

KEEPS_CHARGER = "keeps_charger"  # in a table's `info`: the sentence with which a charger of its rows stays


def remove_charger(session: Session, charger: Charger) -> None:
    """Forget a charger and all that it has said.

    Raises Refused while it is connected, and when it has had a transaction or payment: bills stand on those.
    """
    if charger.lease is not None and charger.lease.online_until is not None:
        raise Refused("%(title)s is connected. Reject it first, or switch it off.", title=charger.title)
    if (
        session.scalar(select(Transaction.id).where(Transaction.charger_id == charger.id).limit(1))
        is not None
    ):
        raise Refused(
            "There are sessions of %(title)s: it stays, for the books. Reject it instead.",
            title=charger.title,
        )
    _refuse_kept(session, charger)
    _forget(session, charger)


def remove_connector(session: Session, connector: Connector) -> None:
    """Forget a connector that the charger has not, or not any more. One that it speaks of again is there again, as new.

    Raises Refused when it has had a transaction or payment: bills and reports stand on those.
    """
    charger, evse_id = connector.charger, connector.evse_id
    tables = [x for x in reversed(Base.metadata.sorted_tables) if "connector_id" in x.c]
    for table in tables:
        if table is Transaction.__table__ or KEEPS_CHARGER in table.info:
            kept = select(table.c.connector_id).where(table.c.connector_id == connector.id)
            if session.execute(kept.limit(1)).first() is not None:
                raise Refused(
                    "There are sessions of connector %(number)s of %(title)s: it stays, for the books.",
                    number=connector.evse_number,
                    title=charger.title,
                )
    announce(session, charger.topic, charger.link_topic, "fleet")
    session.flush()
    for table in tables:
        session.execute(delete(table).where(table.c.connector_id == connector.id))
    session.execute(delete(Connector).where(Connector.id == connector.id))
    if session.scalar(select(Connector.id).where(Connector.evse_id == evse_id).limit(1)) is None:
        session.execute(delete(Evse).where(Evse.id == evse_id))
    session.expire_all()


def simulated(session: Session) -> Sequence[Charger]:
    """The chargers that are made up, by identity."""
    return session.scalars(select(Charger).where(Charger.is_simulated).order_by(Charger.identity)).all()


def remove_simulated(session: Session, charger: Charger, *, at: datetime) -> None:
    """Forget a charger that was made up, with its sessions; what they cost anybody is given back.

    Raises Refused for a real charger, and for one where money was moved.
    """
    if not charger.is_simulated:
        raise Refused("%(title)s is not a simulated charger.", title=charger.title)
    _refuse_kept(session, charger)
    ids = select(Transaction.id).where(Transaction.charger_id == charger.id)
    for entry in session.scalars(select(LedgerEntry).where(LedgerEntry.transaction_id.in_(ids))).all():
        account = who_pays(session, entry.account_id)
        note = told("session %(id)s was simulated", id=entry.transaction_id)
        cents, energy_wh = -entry.amount_cents, -entry.energy_wh
        book(session, account, LedgerKind.REFUND, at=at, amount_cents=cents, energy_wh=energy_wh, note=note)
    session.flush()
    session.execute(delete(Transaction).where(Transaction.charger_id == charger.id))
    _forget(session, charger)
    announce(session, "transactions")


def _refuse_kept(session: Session, charger: Charger) -> None:
    for table in Base.metadata.sorted_tables:
        if sentence := table.info.get(KEEPS_CHARGER):
            kept = select(table.c.charger_id).where(table.c.charger_id == charger.id)
            if session.execute(kept.limit(1)).first() is not None:
                raise Refused(sentence, title=charger.title)


def _forget(session: Session, charger: Charger) -> None:
    announce(session, charger.topic, charger.link_topic, "fleet")
    session.flush()
    connectors = select(Connector.id).where(Connector.charger_id == charger.id)
    for table in reversed(Base.metadata.sorted_tables):  # those that refer to others first
        if "charger_id" in table.c and table.name != Transaction.__tablename__:
            session.execute(delete(table).where(table.c.charger_id == charger.id))
        elif "connector_id" in table.c and table.name != Transaction.__tablename__:
            session.execute(delete(table).where(table.c.connector_id.in_(connectors)))
    session.execute(delete(Charger).where(Charger.id == charger.id))
