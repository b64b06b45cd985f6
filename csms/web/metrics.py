"""How this process is doing, in numbers, for Prometheus and its like."""

import hmac
import ipaddress
import platform
from collections.abc import Iterator
from datetime import timedelta

from flask import Blueprint, Response, abort, current_app, request
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from csms import clock, documents
from csms.domain.commands import Command
from csms.extensions import db, limiter
from csms.gauges import Gauges, labelled, metric

blueprint = Blueprint("metrics", __name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@blueprint.get("/metrics")
@limiter.exempt
def show() -> Response:
    """For whoever has METRICS_TOKEN; without one, for this machine alone. For others it is not there."""
    if not _may_look():
        abort(404)
    gauges: Gauges = current_app.extensions["gauges"]
    lines = [*gauges.lines(), *_commands(), *_build()]
    return Response("\n".join(lines) + "\n", content_type=CONTENT_TYPE)


def _may_look() -> bool:
    token = current_app.extensions["settings"].metrics_token
    if token:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), token.encode())
    # A proxy on this machine asks for others, and says so.
    is_handed_on = any(
        name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via")
    )
    return not is_handed_on and ipaddress.ip_address(request.remote_addr or "::").is_loopback


def _commands() -> Iterator[str]:
    """What became of the orders of the last hour, of all processes. Left out while the database is away."""
    since = clock.now() - timedelta(hours=1)
    query = select(Command.state, func.count()).where(Command.requested_at > since).group_by(Command.state)
    try:
        rows = db.session.execute(query).all()
    except SQLAlchemyError:
        return
    values = labelled("commands_last_hour", [({"state": state.value}, count) for state, count in rows])
    yield from metric(
        "commands_last_hour", "gauge", "Orders of the last hour by what became of them.", values
    )


def _build() -> Iterator[str]:
    labels = {
        "version": documents.version(current_app.extensions["settings"].root),
        "python": platform.python_version(),
        "database": db.engine.dialect.name,
    }
    yield from metric("build_info", "gauge", "What is running.", labelled("build_info", [(labels, 1)]))
