"""Starting and stopping from afar, in words that every version of the protocol can render."""

from datetime import datetime

from sqlalchemy.orm import Session

from csms.domain import commands, reservations
from csms.domain.base import Refused
from csms.domain.chargers import Charger, Connector, ConnectorStatus
from csms.domain.commands import Command, Kind
from csms.domain.transactions.models import Transaction
from csms.domain.transactions.progress import open_on


def request_start(
    session: Session,
    connector: Connector,
    *,
    id_tag: str,
    by: str | None,
    at: datetime,
    requested_evse: bool = True,
) -> Command:
    """Ask a charger to start a transaction for `id_tag`. Raises Refused when it cannot: offline, faulted, in use or
    kept for another card.

    The start counts as done when the transaction is there; the command then names it.
    """
    check_start(session, connector, id_tag=id_tag, at=at)
    arguments: dict[str, object] = {"id_tag": id_tag}
    if requested_evse:
        arguments["evse"] = connector.evse_number
    return commands.request(session, connector.charger, Kind.START, arguments, by=by, at=at)


def is_out_of_service(connector: Connector) -> bool:
    """Does the station say so itself? Then nothing begins here, whatever it has answered before."""
    return connector.status in (ConnectorStatus.FAULTED, ConnectorStatus.UNAVAILABLE)


def check_start(session: Session, connector: Connector, *, id_tag: str = "", at: datetime) -> None:
    """Raises Refused where a session for `id_tag`, or for anybody, could not begin now."""
    charger = connector.charger
    if is_out_of_service(connector):
        raise Refused("%(station)s is out of service.", station=charger.title)
    if any(x.connector_id == connector.id for x in open_on(session, charger.id)):
        raise Refused(
            "%(station)s is in use: a session is running on this connector.",
            station=charger.title,
        )
    reservations.check_start(session, charger.id, connector.evse_number, id_tag, at=at)


def request_stop(session: Session, transaction: Transaction, *, by: str | None, at: datetime) -> Command:
    """Ask the charger to end a transaction. Raises Refused when it has ended or the charger is offline."""
    if not transaction.is_active:
        raise Refused("This session has ended already.")
    charger: Charger = transaction.charger
    arguments = {"reference": transaction.reference, "transaction_id": transaction.id}
    command = commands.request(session, charger, Kind.STOP, arguments, by=by, at=at)
    command.transaction_id = transaction.id
    return command
