"""Where chargers leave logs and fetch firmware: addresses of 128 random bits that stop working by themselves.

Whoever knows the address may use it, so a wrong or an old one says nothing. Chargers put and post, raw and as forms,
some with the file's name appended; what they fetch they may resume.
"""

from __future__ import annotations

import logging
from typing import Any

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header

from csms import clock
from csms.domain import maintenance
from csms.extensions import csrf, db, limiter
from csms.files import attachment, firmware, form_file, logs, settings
from csms.shelf import CutOff, Patient, Stored, TooLarge
from csms.work import atomic

log = logging.getLogger(__name__)

blueprint = Blueprint("transfers", __name__, url_prefix="/transfers")
csrf.exempt(blueprint)  # chargers have no forms of ours; the address itself is the secret

TOKEN_LENGTH = 22
FORM = "multipart/form-data"


def _was_wrong(response: Response) -> bool:
    """Only guesses are counted: a fleet behind one address, or one file in many pieces, is no attack."""
    return response.status_code == 404


GUESSES = limiter.limit("30 per minute", deduct_when=_was_wrong)


@blueprint.route("/<path:rest>", methods=["PUT", "POST"], merge_slashes=False)
@GUESSES
def receive(rest: str) -> Response:
    """Take a file. Its name may follow the token, with a slash or without one."""
    at = clock.now()
    token, name = rest[:TOKEN_LENGTH], rest[TOKEN_LENGTH:].strip("/")
    job = maintenance.receiving(db.session(), token, at)
    if job is None:
        return _plain("There is nothing at this address.", 404)
    db.session.remove()  # an upload may take an hour: it must hold no connection, and no snapshot
    try:
        stored, own_name = _body()
    except (TooLarge, RequestEntityTooLarge):
        log.warning("upload_too_large", extra={"address": request.remote_addr})
        return _plain("The file is too large.", 413)
    except CutOff:
        return _plain("The file was cut off.", 400)
    return _kept(token, stored, name or own_name)


def _kept(token: str, stored: Stored, name: str | None) -> Response:
    try:
        with atomic() as session:
            at = clock.now()
            job = maintenance.receiving(session, token, at) if stored.size_bytes else None
            if job is not None:
                maintenance.file_received(
                    session,
                    job,
                    name=name,
                    stored_as=stored.name,
                    size_bytes=stored.size_bytes,
                    sha256=stored.sha256,
                    address=request.remote_addr,
                    at=at,
                )
                log.info("log_received", extra={"charger": job.charger_id, "bytes": stored.size_bytes})
    except BaseException:
        logs().remove(stored.name)
        raise
    if job is None:
        logs().remove(stored.name)
        return _plain("The file is empty, or came too late.", 400)
    return _plain("Thank you.", 201)


def _body() -> tuple[Stored, str | None]:
    """What was sent, on disk, and the name that the sender gives it. Raises TooLarge, CutOff, RequestEntityTooLarge."""
    most_bytes = settings().largest_log_mb * 1_000_000
    if request.mimetype == FORM:
        drafted, _, name = form_file(logs(), most_bytes)
        return drafted, name
    request.max_content_length = most_bytes
    disposition = parse_options_header(request.headers.get("Content-Disposition", ""))[1]
    return logs().receive(Patient(request.stream), most_bytes), disposition.get("filename")


@blueprint.get("/<path:rest>", merge_slashes=False)
@GUESSES
def fetch(rest: str) -> Response:
    """Give a firmware, whole or from where a charger was cut off."""
    token = rest[:TOKEN_LENGTH]
    at = clock.now()
    job = maintenance.fetching(db.session(), token, at)
    if job is None or job.firmware is None or job.firmware.stored_as is None:
        return _plain("There is nothing at this address.", 404)
    named, stored_as, sha256 = job.firmware.name, job.firmware.stored_as, job.firmware.sha256 or ""
    size_bytes = job.firmware.size_bytes or 0
    job_id = job.id
    db.session.remove()
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    response = attachment(firmware(), stored_as, named, size_bytes, sha256, lambda: _note(app, job_id))
    return response or _plain("The file is gone.", 404)


def _note(app: Any, job_id: int) -> None:
    with app.app_context(), atomic() as session:
        job = session.get(maintenance.Job, job_id)
        if job is not None:
            maintenance.note_fetched(session, job, at=clock.now())


def _plain(words: str, status: int) -> Response:
    return Response(words + "\n", status, mimetype="text/plain")
