"""Orders to chargers, in the words of the charger's own version of OCPP, and what came of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from flask import current_app, request, url_for
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock, masks, schemas
from csms.api import guard, queries, replay
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.errors import Problem, fault
from csms.api.paging import page
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Out, answers
from csms.api.waiting import Watch
from csms.domain import accounts, commands, reservations, security
from csms.domain.chargers import Charger
from csms.domain.commands import Command, CommandState, Effect, Kind
from csms.domain.transactions import Transaction
from csms.extensions import db
from csms.work import Unit, atomic

LONGEST_WAIT_S = 60
DEFAULT_PROTOCOL = "ocpp1.6"


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


def command_out(command: Command, *, in_full: bool | None = None) -> CommandOut:
    """A command as the caller may see it: never a charger's key, card numbers for those who operate.

    `in_full`: with card numbers, whoever is calling, or without.
    """
    given = command.arguments if command.kind is Kind.RAW else {}
    payload = masks.keys(given.get("payload") if command.payload is None else command.payload)
    answer = masks.keys(command.answer)
    if not (guard.may(Scope.OPERATE) if in_full is None else in_full):
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
    asking = Asking.of_request(identity, json)
    with Watch(current_app.extensions["bus"]) as watch:
        watch.follow(commands.outcome_topic(asking.command_id))
        replay.placed(asking, partial(_place, identity))
        watch.until(lambda: queries.is_done(db.session(), asking.command_id, is_answer_enough), wait_s)
    command = queries.command(db.session(), asking.command_id)
    status = 202 if command.answered_at is None else 200
    headers = {"Location": url_for("api.show_command", command_id=command.id)}
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


@blueprint.delete("/commands/<command_id>")
@spec.validate(resp=answers(204, None), tags=["commands"], operation_id="putCommandAway")
@needs(Scope.OPERATE)
def put_command_away(command_id: str) -> tuple[str, int]:
    """Leave a finished command out of the lists of the API. Its address, the pages and the audit keep it."""
    put_away(command_id)
    return "", 204


def put_away(command_id: str) -> None:
    """Leave a finished command out of lists. Raises NotFound, and Refused while it has no answer."""
    with atomic() as session:
        command = queries.command(session, command_id)
        commands.put_away(command, at=clock.now())
        guard.audit(session, "command.put_away", command.charger.identity, command.id)


def ask(request_it: Callable[[Session], Command], wait_s: float, *, is_answer_enough: bool) -> Command:
    """Queue what `request_it` requests, and wait for what comes of it. The command as it stands when the time is up."""
    with Watch(current_app.extensions["bus"]) as watch:
        with replay.unit() as session:
            command = request_it(session)
            watch.follow(command.outcome_topic)
            command_id = command.id
        watch.until(lambda: queries.is_done(db.session(), command_id, is_answer_enough), wait_s)
    return queries.command(db.session(), command_id)


def preference(headers: Iterable[str]) -> tuple[int, bool]:
    """(seconds to wait, whether the answer alone is waited for), of RFC 7240 `Prefer` headers."""
    text = ",".join(headers)
    wait = re.search(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,4})", text, re.IGNORECASE)
    until = re.search(r"(?:^|[,;\s])until\s*=\s*\"?answer\b", text, re.IGNORECASE)
    return (min(int(wait[1]), LONGEST_WAIT_S) if wait else 0), until is not None


@dataclass(frozen=True, slots=True)
class Asking:
    """What a request asks of a charger: a unit of work that knows nothing of the request any more."""

    command_id: str
    identity: str
    order: Order
    by: str
    address: str | None
    pepper: bytes
    at: datetime

    @classmethod
    def of_request(cls, identity: str, order: Order) -> Asking:
        at, pepper = clock.now(), current_app.config["PEPPER"]
        by, address = guard.caller().username, request.remote_addr
        return cls(commands.new_id(at), identity, order, by, address, pepper, at)

    def __call__(self, session: Session) -> Command:
        """Raises a Problem, NotFound or Refused."""
        order, at = self.order, self.at
        charger = queries.charger(session, self.identity, with_connectors=False)
        _check(charger.protocol or DEFAULT_PROTOCOL, order)
        if order.action == "RemoteStartTransaction" and "connectorId" in order.payload:
            evse, id_tag = order.payload["connectorId"], order.payload["idTag"]
            reservations.check_start(session, charger.id, evse, id_tag, at=at)
        if order.action == "ReserveNow" and "reservationId" in order.payload:
            reservations.check_number(session, order.payload["reservationId"])
        arguments = {"action": order.action, "payload": order.payload}
        command = commands.request(
            session, charger, Kind.RAW, arguments, by=self.by, at=at, command_id=self.command_id
        )
        command.transaction_id = _transaction_to_stop(session, charger, order)
        if (key := _key_in(order)) is not None:
            security.follow_key(charger, command, key, self.pepper)
        detail = f"{order.action} {command.id}"
        accounts.audit(
            session, self.by, "command", at=at, address=self.address, subject=charger.identity, detail=detail
        )
        session.flush()
        return command


def request_raw(session: Session, identity: str, order: Order) -> Command:
    """Ask something of a charger in the words of its version. Raises a Problem, NotFound or Refused."""
    return Asking.of_request(identity, order)(session)


def _place(identity: str, asking: Unit[Command]) -> Command:
    """Store what is asked: through the charger's own connection if this process holds it, which is quicker."""
    door = current_app.extensions.get("door")
    link = door.link_to(identity) if door is not None else None
    if link is not None:
        command: Command = link.place(asking)
        return command
    with atomic() as session:
        return asking(session)


def _check(protocol: str, order: Order) -> None:
    """Raises a Problem that says what is wrong with an order in the words of the charger's version."""
    if order.action not in schemas.actions(protocol) - schemas.FROM_CHARGERS:
        detail = f"{order.action} cannot be asked of a charger that speaks {protocol}."
        raise Problem(422, detail, "invalid", [fault("/action", "value", detail)])
    faults = schemas.check(protocol, order.action, order.payload)
    if faults:
        errors = [fault(f"/payload{x.pointer}", x.kind.value, x.message) for x in faults]
        raise Problem(422, f"The payload of {order.action} is not as {protocol} has it.", "invalid", errors)


def _key_in(order: Order) -> str | None:
    """The key that an order of 1.6 brings to the charger: from then on the charger may come with it."""
    is_key = order.action == "ChangeConfiguration" and order.payload["key"].casefold() == "authorizationkey"
    return str(order.payload["value"]) if is_key else None


def _transaction_to_stop(session: Session, charger: Charger, order: Order) -> int | None:
    """The transaction that an order is to end, by the charger's name for it: its end is the order's effect."""
    if order.action not in ("RemoteStopTransaction", "RequestStopTransaction"):
        return None
    reference = str(order.payload["transactionId"])
    query = select(Transaction.id).where(
        Transaction.charger_id == charger.id, Transaction.reference == reference
    )
    return session.scalar(query)
