"""Sessions that went wrong: what was done to them and why, undoing it, and what waits for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from flask_babel.speaklater import LazyString
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import transactions
from csms.domain.base import DomainError, NotFound
from csms.domain.transactions import (
    Confidence,
    EnergySource,
    Repair,
    RepairKind,
    RepairState,
    Transaction,
    orphans,
    queries,
    repair,
)
from csms.domain.transactions.models import CLOSING
from csms.domain.transactions.orphans import Match
from csms.extensions import db
from csms.web.addresses import with_query
from csms.web.languages import said, stored
from csms.web.security import actor, can, put_on_record, requires
from csms.web.shell import zone
from csms.web.tokens import hints_for
from csms.work import atomic

blueprint = Blueprint("repairs", __name__, url_prefix="/sessions")

MOST_ORPHANS = 30  # each is compared with its charger's sessions

KINDS = {
    RepairKind.AVAILABLE: lazy_gettext("Closed here: its connector said that it is free"),
    RepairKind.NEXT_START: lazy_gettext("Closed here: the next session began on its connector"),
    RepairKind.BOOT: lazy_gettext("Closed here: the charger restarted and did not go on with it"),
    RepairKind.SILENT: lazy_gettext("Closed here: its charger was silent for long"),
    RepairKind.PERSON: lazy_gettext("Closed by hand"),
    RepairKind.STOP_FOUND: lazy_gettext("Ended by a stop that came under another name"),
    RepairKind.READINGS_FOUND: lazy_gettext("Readings that came under another name were added"),
    RepairKind.SETTLED: lazy_gettext("Billed at the estimate"),
    RepairKind.WAIVED: lazy_gettext("Waived: nobody pays for it"),
    RepairKind.DISMISSED: lazy_gettext("Set aside: it is nobody's"),
}
SOURCES = {
    EnergySource.LAST_READING: lazy_gettext("Estimated from the last reading of its meter."),
    EnergySource.NEXT_START: lazy_gettext(
        "Estimated from where the meter stood when the next session began."
    ),
    EnergySource.NONE: lazy_gettext("Nobody knows how much was charged: no reading came after its start."),
    EnergySource.STOP: lazy_gettext("The energy is what the stop says."),
}
CONFIDENCES = {
    Confidence.HIGH: (lazy_gettext("Sure"), "ready"),
    Confidence.MEDIUM: (lazy_gettext("Likely"), "wait"),
    Confidence.LOW: (lazy_gettext("Doubtful"), "fault"),
}
CHANGES = {
    "undo": lazy_gettext("Undone."),
    "accept": lazy_gettext("Closed here."),
    "reject": lazy_gettext("Left as it is."),
}
FRAMES_AFTER = timedelta(minutes=1)  # a charger's clock and ours differ a little
SETTLEMENTS = (RepairKind.SETTLED, RepairKind.WAIVED)


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that was seen. `url`: what the charger said until shortly after it."""

    at: datetime
    words: str
    register_wh: int | None
    url: str


@dataclass(frozen=True, slots=True)
class Told:
    """A repair in words. `mark` is (words, family)."""

    repair: Repair
    title: str
    words: str
    mark: tuple[LazyString, str]
    proofs: list[Proof]
    is_undoable: bool


def told(transaction: Transaction) -> list[Told]:
    """What was done to a session, the newest first."""
    made = transaction.repairs
    in_force = [x.id for x in made if x.state is RepairState.DONE]
    return [_told(x, is_newest=bool(in_force) and x.id == in_force[-1]) for x in reversed(made)]


def _told(made: Repair, *, is_newest: bool = False) -> Told:
    title, words = str(KINDS[made.kind]), str(SOURCES[made.energy_from])
    if made.state is RepairState.PROPOSED:
        title = gettext("Its charger has not been heard for long: is this session over?")
    elif made.kind in CLOSING:
        words = gettext("This session's end was never reported.") + f" {words}"
    elif made.kind is RepairKind.READINGS_FOUND:
        words = gettext(
            "They named a session that nobody knew. Its energy follows them, unless its stop has told it."
        )
    elif made.kind is not RepairKind.STOP_FOUND:
        words = ""
    is_allowed = can("money") if made.kind in SETTLEMENTS else can("operate")
    proofs = [_proof(made.charger_id, x) for x in made.evidence]
    return Told(made, title, words, CONFIDENCES[made.confidence], proofs, is_newest and is_allowed)


def _proof(charger_id: int, kept: dict[str, Any]) -> Proof:
    at = datetime.fromisoformat(kept["at"])
    until = (at + FRAMES_AFTER).isoformat()
    url = with_query("chargers.messages", {"until": until}, charger_id=charger_id)
    return Proof(at, stored(kept["words"]), kept["register_wh"], url)


@dataclass(frozen=True, slots=True)
class Proposal:
    told: Told
    transaction: Transaction


@dataclass(frozen=True, slots=True)
class Estimate:
    """A session that waits to be settled, and what it would cost in cents."""

    transaction: Transaction
    cents: int | None
    currency: str


@dataclass(frozen=True, slots=True)
class Orphan:
    transaction: Transaction
    matches: list[Match]


@blueprint.get("/review")
def review() -> str:
    return render_template(
        "repairs/review.html", live_url=url_for("live.stream", topics="transactions"), **_review()
    )


@blueprint.get("/review/list")
def listed() -> str:
    """The list, for its live region."""
    return render_template("repairs/_review.html", **_review())


@blueprint.post("/<int:transaction_id>/settle")
@requires("money")
def settle(transaction_id: int) -> Response:
    """Bill a session at its estimate, or waive it."""
    waive = request.form.get("how") == "waive"
    try:
        with atomic() as session:
            transaction = queries.get(session, transaction_id)
            repair.settle(session, transaction, waive=waive, by=actor(), at=clock.now())
            put_on_record(session, "session.waive" if waive else "session.settle", str(transaction_id))
        done = (
            gettext("Nobody pays for this session.")
            if waive
            else gettext("The session is billed at its estimate.")
        )
        flash(done, "success")
    except NotFound:
        raise
    except DomainError as error:
        flash(said(error), "error")
    return _back(transaction_id)


@blueprint.post("/<int:transaction_id>/repairs/<int:repair_id>/<any(undo, accept, reject):verb>")
@requires("view")
def change(transaction_id: int, repair_id: int, verb: str) -> Response:
    """Undo a repair; do what was proposed, or leave it."""
    try:
        with atomic() as session:
            made = repair.get(session, transaction_id, repair_id)
            if not can("money" if made.kind in SETTLEMENTS else "operate"):
                abort(404)
            _change(session, made, verb)
        flash(str(CHANGES[verb]), "success")
    except NotFound:
        raise
    except DomainError as error:
        flash(said(error), "error")
    return _back(transaction_id)


def _change(session: Session, made: Repair, verb: str) -> None:
    at, by = clock.now(), actor()
    if verb == "undo":
        orphans.undo(session, made, by=by, at=at)  # puts itself on record
        return
    (repair.accept if verb == "accept" else repair.reject)(session, made, by=by, at=at)
    put_on_record(session, f"session.repair_{verb}", str(made.transaction_id))


@blueprint.post("/<int:orphan_id>/match")
@requires("operate")
def match(orphan_id: int) -> Response:
    """This stop is the end of that session, or these readings are of it."""
    transaction_id = request.form.get("transaction", 0, type=int)
    try:
        with atomic() as session:
            orphan, transaction = queries.get(session, orphan_id), queries.get(session, transaction_id)
            orphans.marry(session, orphan, transaction, by=actor(), at=clock.now())
            what = "readings" if orphan.is_stray else "stop"
            put_on_record(session, "session.match", str(transaction_id), f"{what} {orphan_id}")
            if orphan.is_stray:
                done = gettext("Session %(id)s has these readings now.", id=transaction_id)
            else:
                done = gettext("Session %(id)s has its end.", id=transaction_id)
        flash(done, "success")
    except NotFound:
        raise
    except DomainError as error:
        flash(said(error), "error")
    return _back(transaction_id)


@blueprint.post("/<int:orphan_id>/dismiss")
@requires("operate")
def dismiss(orphan_id: int) -> Response:
    """This stop, or these readings, are nobody's."""
    try:
        with atomic() as session:
            orphans.dismiss(session, queries.get(session, orphan_id), by=actor(), at=clock.now())
            put_on_record(session, "session.dismiss", str(orphan_id))
        flash(gettext("Set aside. Its page can bring it back."), "success")
    except NotFound:
        raise
    except DomainError as error:
        flash(said(error), "error")
    return _back(orphan_id)


def _back(transaction_id: int) -> Response:
    """To where the button was."""
    if request.form.get("from") == "review":
        return redirect(url_for(".review"))
    return redirect(url_for("transactions.show", transaction_id=transaction_id))


def _review() -> dict[str, Any]:
    session, at = db.session(), clock.now()
    proposals = [Proposal(_told(made), about) for made, about in repair.proposals(session)]
    estimates = [_estimate(x, at) for x in repair.unsettled(session)]
    waiting = [Orphan(x, orphans.matches(session, x)) for x in orphans.waiting(session, limit=MOST_ORPHANS)]
    lists: tuple[Sequence[Proposal | Estimate | Orphan], ...] = (proposals, estimates, waiting)
    shown = [x.transaction for one in lists for x in one]
    return {
        "proposals": proposals,
        "estimates": estimates,
        "orphans": waiting,
        "hints": hints_for(x.id_tag for x in shown if x.id_token_id is None),
        "list_url": url_for(".listed"),
        "now": at,
        "zone": zone(),
    }


def _estimate(transaction: Transaction, at: datetime) -> Estimate:
    bill = transactions.bill_of(transaction, at)
    cents = None if transaction.energy_wh is None else bill.total_cents
    return Estimate(transaction, cents, bill.currency)
