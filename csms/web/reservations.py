"""Places kept for cards: what is coming, a day at a glance, booking and giving up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import chargers, reservations
from csms.domain.accounts import queries as account_queries
from csms.domain.accounts.queries import CardState
from csms.domain.base import DomainError, Invalid, NotFound
from csms.domain.chargers import Admission, Charger
from csms.domain.chargers import queries as charger_queries
from csms.domain.chargers.filtering import Filter
from csms.domain.reservations import Reservation, ReservationState, queries
from csms.extensions import db
from csms.web import day_grid, filters, languages
from csms.web.addresses import with_query
from csms.web.day_grid import Hour, Lane
from csms.web.security import actor, can, card_number, put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("reservations", __name__, url_prefix="/reservations")

Page = str | Response | tuple[str, int]

PAGE_SIZE = 50
MOST_CHOICES = 100  # chargers and cards offered; any other can be typed
MOST_LANES = 12  # chargers of the grid; others are found by their name
USUAL = timedelta(hours=1)
LOCAL = "%Y-%m-%dT%H:%M"  # a moment as a form takes it, on the reader's clocks

# A state as (family of the status language, icon, words).
STATES = {
    ReservationState.PLANNED: ("out", "clock", lazy_gettext("Planned")),
    ReservationState.REQUESTED: ("active", "send-horizontal", lazy_gettext("Asked for")),
    ReservationState.RESERVED: ("held", "calendar-clock", lazy_gettext("Reserved")),
    ReservationState.USED: ("ready", "check", lazy_gettext("Used")),
    ReservationState.EXPIRED: ("wait", "clock", lazy_gettext("Nobody came")),
    ReservationState.CANCELLED: ("out", "x", lazy_gettext("Cancelled")),
    ReservationState.REFUSED: ("fault", "ban", lazy_gettext("Refused")),
    ReservationState.LOST: ("fault", "circle-help", lazy_gettext("Lost")),
}


@blueprint.get("")
def index() -> str:
    return render_template(
        "reservations/index.html", live_url=url_for("live.stream", topics="reservations"), **_page()
    )


@blueprint.get("/list")
def listed() -> str:
    """All that changes, for its live region."""
    return render_template("reservations/_list.html", **_page())


@blueprint.get("/new")
@requires("operate")
def new() -> str:
    return _form(_chosen(), {name: request.args.get(name, "") for name in ("evse", "from", "until")})


@blueprint.post("/new")
@requires("operate")
def add() -> Page:
    try:
        with atomic() as session:
            reservation = _book(session, request.form)
            put_on_record(
                session, "reservation.book", reservation.charger.identity, f"reservation {reservation.id}"
            )
    except NotFound as error:
        return _form(None, request.form, error), 422
    except DomainError as error:
        return _form(_chosen(), request.form, error), 422
    is_now = reservation.state is ReservationState.REQUESTED
    words = gettext("The charger is being asked.") if is_now else gettext("The place is booked.")
    flash(words, "success")
    return redirect(url_for(".index"))


@blueprint.get("/<int:reservation_id>")
def show(reservation_id: int) -> str:
    reservation = queries.one(db.session(), reservation_id)
    if "HX-Request" in request.headers:
        return render_template("reservations/_one.html", reservation=reservation, states=STATES, zone=zone())
    return _shown(reservation, _as_it_is(reservation))


@blueprint.post("/<int:reservation_id>")
@requires("operate")
def change(reservation_id: int) -> Page:
    """Keep a planned place otherwise."""
    try:
        with atomic() as session:
            reservation = reservations.get(session, reservation_id)
            reservations.change(session, reservation, **_wanted(session, request.form), at=clock.now())
            put_on_record(session, "reservation.change", str(reservation_id))
            is_asked = reservation.state is ReservationState.REQUESTED
    except NotFound:
        raise
    except DomainError as error:
        return _shown(queries.one(db.session(), reservation_id), request.form, error), 422
    flash(gettext("The charger is being asked.") if is_asked else gettext("Saved."), "success")
    return redirect(url_for(".show", reservation_id=reservation_id))


@blueprint.post("/<int:reservation_id>/cancel")
@requires("operate")
def cancel(reservation_id: int) -> Response:
    try:
        with atomic() as session:
            reservation = reservations.get(session, reservation_id)
            command = reservations.cancel(session, reservation, by=actor(), at=clock.now())
            put_on_record(session, "reservation.cancel", str(reservation_id))
        words = gettext("The reservation is cancelled.")
        if command:
            words = gettext("The charger is asked to let go of it.")
        flash(words, "success")
    except NotFound:
        raise
    except DomainError as error:
        flash(languages.said(error), "error")
    return redirect(url_for(".index"))


def _page() -> dict[str, Any]:
    at, session = clock.now(), db.session()
    before = request.args.get("before", type=int)
    past = queries.past(session, before_id=before, limit=PAGE_SIZE + 1)
    more = len(past) > PAGE_SIZE
    day = _day(at)
    here = {name: value for name, value in request.args.items() if name != "before" and value}
    return {
        "coming": queries.coming(session),
        "past": past[:PAGE_SIZE],
        "next_url": with_query(".index", {**here, "before": str(past[PAGE_SIZE - 1].id)}) if more else None,
        "is_first": before is None,
        "states": STATES,
        "lanes": _lanes(session, day, at),
        "day": day,
        "day_words": filters.day_words(day),
        "hours": _hours(day, at),
        "told": _told,
        "words": request.args.get("charger", ""),
        "earlier_url": with_query(".index", {**here, "day": (day - timedelta(days=1)).isoformat()}),
        "later_url": with_query(".index", {**here, "day": (day + timedelta(days=1)).isoformat()}),
        "list_url": with_query(".listed", request.args),
        "zone": zone(),
    }


def _day(at: datetime) -> date:
    """The day in the address, or today on the reader's clocks."""
    try:
        return date.fromisoformat(request.args.get("day", ""))
    except ValueError:
        return at.astimezone(ZoneInfo(zone())).date()


def _hours(day: date, at: datetime) -> dict[datetime, Hour]:
    """The columns of the grid. One that has begun is booked from now on."""
    there = ZoneInfo(zone())
    found = {}
    for begins_at in day_grid.hours_of(day, there):
        begin, end = (x.astimezone(there) for x in (begins_at, begins_at + day_grid.HOUR))
        given = {"from": f"{begin:{LOCAL}}" if begins_at > at else "", "until": f"{end:{LOCAL}}"}
        found[begins_at] = Hour(f"{begin:%H:%M}", urlencode({x: y for x, y in given.items() if y}))
    return found


def _lanes(session: Session, day: date, at: datetime) -> list[Lane]:
    """The day of every connector that can be reserved, and of chargers of which any connector is kept, by name."""
    hours = day_grid.hours_of(day, ZoneInfo(zone()))
    kept: dict[tuple[int, int], list[Reservation]] = {}
    for one in queries.between(session, hours[0], hours[-1] + day_grid.HOUR):
        if one.state is not ReservationState.CANCELLED:
            kept.setdefault((one.charger_id, one.evse), []).append(one)
    rows = {
        (x.id, evse): x
        for x in _chargers(session, at)
        for evse in [*([0] if (x.id, 0) in kept else []), *(y.evse_number for y in x.connectors)]
    }
    rows |= {key: found[0].charger for key, found in kept.items() if key not in rows}
    return [
        Lane(
            x.title,
            key[1],
            with_query(".new", {"charger": x.identity, "evse": str(key[1])}),
            day_grid.cells(kept.get(key, []), hours, at),
            kept.get(key, []),
        )
        for key, x in sorted(rows.items(), key=lambda row: (row[1].title.casefold(), row[0]))
    ]


def _chargers(session: Session, at: datetime) -> Sequence[Charger]:
    """The chargers of the grid: those with the words of the address in them."""
    wanted = Filter(words=request.args.get("charger", "").strip()[:80])
    found = charger_queries.listed(session, wanted, at=at, limit=MOST_LANES).chargers
    return [x for x in found if x.admission is Admission.ACCEPTED]


def _told(reservation: Reservation) -> str:
    begin, end = (
        filters.localtime(x, zone(), "clock") for x in (reservation.starts_at, reservation.expires_at)
    )
    return gettext(
        "%(begin)s to %(end)s %(card)s, %(state)s",
        begin=begin,
        end=end,
        card=card_number(reservation.id_tag),
        state=languages.inline(STATES[reservation.state][2]),
    )


def _chosen() -> Charger | None:
    """The charger that the form or the address names."""
    identity = request.values.get("charger", "").strip()
    return chargers.find(db.session(), identity) if identity else None


def _book(session: Session, given: Any) -> Reservation:
    charger = chargers.find(session, given.get("charger", "").strip())
    if charger is None:
        raise NotFound("There is no charger of this identity.")
    return reservations.book(session, charger, **_wanted(session, given), by=actor(), at=clock.now())


def _wanted(session: Session, given: Any) -> dict[str, Any]:
    """Where, for whom and when, as the form says. Raises Invalid."""
    at = clock.now()
    card, account = given.get("id_tag", "").strip(), given.get("account", "")
    if bool(card) == bool(account):
        raise Invalid("Give a card or a driver: one of the two.", "id_token")
    if account:
        found = account_queries.account(session, int(account) if account.isdigit() else -1)
        card = reservations.card_of(session, found, at=at)
    expires_at = _moment(given.get("until", ""), "expires_at")
    if expires_at is None:
        raise Invalid("Say until when.", "expires_at")
    return {
        "evse": int(given["evse"]) if given.get("evse", "").isdigit() else 0,
        "id_tag": card,
        "for_group": "for_group" in given,
        "starts_at": _moment(given.get("from", ""), "starts_at") or at,
        "expires_at": expires_at,
    }


def _moment(text: str, field: str) -> datetime | None:
    """A time as the browser writes it, on the reader's clocks. Raises Invalid."""
    if not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise Invalid("Write the time as 2027-12-31T18:30.", field) from error
    return moment.replace(tzinfo=moment.tzinfo or ZoneInfo(zone())).astimezone(UTC)


def _as_it_is(reservation: Reservation) -> dict[str, str]:
    """What the form says of one before anybody has typed."""
    begin, end = (
        f"{x.astimezone(ZoneInfo(zone())):{LOCAL}}" for x in (reservation.starts_at, reservation.expires_at)
    )
    group = "1" if reservation.parent_uid else ""
    uid, evse = reservation.id_tag, str(reservation.evse)
    return {"evse": evse, "id_tag": uid, "for_group": group, "from": begin, "until": end}


def _shown(reservation: Reservation, given: Any, error: DomainError | None = None) -> str:
    return render_template(
        "reservations/show.html",
        reservation=reservation,
        charger=reservation.charger,
        states=STATES,
        may_change=can("operate") and reservation.state is ReservationState.PLANNED,
        live_url=url_for("live.stream", topics="reservations"),
        **_fields(given, error),
    )


def _form(charger: Charger | None, given: Any, error: DomainError | None = None) -> str:
    at, session = clock.now(), db.session()
    return render_template(
        "reservations/new.html",
        charger=charger,
        typed=request.values.get("charger", ""),
        chargers=() if charger else charger_queries.listed(session, at=at, limit=MOST_CHOICES).chargers,
        **_fields(given, error),
    )


def _fields(given: Any, error: DomainError | None) -> dict[str, Any]:
    """What the form's fields are made of, and what is wrong with them."""
    at, session = clock.now(), db.session()
    field = error.field if isinstance(error, Invalid) else "charger" if isinstance(error, NotFound) else None
    usual = (at + USUAL).astimezone(ZoneInfo(zone())).replace(second=0, microsecond=0, tzinfo=None)
    return {
        "given": given,
        "usual": usual.isoformat(timespec="minutes"),
        "problem": languages.said(error) if error and not field else None,
        "problems": {field: languages.said(error)} if error and field else {},
        "cards": account_queries.cards(session, at=at, state=CardState.ALLOWED, limit=MOST_CHOICES)[0],
        "accounts": account_queries.choices(session),
        "now": at,
        "zone": zone(),
    }
