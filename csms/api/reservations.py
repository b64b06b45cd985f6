"""Places kept for cards."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import current_app, request, url_for
from pydantic import Field
from sqlalchemy.orm import Session

from csms import clock, masks
from csms.api import guard, queries
from csms.api.blueprint import blueprint
from csms.api.commands import preference
from csms.api.document import spec
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Moment, Out, answers
from csms.api.waiting import Watch
from csms.domain import reservations
from csms.domain.base import Invalid
from csms.domain.reservations import Reservation, ReservationState
from csms.domain.reservations import queries as reservation_queries
from csms.extensions import db


class ReservationQuery(Listing):
    charger: str | None = Field(None, description="identity")
    state: ReservationState | None = None


class NewReservation(In):
    """For a card (`id_token`) or for an account, whose card is then chosen. `evse` 0: any connector of the charger."""

    charger: str = Field(max_length=48, examples=["CP-1"])
    id: int | None = Field(None, description="what the charger is to know it by; absent: the next number")
    evse: int = Field(0, ge=0, le=32)
    id_token: str | None = Field(None, max_length=80, examples=["04A1B2C3"])
    account_id: int | None = None
    for_group: bool = Field(False, description="every card of the card's group may use it")
    starts_at: Moment | None = Field(None, description="absent: now")
    expires_at: Moment


class ReservationChange(In):
    """What is left out stays. A card (`id_token`), or an account, whose card is then chosen."""

    evse: int | None = Field(None, ge=0, le=32, description="0: any connector of the charger")
    id_token: str | None = Field(None, max_length=80, examples=["04A1B2C3"])
    account_id: int | None = None
    for_group: bool | None = None
    starts_at: Moment | None = None
    expires_at: Moment | None = None


class ReservationOut(Out):
    """`id` is the reservationId that the charger knows. `detail` says why it is in its state."""

    id: int
    charger: str
    evse: int
    id_token: str
    for_group: str | None
    account_id: int | None
    starts_at: datetime
    expires_at: datetime
    state: ReservationState
    is_cancelling: bool
    answer_status: str | None
    detail: str | None
    transaction_id: int | None
    command_id: str | None
    cancel_command_id: str | None
    created_by: str | None
    created_at: datetime
    reserved_at: datetime | None
    ended_at: datetime | None


class ReservationList(Out):
    data: list[ReservationOut]
    next_cursor: str | None


def _out(reservation: Reservation) -> ReservationOut:
    is_shown = guard.may(Scope.OPERATE) or not guard.may(Scope.READ)  # or it is one's own
    uid, group = reservation.id_tag, reservation.parent_uid
    return ReservationOut.of(
        reservation,
        charger=reservation.charger.identity,
        id_token=uid if is_shown else masks.card(uid),
        for_group=group if is_shown or group is None else masks.card(group),
    )


@blueprint.get("/reservations")
@spec.validate(resp=answers(200, ReservationList), tags=["reservations"], operation_id="listReservations")
@needs(Scope.READ, Scope.SELF)
def list_reservations(query: ReservationQuery) -> Any:
    """Reservations, the last booked first. Drivers see their own."""
    wanted = reservation_queries.listed(
        identity=query.charger, state=query.state, account_id=guard.own_account_only()
    )
    found = page(db.session(), wanted, (Reservation.id,), query, newest_first=True)
    return ReservationList(data=[_out(x) for x in found.rows], next_cursor=found.next_cursor), found.headers


@blueprint.get("/reservations/<int:reservation_id>")
@spec.validate(resp=answers(200, ReservationOut), tags=["reservations"], operation_id="getReservation")
@needs(Scope.READ, Scope.SELF)
def show_reservation(reservation_id: int) -> ReservationOut:
    """One reservation as it stands."""
    return _out(reservation_queries.one(db.session(), reservation_id, guard.own_account_only()))


@blueprint.post("/reservations")
@spec.validate(
    resp=answers(
        201,
        ReservationOut,
        "Booked, or the charger has answered",
        more={"HTTP_202": (ReservationOut, "Asked")},
    ),
    tags=["reservations"],
    operation_id="addReservation",
)
@needs(Scope.OPERATE)
def add_reservation(json: NewReservation) -> Any:
    """Keep a place. One for now is asked of the charger at once, one for later when its time has come.

    202: the charger has not answered yet. `Prefer: wait=15` waits for its answer and for the connector to say so.
    """
    with Watch(current_app.extensions["bus"]) as watch:
        with unit() as session:
            reservation = _book(session, json)
            reservation_id, command_id = reservation.id, reservation.command_id
            watch.follow(f"outcome:{command_id}")
        wait_s = _wait(watch, command_id)
    told = _out(reservation_queries.one(db.session(), reservation_id))
    status = 202 if told.state is ReservationState.REQUESTED else 201
    headers = {"Location": url_for("api.show_reservation", reservation_id=reservation_id)}
    return told, status, headers | _applied(wait_s)


@blueprint.patch("/reservations/<int:reservation_id>")
@spec.validate(
    resp=answers(
        200, ReservationOut, more={"HTTP_202": (ReservationOut, "It begins now: the charger is asked")}
    ),
    tags=["reservations"],
    operation_id="changeReservation",
)
@needs(Scope.OPERATE)
def change_reservation(reservation_id: int, json: ReservationChange) -> Any:
    """Keep a planned place otherwise. 409 once the charger has been asked for it: cancel it, and book anew."""
    with unit() as session:
        reservation = reservations.get(session, reservation_id)
        reservations.change(session, reservation, **_changed(session, reservation, json), at=clock.now())
        guard.audit(session, "reservation.changed", f"reservation {reservation_id}")
    told = _out(reservation_queries.one(db.session(), reservation_id))
    return told, 202 if told.state is ReservationState.REQUESTED else 200


@blueprint.delete("/reservations/<int:reservation_id>")
@spec.validate(
    resp=answers(
        200, ReservationOut, "It is over", more={"HTTP_202": (ReservationOut, "The charger is asked")}
    ),
    tags=["reservations"],
    operation_id="cancelReservation",
)
@needs(Scope.OPERATE)
def cancel_reservation(reservation_id: int) -> Any:
    """Give a place up. 202: the charger has not let go of it yet; `Prefer: wait=15` waits until it has."""
    with Watch(current_app.extensions["bus"]) as watch:
        with unit() as session:
            reservation = reservations.get(session, reservation_id)
            command = reservations.cancel(session, reservation, by=guard.caller().username, at=clock.now())
            guard.audit(session, "reservation.cancelled", f"reservation {reservation_id}")
            command_id = command.id if command else None
            watch.follow(f"outcome:{command_id}")
        wait_s = _wait(watch, command_id)
    told = _out(reservation_queries.one(db.session(), reservation_id))
    return told, 202 if told.is_cancelling else 200, _applied(wait_s)


def _book(session: Session, given: NewReservation) -> Reservation:
    at = clock.now()
    charger = queries.charger(session, given.charger)
    if (given.id_token is None) == (given.account_id is None):
        raise Invalid("Give either id_token or account_id.", "id_token")
    id_tag = given.id_token or ""
    if given.account_id is not None:
        id_tag = reservations.card_of(session, queries.account(session, given.account_id), at=at)
    reservation = reservations.book(
        session,
        charger,
        evse=given.evse,
        id_tag=id_tag,
        for_group=given.for_group,
        starts_at=given.starts_at,
        expires_at=given.expires_at,
        number=given.id,
        by=guard.caller().username,
        at=at,
    )
    guard.audit(session, "reservation.booked", charger.identity, f"reservation {reservation.id}")
    return reservation


def _changed(session: Session, reservation: Reservation, given: ReservationChange) -> dict[str, Any]:
    """All of it as it is to be: what is not given stays."""
    if given.id_token is not None and given.account_id is not None:
        raise Invalid("Give either id_token or account_id.", "id_token")
    id_tag = given.id_token or reservation.id_tag
    if given.account_id is not None:
        id_tag = reservations.card_of(session, queries.account(session, given.account_id), at=clock.now())
    return {
        "evse": reservation.evse if given.evse is None else given.evse,
        "id_tag": id_tag,
        "for_group": reservation.parent_uid is not None if given.for_group is None else given.for_group,
        "starts_at": given.starts_at or reservation.starts_at,
        "expires_at": given.expires_at or reservation.expires_at,
    }


def _wait(watch: Watch, command_id: str | None) -> int:
    """Wait for a command as long as the caller wants; how long that is, in s."""
    wait_s, is_answer_enough = preference(request.headers.getlist("Prefer"))
    if command_id is not None:
        watch.until(lambda: queries.is_done(db.session(), command_id, is_answer_enough), wait_s)
    return wait_s


def _applied(wait_s: int) -> dict[str, str]:
    return {"Preference-Applied": f"wait={wait_s}"} if wait_s else {}
