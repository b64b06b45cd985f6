"""Commands that nobody waited for, as tasks: their id is the command's, so they outlive a restart."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from csms.api import queries
from csms.api.commands import command_out, put_away
from csms.api.scopes import Scope
from csms.compat.door import Wrong, needs
from csms.compat.ov2xmp.blueprint import blueprint
from csms.compat.ov2xmp.commands import envelope
from csms.compat.ov2xmp.dso import task_of
from csms.compat.ov2xmp.listing import listed, only_fields
from csms.domain import dso
from csms.domain.base import NotFound
from csms.domain.commands import Command, CommandState
from csms.extensions import db

_STATUS = {
    CommandState.QUEUED: "PENDING",
    CommandState.SENT: "STARTED",
    CommandState.ACCEPTED: "SUCCESS",
    CommandState.REJECTED: "SUCCESS",  # the charger has answered: the task is done
    CommandState.CANCELLED: "REVOKED",
}


@blueprint.get("/api/task/", strict_slashes=False)
@needs(Scope.READ)
def tasks() -> Response:
    """Tasks, the newest first."""
    wanted = queries.commands(identity=None, state=None).order_by(Command.id.desc())
    return listed(wanted, lambda rows: [task_shown(x) for x in rows])


@blueprint.get("/api/task/<task_id>/", strict_slashes=False)
@needs(Scope.READ)
def task(task_id: str) -> Response:
    """One task, as it stands."""
    signal = dso.by_task(db.session(), task_id)
    if signal is not None:
        return jsonify(only_fields(task_of(signal)))
    return jsonify(only_fields(task_shown(_found(task_id))))


@blueprint.delete("/api/task/<task_id>/", strict_slashes=False)
@needs(Scope.OPERATE)
def remove_task(task_id: str) -> tuple[str, int]:
    """Put a finished task away: no list shows it any more. 409 while it is not finished."""
    put_away(_found(task_id).id)
    return "", 204


def _found(task_id: str) -> Command:
    try:
        command = queries.command(db.session(), task_id)
    except NotFound:
        raise Wrong(404, {"detail": "Not found."}) from None
    if command.put_away_at is not None:
        raise Wrong(404, {"detail": "Not found."})
    return command


def task_shown(command: Command, *, in_full: bool | None = None) -> dict[str, Any]:
    """A command as a task. `in_full`: as `command_out` has it."""
    told = command_out(command, in_full=in_full)
    is_over = command.state not in (CommandState.QUEUED, CommandState.SENT)
    return {
        "task_id": command.id,
        "task_name": told.action or command.kind.value,
        "task_args": [told.charger],
        "task_kwargs": told.payload,
        "status": _STATUS.get(command.state, "FAILURE"),
        "result": envelope(command, in_full=in_full) if is_over else None,
        "traceback": None,
        "date_created": told.requested_at,
        "date_started": told.sent_at,
        "date_done": told.answered_at if is_over else None,
    }
