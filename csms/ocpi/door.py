"""What stands before every address under /ocpi, and the envelope in which everything is answered (OCPI 2.2.1 §4)."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import orjson
from flask import Blueprint, Flask, Response, current_app, g, request
from limits import RateLimitItem, RateLimitItemPerMinute
from sqlalchemy import Select, func, select
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect, WebsocketMismatch

from csms import clock, roaming
from csms.domain import roaming as peers
from csms.domain.base import DomainError, Invalid, NotFound
from csms.domain.cdrs.rules import told
from csms.domain.roaming import Peer, locations
from csms.domain.roaming.writing import View
from csms.extensions import csrf, db, limiter
from csms.roaming import ROOT, address, hashed
from csms.work import StorageFailed, atomic

log = logging.getLogger(__name__)

CALLS = RateLimitItemPerMinute(600)  # of one peer
BAD_TOKENS = RateLimitItemPerMinute(30)  # from one address
PAGE, MOST = 50, 200
CONTACT_EVERY = timedelta(minutes=1)
MOST_OFFSET = 10**9
OK, GENERIC, BAD, UNKNOWN_PLACE, UNKNOWN_TOKEN, SERVER = 1000, 2000, 2001, 2003, 2004, 3000
_ID = re.compile(r"[\w.:-]{1,64}")
# A request's names of sender and receiver, and those of its answer (§4.2).
ROUTING = {
    "OCPI-from-country-code": "OCPI-to-country-code",
    "OCPI-from-party-id": "OCPI-to-party-id",
    "OCPI-to-country-code": "OCPI-from-country-code",
    "OCPI-to-party-id": "OCPI-from-party-id",
}

blueprint = Blueprint("ocpi", __name__, url_prefix=ROOT)


@dataclass
class Problem(Exception):
    """An answer that is not what was asked for: HTTP status, OCPI's own (§5), and words."""

    status: int
    status_code: int
    message: str


def configure(app: Flask) -> None:
    """Hang the door on the application. It knows no cookies, so a forged form cannot use it."""
    csrf.exempt(blueprint)
    limiter.exempt(blueprint)  # the guard counts by peer
    app.register_blueprint(blueprint)

    @app.before_request
    def _unrouted() -> Response | None:
        error = request.routing_exception
        is_ours = request.path == ROOT or request.path.startswith(ROOT + "/")
        if error is None or not is_ours or isinstance(error, RequestRedirect):
            return None
        return _sign(_of_http(error))


def peer() -> Peer:
    """Who is asking."""
    found: Peer = g.ocpi_peer
    return found


def again(session: Session) -> Peer:
    """Who is asking, read in the unit of work; the token that they showed must still be theirs. Raises Problem."""
    found = peers.by_token(session, g.ocpi_hashes)
    if found is None:
        raise Problem(401, GENERIC, "This token is not known here.")
    return found


def view(session: Session) -> View:
    settings = current_app.extensions["settings"]
    return locations.view_of(
        session, operator=settings.organisation, time_zone=settings.time_zone.key, at=clock.now()
    )


def currency() -> str:
    found: str = current_app.extensions["settings"].currency
    return found


def answer(
    data: Any = None, *, status: int = 200, status_code: int = OK, message: str = "Success"
) -> Response:
    """The envelope (§4.1.6)."""
    body = {"status_code": status_code, "status_message": message, "timestamp": told(clock.now())}
    if data is not None:
        body["data"] = data
    return Response(orjson.dumps(body), status, mimetype="application/json")


def page(query: Select[*tuple[Any, ...]], shown: Callable[[Session, Sequence[Any]], list[Any]]) -> Response:
    """A page of a list (§4.1.3): by offset and limit, with where the next one is."""
    session = db.session()
    offset, limit = _number("offset", 0, MOST_OFFSET), max(1, min(_number("limit", PAGE, MOST_OFFSET), MOST))
    total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    rows = session.execute(query.offset(offset).limit(limit)).all()
    found = answer(shown(session, rows))
    return _with_link(found, offset, limit, total)


def page_of(rows: Sequence[Any], shown: Callable[[Any], Any]) -> Response:
    """As `page`, of a short list that is at hand."""
    offset, limit = _number("offset", 0, MOST_OFFSET), max(1, min(_number("limit", PAGE, MOST_OFFSET), MOST))
    found = answer([shown(x) for x in rows[offset : offset + limit]])
    return _with_link(found, offset, limit, len(rows))


def _with_link(found: Response, offset: int, limit: int, total: int) -> Response:
    found.headers["X-Total-Count"], found.headers["X-Limit"] = str(total), str(MOST)
    if offset + limit < total:
        query = urlencode(request.args.to_dict() | {"offset": offset + limit, "limit": limit})
        found.headers["Link"] = f'<{address(request.path.removeprefix(ROOT))}?{query}>; rel="next"'
    return found


def _number(name: str, default: int, most: int) -> int:
    given = request.args.get(name, "")
    if not given:
        return default
    if not (given.isascii() and given.isdigit() and len(given) <= 10):
        raise Problem(200, BAD, f"{name} is a number from 0 on.")
    return min(int(given), most)


def moment(name: str) -> datetime | None:
    """A moment of the query: without a zone it is UTC (§16.6). Raises Problem."""
    given = request.args.get(name)
    if not given:
        return None
    try:
        found = datetime.fromisoformat(given.replace(" ", "+"))
    except ValueError:
        raise Problem(200, BAD, f"{name} is a time such as 2026-01-31T12:00:00Z.") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def body() -> dict[str, Any]:
    """The request's JSON object. Raises Problem."""
    try:
        given = orjson.loads(request.get_data())
    except orjson.JSONDecodeError:
        raise Problem(400, BAD, "The body is not JSON.") from None
    if not isinstance(given, dict):
        raise Problem(400, BAD, "The body must be a JSON object.")
    return given


@blueprint.before_request
def _admit() -> None:
    """Raises Problem: 401 for a token that is not good, 429 after too many."""
    origin = request.remote_addr or ""
    if limiter.enabled and not limiter.limiter.test(BAD_TOKENS, "ocpi-bad-token", origin):
        raise Problem(429, GENERIC, "Too many wrong tokens: wait a minute.")
    g.ocpi_hashes = [hashed(x) for x in roaming.candidates(request.headers.get("Authorization", ""))]
    found = peers.by_token(db.session(), g.ocpi_hashes) if g.ocpi_hashes else None
    if found is None:
        _hit(BAD_TOKENS, "ocpi-bad-token", origin)
        raise Problem(401, GENERIC, "Give the token that you have from us: Authorization: Token …")
    if not _hit(CALLS, "ocpi", str(found.id)):
        raise Problem(429, GENERIC, "Too many requests: wait a minute.")
    g.ocpi_peer = found
    _note_contact(found)


def _hit(limit: RateLimitItem, *keys: str) -> bool:
    return not limiter.enabled or limiter.limiter.hit(limit, *keys)


def _note_contact(found: Peer) -> None:
    at = clock.now()
    if found.last_contact_at is not None and at - found.last_contact_at < CONTACT_EVERY:
        return
    try:
        with atomic() as session:
            peers.note_contact(session, peers.find(session, found.id), at=at)
    except StorageFailed as error:  # what can be answered is answered
        log.warning("peer_not_noted", extra={"error": str(error)})


@blueprint.after_request
def _sign(response: Response) -> Response:
    """What a request is followed by, through all systems (§4.2)."""
    for name in ("X-Request-ID", "X-Correlation-ID"):
        given = request.headers.get(name, "")
        response.headers[name] = given if _ID.fullmatch(given) else secrets.token_hex(16)
    for name, turned in ROUTING.items():
        given = request.headers.get(name, "")
        if re.fullmatch("[A-Za-z0-9]{2,3}", given):
            response.headers[turned] = given
    if response.status_code == 429:
        response.headers["Retry-After"] = "60"
    response.headers.setdefault("Cache-Control", "no-store")
    return response


@blueprint.errorhandler(Problem)
def _of_problem(error: Problem) -> Response:
    return answer(status=error.status, status_code=error.status_code, message=error.message)


@blueprint.errorhandler(DomainError)
def _of_domain(error: DomainError) -> Response:
    """What reached OCPI is answered by it, and no error of HTTP's (§4.1.7), but for what is not there."""
    match error:
        case NotFound():
            return answer(status=404, status_code=UNKNOWN_PLACE, message=str(error))
        case Invalid():
            return answer(status_code=BAD, message=str(error))
    return answer(status_code=GENERIC, message=str(error))


@blueprint.errorhandler(HTTPException)
def _of_http(error: HTTPException) -> Response:
    # The chargers' door answers any path, but only to websockets: here that is a 404.
    code = 404 if isinstance(error, WebsocketMismatch) else error.code or 500
    found = answer(
        status=code, status_code=GENERIC if code < 500 else SERVER, message=HTTPStatus(code).phrase
    )
    allowed = dict(error.get_headers()).get("Allow")
    if allowed:
        found.headers["Allow"] = allowed
    return found


@blueprint.errorhandler(StorageFailed)
@blueprint.errorhandler(OperationalError)
@blueprint.errorhandler(InterfaceError)
def _of_storage(error: Exception) -> Response:
    log.error("ocpi_storage_failed", extra={"error": str(error)})
    return answer(
        status=503, status_code=SERVER, message="The database is not available: nothing was changed."
    )


@blueprint.errorhandler(DataError)
@blueprint.errorhandler(OverflowError)  # what SQLite's driver says of too large a number
def _of_data(error: Exception) -> Response:
    log.warning("ocpi_unstorable", extra={"path": request.path})
    del error
    return answer(status_code=BAD, message="Something in the request cannot be stored, such as a NUL.")


@blueprint.errorhandler(Exception)
def _of_bug(error: Exception) -> Response:
    log.error("ocpi_failed", exc_info=error, extra={"path": request.path})
    return answer(status=500, status_code=SERVER, message="The server could not do this.")
