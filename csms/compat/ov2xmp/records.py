"""What has happened: `/api/reservation/`, `/api/transaction/`, `/api/sampledvalue/`, `/api/statusnotification/`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from flask import Response, jsonify, request
from sqlalchemy import select

from csms import masks
from csms.api import guard, queries
from csms.api.scopes import Scope
from csms.api.status_history import told_by
from csms.compat.door import Wrong, needs
from csms.compat.ov2xmp.blueprint import blueprint
from csms.compat.ov2xmp.listing import as_json, exact, listed, only_fields
from csms.compat.ov2xmp.profiles import shown
from csms.domain.accounts import TokenStatus, User
from csms.domain.base import NotFound
from csms.domain.chargers import Connector, StatusEvent
from csms.domain.energy import ProfileAssignment
from csms.domain.reservations import Reservation, ReservationState
from csms.domain.reservations import queries as reservation_queries
from csms.domain.transactions import Reading, Transaction, TransactionState
from csms.extensions import db


@blueprint.get("/api/reservation/", strict_slashes=False)
@needs(Scope.SELF)
def reservations() -> Response:
    """Places that chargers keep now. Drivers see their own."""
    return _reservations(None)


@blueprint.get("/api/reservation/<chargepoint_id>/", strict_slashes=False)
@needs(Scope.SELF)
def reservations_of(chargepoint_id: str) -> Response:
    """Places that one charger keeps now."""
    return _reservations(chargepoint_id)


def _reservations(identity: str | None) -> Response:
    wanted = reservation_queries.listed(
        identity=identity, state=ReservationState.RESERVED, account_id=guard.own_account_only()
    )
    return listed(wanted.order_by(Reservation.id), lambda rows: [_reservation(x) for x in rows])


def _reservation(reservation: Reservation) -> dict[str, Any]:
    return {
        "uuid": reservation.command_id,
        "chargepoint_id": reservation.charger.identity,
        "connector": reservation.evse,
        "reservation_id": reservation.id,
        "expiry_date": reservation.expires_at,
    }


@blueprint.get("/api/transaction/", strict_slashes=False)
@needs(Scope.SELF)
def transactions() -> Response:
    """Transactions, the last begun first. Drivers see their own."""
    asked = exact("chargepoint_id", "username", "id_token", "transaction_status", "connector_id")
    wanted = queries.transactions(identity=asked.get("chargepoint_id"), account_id=guard.own_account_only())
    if "username" in asked:
        owner = select(User.account_id).where(User.username_folded == asked["username"].casefold())
        wanted = wanted.where(Transaction.account_id.in_(owner))
    if "id_token" in asked:
        wanted = wanted.where(Transaction.id_tag == searchable(asked["id_token"]))
    if "connector_id" in asked:
        number = int(asked["connector_id"]) if asked["connector_id"].isdecimal() else 0
        on = select(Connector.id).where(Connector.evse_number == min(number, 1000))
        wanted = wanted.where(Transaction.connector_id.in_(on))
    if "transaction_status" in asked:
        wanted = wanted.where(*_having(asked["transaction_status"]))
    return listed(wanted.order_by(Transaction.started_at.desc(), Transaction.id.desc()), _transactions)


@blueprint.get("/api/transaction/<int:transaction_id>/", strict_slashes=False)
@needs(Scope.SELF)
def transaction(transaction_id: int) -> Response:
    """One transaction."""
    return jsonify(only_fields(_transactions([_found(transaction_id)])[0]))


@blueprint.delete("/api/transaction/<int:transaction_id>/", strict_slashes=False)
@needs(Scope.OPERATE)
def remove_transaction(transaction_id: int) -> Response:
    """Always 409: bills and balances rest on transactions, so they are kept."""
    _found(transaction_id)
    raise Wrong(409, {"detail": "Transactions are kept: bills and balances rest on them."})


def _found(transaction_id: int) -> Transaction:
    try:
        return queries.transaction(db.session(), transaction_id, guard.own_account_only())
    except NotFound:
        raise Wrong(404, {"detail": "Not found."}) from None


def searchable(id_token: str) -> str:
    """Whoever sees masked numbers must not find them by trying. Raises Wrong."""
    if guard.may(Scope.READ) and not guard.may(Scope.OPERATE):
        raise Wrong(403, {"detail": "You do not have permission to look for card numbers."})
    return id_token


def _having(status: str) -> list[Any]:
    is_good = Transaction.authorization == TokenStatus.ACCEPTED
    is_active = Transaction.state == TransactionState.ACTIVE
    known = {"Started": [is_good, is_active], "Finished": [is_good, ~is_active], "Unauthorized": [~is_good]}
    if status not in known:
        raise Wrong(400, {"transaction_status": [f'"{status}" is not a valid choice.']})
    return known[status]


def _status(transaction: Transaction) -> str:
    if transaction.authorization is not TokenStatus.ACCEPTED:
        return "Unauthorized"
    return "Started" if transaction.is_active else "Finished"


def _transactions(rows: Sequence[Transaction]) -> list[dict[str, Any]]:
    """Many transactions, with the profiles of all of them read at once."""
    given = select(ProfileAssignment).where(
        ProfileAssignment.charger_id.in_({x.charger_id for x in rows}),
        ProfileAssignment.accepted_at.is_not(None),
    )
    held = db.session.scalars(given).all()
    return [_transaction(x, held) for x in rows]


def _transaction(transaction: Transaction, held: Sequence[ProfileAssignment]) -> dict[str, Any]:
    uid, version = transaction.id_tag, transaction.tariff_version
    is_shown = uid is None or guard.may(Scope.OPERATE) or not guard.may(Scope.READ)  # or it is one's own
    evse = transaction.connector.evse_number if transaction.connector else None
    applied = [x for x in held if _applied(x, transaction, evse)]
    highest = max(applied, key=lambda x: x.profile.stack_level, default=None)
    return {
        "transaction_id": transaction.id,
        "uuid": transaction.reference,
        "chargepoint_id": transaction.charger.identity,
        "connector": evse,
        "start_transaction_timestamp": transaction.started_at,
        "stop_transaction_timestamp": transaction.ended_at,
        "wh_meter_start": transaction.meter_start_wh,
        "wh_meter_stop": transaction.meter_stop_wh,
        "wh_meter_last": transaction.meter_last_wh,
        "wh_meter_last_timestamp": transaction.meter_last_at,
        "id_tag": uid if is_shown else masks.card(uid or ""),
        "reason_stopped": transaction.stop_reason,
        "transaction_status": _status(transaction),
        "chargingprofile_applied": shown(highest.profile_id, highest.profile) if highest else None,
        "tariffs": [{"id": version.tariff_id, "version": version.number}] if version else [],
    }


def _applied(held: ProfileAssignment, transaction: Transaction, evse: int | None) -> bool:
    """Was a profile of this transaction, or in force where it began?"""
    if held.transaction_id is not None:
        return held.transaction_id == transaction.id
    is_there = held.charger_id == transaction.charger_id and held.evse_number in (0, evse)
    was_on = held.accepted_at is not None and held.accepted_at <= transaction.started_at
    return is_there and was_on and (held.ended_at is None or held.ended_at > transaction.started_at)


@blueprint.get("/api/sampledvalue/<int:transaction_id>/", strict_slashes=False)
@needs(Scope.SELF)
def sampled_values(transaction_id: int) -> Response:
    """Every value that the meter told of a transaction, as it was told; `unit` is exact."""
    unit = request.args.get("unit")
    query = queries.readings(_found(transaction_id).id).order_by(Reading.measured_at, Reading.id)
    values = [value for reading in db.session.scalars(query) for value in _values(reading)]
    return as_json([x for x in values if unit is None or x["unit"] == unit])


def _values(reading: Reading) -> list[dict[str, Any]]:
    return [
        {
            "timestamp": reading.measured_at,
            "value": x["raw"],
            "context": x["context"],
            "format": x["format"],
            "measurand": x["measurand"],
            "phase": x["phase"],
            "location": x["location"],
            "unit": x["raw_unit"] or x["unit"],
        }
        for x in orjson.loads(reading.samples)
    ]


@blueprint.get("/api/statusnotification/<chargepoint_id>/", strict_slashes=False)
@needs(Scope.READ)
def status_notifications(chargepoint_id: str) -> Response:
    """What a charger has told of its status, the newest first."""
    try:
        charger = queries.charger(db.session(), chargepoint_id, with_connectors=False)
    except NotFound:
        raise Wrong(404, {"detail": "Not found."}) from None
    wanted = told_by(charger.id).where(StatusEvent.status_word.is_not(None)).order_by(StatusEvent.id.desc())
    return listed(wanted, lambda rows: [_status_notification(x, charger.identity) for x in rows])


def _status_notification(event: StatusEvent, identity: str) -> dict[str, Any]:
    return {
        "chargepoint": identity,
        "connector": event.evse_number,
        "error_code": event.error_code,
        "info": event.info,
        "status_reported": event.status_word,
        "timestamp": event.at,
        "vendor_id": event.vendor_id,
        "vendor_error_code": event.vendor_error_code,
    }
