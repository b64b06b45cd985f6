"""Orders to chargers, in the words of the charger's own version of OCPP, and what came of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask import current_app, request, url_for
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock, schemas
from csms.api import guard, masks, queries
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.errors import Problem, fault
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Out, answers
from csms.api.waiting import Watch
from csms.domain import commands
from csms.domain.chargers import Charger
from csms.domain.commands import Command, CommandState, Effect, Kind
from csms.domain.transactions import Transaction
from csms.extensions import db

LONGEST_WAIT_S = 60
DEFAULT_PROTOCOL = "ocpp1.6"

# What only chargers say, in any version: it cannot be asked of them.
FROM_CHARGERS = frozenset(
    {
        "Authorize",
        "BatterySwap",
        "BootNotification",
        "ClearedChargingLimit",
        "ClosePeriodicEventStream",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Get15118EVCertificate",
        "GetCertificateChainStatus",
        "GetCertificateStatus",
        "Heartbeat",
        "LogStatusNotification",
        "MeterValues",
        "NotifyAllowedEnergyTransfer",
        "NotifyChargingLimit",
        "NotifyCustomerInformation",
        "NotifyDERAlarm",
        "NotifyDERStartStop",
        "NotifyDisplayMessages",
        "NotifyEVChargingNeeds",
        "NotifyEVChargingSchedule",
        "NotifyEvent",
        "NotifyMonitoringReport",
        "NotifyPeriodicEventStream",
        "NotifyPriorityCharging",
        "NotifyReport",
        "NotifySettlement",
        "NotifyWebPaymentStarted",
        "OpenPeriodicEventStream",
        "PublishFirmwareStatusNotification",
        "PullDynamicScheduleUpdate",
        "ReportChargingProfiles",
        "ReportDERControl",
        "ReservationStatusUpdate",
        "SecurityEventNotification",
        "SignCertificate",
        "SignedFirmwareStatusNotification",
        "StartTransaction",
        "StatusNotification",
        "StopTransaction",
        "TransactionEvent",
        "VatNumberValidation",
    }
)


class Order(In):
    action: str = Field(max_length=64, examples=["Reset"])
    payload: dict[str, Any] = Field(default_factory=dict, examples=[{"type": "Soft"}])


class CommandQuery(Listing):
    charger: str | None = Field(None, description="identity")
    state: CommandState | None = None


class CommandOut(Out):
    """`state` is the charger's answer; `effect` is what had to be seen before it counts as done, and
    `observed_at` when it was seen. `is_waiting`: more may come of it.
    """

    id: str
    charger: str
    action: str | None
    payload: dict[str, Any] | None
    state: CommandState
    is_waiting: bool
    answer_status: str | None
    answer: dict[str, Any] | None
    detail: str | None
    is_late: bool
    effect: Effect | None
    effect_text: str | None
    observed_at: datetime | None
    transaction_id: int | None
    requested_by: str | None
    requested_at: datetime
    sent_at: datetime | None
    answered_at: datetime | None


class CommandList(Out):
    data: list[CommandOut]
    next_cursor: str | None


def command_out(command: Command) -> CommandOut:
    """A command as the caller may see it: never a charger's key, card numbers for those who operate."""
    given = command.arguments if command.kind is Kind.RAW else {}
    payload = masks.keys(given.get("payload") if command.payload is None else command.payload)
    answer = command.answer
    if not guard.may(Scope.OPERATE):
        payload, answer = masks.cards(payload), masks.cards(answer)
    return CommandOut.of(
        command,
        charger=command.charger.identity,
        action=command.action or given.get("action"),
        payload=payload,
        answer=answer,
    )


@blueprint.post("/chargers/<identity>/commands")
@spec.validate(
    resp=answers(200, CommandOut, "The charger has answered", more={"HTTP_202": (CommandOut, "Queued")}),
    tags=["commands"],
    operation_id="sendCommand",
)
@needs(Scope.OPERATE)
def send_command(identity: str, json: Order) -> Any:
    """Ask something of a charger: 202 at once, or 200 with its answer for `Prefer: wait=15`.

    With `Prefer: wait=15` the answer is waited for, and the effect that shows that it was meant (a transaction, a
    boot, a status); `Prefer: wait=15, until=answer` waits for the answer alone. When the time is up, whatever there
    is is told: 200 if the charger has answered, 202 if not.
    """
    wait_s, is_answer_enough = preference(request.headers.getlist("Prefer"))
    with Watch(current_app.extensions["bus"]) as watch:
        with unit() as session:
            command = _request(session, identity, json)
            watch.follow(command.topic)
            command_id = command.id
        watch.until(lambda: queries.is_done(db.session(), command_id, is_answer_enough), wait_s)
    command = queries.command(db.session(), command_id)
    status = 202 if command.answered_at is None else 200
    headers = {"Location": url_for("api.show_command", command_id=command_id)}
    if wait_s:
        headers["Preference-Applied"] = f"wait={wait_s}"
    return command_out(command), status, headers


@blueprint.get("/commands")
@spec.validate(resp=answers(200, CommandList), tags=["commands"], operation_id="listCommands")
@needs(Scope.READ)
def list_commands(query: CommandQuery) -> Any:
    """Commands, newest first."""
    wanted = queries.commands(identity=query.charger, state=query.state)
    found = page(db.session(), wanted, (Command.id,), query, newest_first=True)
    data = [command_out(x) for x in found.rows]
    return CommandList(data=data, next_cursor=found.next_cursor), found.headers


@blueprint.get("/commands/<command_id>")
@spec.validate(resp=answers(200, CommandOut), tags=["commands"], operation_id="getCommand")
@needs(Scope.READ)
def show_command(command_id: str) -> CommandOut:
    """A command as it stands."""
    return command_out(queries.command(db.session(), command_id))


def preference(headers: Iterable[str]) -> tuple[int, bool]:
    """(seconds to wait, whether the answer alone is waited for), of RFC 7240 `Prefer` headers."""
    text = ",".join(headers)
    wait = re.search(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,4})", text, re.IGNORECASE)
    until = re.search(r"(?:^|[,;\s])until\s*=\s*\"?answer\b", text, re.IGNORECASE)
    return (min(int(wait[1]), LONGEST_WAIT_S) if wait else 0), until is not None


def _request(session: Session, identity: str, order: Order) -> Command:
    charger = queries.charger(session, identity, with_connectors=False)
    _check(charger.protocol or DEFAULT_PROTOCOL, order)
    at, by = clock.now(), guard.caller().username
    arguments = {"action": order.action, "payload": order.payload}
    command = commands.request(session, charger, Kind.RAW, arguments, by=by, at=at)
    command.transaction_id = _transaction_to_stop(session, charger, order)
    guard.audit(session, "command", charger.identity, f"{order.action} {command.id}")
    session.flush()
    return command


def _check(protocol: str, order: Order) -> None:
    """Raises a Problem that says what is wrong with an order in the words of the charger's version."""
    if order.action not in schemas.actions(protocol) - FROM_CHARGERS:
        detail = f"{order.action} cannot be asked of a charger that speaks {protocol}."
        raise Problem(422, detail, "invalid", [fault("/action", "value", detail)])
    faults = schemas.check(protocol, order.action, order.payload)
    if faults:
        errors = [fault(f"/payload{x.pointer}", x.kind.value, x.message) for x in faults]
        raise Problem(422, f"The payload of {order.action} is not as {protocol} has it.", "invalid", errors)


def _transaction_to_stop(session: Session, charger: Charger, order: Order) -> int | None:
    """The transaction that an order is to end, by the charger's name for it: its end is the order's effect."""
    if order.action not in ("RemoteStopTransaction", "RequestStopTransaction"):
        return None
    reference = str(order.payload["transactionId"])
    query = select(Transaction.id).where(
        Transaction.charger_id == charger.id, Transaction.reference == reference
    )
    return session.scalar(query)
