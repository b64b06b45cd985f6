"""Orders to many chargers: how far each is, and what became of it at each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from flask_babel.speaklater import LazyString
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock, masks
from csms.domain import batches
from csms.domain.base import Refused
from csms.domain.batches import Batch, BatchState, Item, Outcome, queries
from csms.extensions import db
from csms.sentences import told as noted
from csms.web import bulk_actions, command_words, exports, selection
from csms.web.languages import said, stored
from csms.web.security import actor, put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("batches", __name__, url_prefix="/commands/batches")

PAGE_SIZE = 100
LIST_SIZE = 50
NEWEST = 5  # beside single commands
HEADINGS = ("charger", "identity", "connector", "outcome", "detail", "asked_at", "answered_at")
MOST_ROWS = 100_000  # of an export, which is made in memory
STATES = {
    "running": (lazy_gettext("Running"), "active", "loader-circle"),
    "done": (lazy_gettext("All asked"), "ready", "circle-check"),
    "cancelled": (lazy_gettext("Called off"), "out", "ban"),
}
WORDS = {
    Outcome.WAITING: lazy_gettext("not sent yet"),
    Outcome.QUEUED: lazy_gettext("queued"),
    Outcome.SENT: lazy_gettext("sent"),
    Outcome.ACCEPTED: lazy_gettext("accepted"),
    Outcome.REJECTED: lazy_gettext("rejected"),
    Outcome.ERROR: lazy_gettext("error"),
    Outcome.TIMEOUT: lazy_gettext("no answer"),
    Outcome.OFFLINE: lazy_gettext("offline"),
    Outcome.SKIPPED: lazy_gettext("left out"),
    Outcome.CANCELLED: lazy_gettext("cancelled"),
}
CHIPS = {
    Outcome.WAITING: lazy_gettext("Not sent yet"),
    Outcome.QUEUED: lazy_gettext("Queued"),
    Outcome.SENT: lazy_gettext("Sent"),
    Outcome.ACCEPTED: lazy_gettext("Accepted"),
    Outcome.REJECTED: lazy_gettext("Rejected"),
    Outcome.ERROR: lazy_gettext("Error"),
    Outcome.TIMEOUT: lazy_gettext("No answer"),
    Outcome.OFFLINE: lazy_gettext("Offline"),
    Outcome.SKIPPED: lazy_gettext("Left out"),
    Outcome.CANCELLED: lazy_gettext("Called off"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """A batch in words. `parts`: (outcome, words, how many) of those that there are; `turns`: how many were meant."""

    batch: Batch
    title: str
    state: tuple[LazyString, str, str]
    parts: Sequence[tuple[str, str, int]]
    turns: int
    ended: int
    failed: int


@blueprint.get("")
def index() -> str:
    before = request.args.get("before")
    found = queries.recent(db.session(), before_id=before, limit=LIST_SIZE + 1)
    shown = found[:LIST_SIZE]
    return render_template(
        "batches/index.html",
        batches=told(shown),
        next_url=url_for(".index", before=shown[-1].id) if len(found) > len(shown) else None,
        zone=zone(),
    )


@blueprint.get("/newest")
def listed() -> str:
    """The newest ones, for their live region."""
    return render_template("batches/_rows.html", batches=newest(), zone=zone())


def newest() -> list[Told]:
    """What is shown of them beside single commands."""
    return told(queries.recent(db.session(), limit=NEWEST))


@blueprint.get("/<uuid:batch_id>")
def show(batch_id: object) -> str:
    found = queries.get(db.session(), str(batch_id))
    return render_template(
        "batches/show.html",
        live_url=url_for("live.stream", topics=f"{found.topic},commands"),
        **_view(found),
    )


@blueprint.get("/<uuid:batch_id>/live")
def live(batch_id: object) -> str:
    """All that changes, for its live region."""
    return render_template("batches/_batch.html", **_view(queries.get(db.session(), str(batch_id))))


@blueprint.get("/<uuid:batch_id>/export.csv")
def export(batch_id: object) -> Response:
    """What became of it at each charger, as CSV; with an outcome in the address those that came to it."""
    session, chosen = db.session(), _outcome_given()
    batch = queries.get(session, str(batch_id))
    outcomes = [chosen] if chosen else ()
    rows = [_export_row(*x) for x in queries.results(session, batch, outcomes=outcomes, limit=MOST_ROWS)]
    return exports.download(
        iter([exports.csv_text([HEADINGS, *rows])]), f"batch-{batch.requested_at:%Y%m%d-%H%M%S}.csv"
    )


def _export_row(item: Item, outcome: Outcome) -> list[object]:
    command = item.command
    moments = (command.sent_at, command.answered_at) if command else (None, None)
    return [
        item.charger.title,
        item.charger.identity,
        item.evse,
        outcome.value,
        _words(item, outcome),
        *(x and x.isoformat(timespec="seconds") for x in moments),
    ]


@blueprint.post("/<uuid:batch_id>/cancel")
@requires("operate")
def cancel(batch_id: object) -> WerkzeugResponse:
    """Ask nobody else."""
    try:
        with atomic() as session:
            batch = queries.get(session, str(batch_id))
            spared = batches.cancel(session, batch, at=clock.now())
            put_on_record(
                session, "batch.cancel", f"batch {batch_id}", noted("%(count)s not asked", count=spared)
            )
    except Refused as error:
        flash(said(error), "error")
    else:
        flash(gettext("Cancelled: %(count)s will not be asked.", count=spared), "success")
    return redirect(url_for(".show", batch_id=batch_id))


@blueprint.post("/<uuid:batch_id>/retry")
@requires("operate")
def retry(batch_id: object) -> WerkzeugResponse:
    """Ask those once more at which it came to nothing."""
    try:
        with atomic() as session:
            batch = queries.get(session, str(batch_id))
            again = batches.retry(session, batch, by=actor(), at=clock.now())
            put_on_record(session, "batch.retry", f"batch {batch_id}", again.id)
            again_id = again.id
    except Refused as error:
        flash(said(error), "error")
        return redirect(url_for(".show", batch_id=batch_id))
    return redirect(url_for(".show", batch_id=again_id))


def told(found: Sequence[Batch]) -> list[Told]:
    """Batches in words, with what became of them. One query."""
    tallies = queries.tallies(db.session(), [x.id for x in found])
    return [_told(x, tallies[x.id]) for x in found]


def _told(batch: Batch, tally: Any) -> Told:
    return Told(
        batch=batch,
        title=title(batch),
        state=STATES[batch.state.value],
        parts=[(x.value, _counted(x, tally[x]), tally[x]) for x in Outcome if tally[x]],
        turns=tally.total(),
        ended=tally.total() - sum(tally[x] for x in queries.OPEN),
        failed=sum(tally[x] for x in queries.FAILED),
    )


def _counted(outcome: Outcome, count: int) -> str:
    return gettext("%(count)s %(outcome)s", count=count, outcome=WORDS[outcome])


def title(batch: Batch) -> str:
    """What was asked for, in a few words."""
    words, given = gettext(bulk_actions.action_of(batch).words), masks.keys(batch.arguments)
    if "name" in given:
        if not given["value"]:
            return gettext("Set %(key)s to nothing", key=given["name"])
        return gettext("Set %(key)s to %(value)s", key=given["name"], value=given["value"])
    if "message" in given:
        return gettext("Ask for %(message)s", message=given["message"])
    if given.get("evse"):
        return gettext("%(what)s, connector %(number)s", what=words, number=given["evse"])
    return words


def _view(batch: Batch) -> dict[str, Any]:
    session, chosen = db.session(), _outcome_given()
    after = request.args.get("after", "")
    after_id = int(after) if after.isascii() and after.isdigit() and len(after) < 19 else 0
    rows = queries.results(
        session, batch, outcomes=[chosen] if chosen else (), after_id=after_id, limit=PAGE_SIZE + 1
    )
    here = url_for(".show", batch_id=batch.id)
    it = told([batch])[0]
    return {
        "it": it,
        "rows": [(item, outcome.value, _words(item, outcome)) for item, outcome in rows[:PAGE_SIZE]],
        "chips": _chips(it, here),
        "chosen": chosen.value if chosen else "",
        "next_url": selection.with_choice(here, {"after": [str(rows[PAGE_SIZE - 1][0].id)]})
        if len(rows) > PAGE_SIZE
        else None,
        "region_url": selection.with_choice(f"{here}/live", {}),
        "here": here,
        "export_url": selection.with_choice(f"{here}/export.csv", {}),
        "clone_url": url_for("bulk.show", name=bulk_actions.action_of(batch).name, batch=batch.id),
        "is_running": batch.state is BatchState.RUNNING,
        "zone": zone(),
        "now": clock.now(),
    }


def _outcome_given() -> Outcome | None:
    try:
        return Outcome(request.args["outcome"]) if request.args.get("outcome") else None
    except ValueError:
        abort(404)


def _chips(it: Told, here: str) -> list[tuple[str, str, str, int]]:
    return [("", gettext("All"), here, it.turns)] + [
        (key, str(CHIPS[Outcome(key)]), f"{here}?outcome={key}", count) for key, _, count in it.parts
    ]


def _words(item: Item, outcome: Outcome) -> str | None:
    """What came of one turn; None: the usual words of its outcome."""
    if item.command is not None:
        return command_words.told(item.command).words
    return stored(item.detail) or None
