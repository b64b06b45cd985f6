"""Who did what: the audit, for the owner."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request

from csms import clock
from csms.domain.accounts import AuditEntry
from csms.domain.accounts.audit import entries
from csms.extensions import db
from csms.web import exports, filters
from csms.web.addresses import with_query
from csms.web.audit_words import words_of
from csms.web.security import requires
from csms.web.shell import zone

blueprint = Blueprint("audit", __name__, url_prefix="/settings/audit")

PAGE = 50
HEADINGS = ("at", "who", "what", "to_what", "detail", "from", "position", "chain")


@blueprint.get("")
@requires("own")
def index() -> str:
    before_id = request.args.get("before", type=int)
    query = _wanted()
    if before_id is not None:
        query = query.where(AuditEntry.id < before_id)
    rows = db.session.scalars(query.limit(PAGE + 1)).all()
    given = {x: y for x, y in request.args.items() if x != "before" and y}
    following = rows[PAGE - 1].id if rows[PAGE:] else None
    return render_template(
        "settings/audit.html",
        entries=rows[:PAGE],
        filters=given,
        first_url=with_query(".index", given),
        next_url=with_query(".index", {**given, "before": following}) if following else None,
        export_url=with_query(".export", given),
        words_of=words_of,
        is_first=before_id is None,
        kept_days=current_app.extensions["settings"].audit_kept_days,
        zone=zone(),
    )


@blueprint.get("/export.csv")
@requires("own")
def export() -> Response:
    """All that the list shows, with each entry's place in the chain."""
    wanted = _wanted()
    app: Any = current_app._get_current_object()  # type: ignore[attr-defined]

    def chunks() -> Iterator[str]:
        yield exports.csv_text([HEADINGS])
        with app.app_context():
            before_id = None
            while rows := _batch(wanted, before_id):
                yield exports.csv_text(rows)
                before_id = rows[-1].number

    return exports.download(chunks(), f"audit-{clock.now():%Y-%m-%d}.csv")


class _Line(list[object]):
    number: int


def _batch(wanted: Any, before_id: int | None) -> list[_Line]:
    query = wanted if before_id is None else wanted.where(AuditEntry.id < before_id)
    found = db.session.scalars(query.limit(500)).all()
    lines = []
    for x in found:
        line = _Line(
            [filters.iso(x.at), x.actor, x.action, x.subject, x.detail, x.address, x.position, x.chain]
        )
        line.number = x.id
        lines.append(line)
    db.session.remove()  # a slow reader must not hold a snapshot of the database
    return lines


def _wanted() -> Any:
    words, action = request.args.get("q", ""), request.args.get("action", "")
    return entries(words=words, action=action, since=_since())


def _since() -> datetime | None:
    try:
        return datetime.fromisoformat(request.args.get("since", "")).replace(tzinfo=UTC)
    except ValueError:
        return None
