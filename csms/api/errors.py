"""One shape for everything that goes wrong under /api: RFC 9457 problems. Nothing of ours is told that helps nobody."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson
from flask import Blueprint, Response, g, request
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt import ExpiredSignatureError, PyJWTError
from pydantic import ValidationError
from sqlalchemy.exc import DataError
from werkzeug.exceptions import HTTPException
from werkzeug.routing import WebsocketMismatch

from csms.domain.base import DomainError, Invalid, NotFound, Refused
from csms.work import AWAY

log = logging.getLogger(__name__)

MIMETYPE = "application/problem+json"
RETRY_AFTER_S = 5


@dataclass(eq=False)  # not frozen: a traceback is set on it
class Problem(Exception):
    """An answer that is not what was asked for. `errors`: pointer, code and message of each fault in the request."""

    status: int
    detail: str
    code: str
    errors: Sequence[Mapping[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def fault(pointer: str, code: str, message: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "message": message}


def response(problem: Problem) -> Response:
    """The problem as it goes over the wire."""
    status = HTTPStatus(problem.status)
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        "instance": request.path,
        "request_id": g.get("request_id"),
    }
    if problem.errors:
        body["errors"] = list(problem.errors)
    return Response(orjson.dumps(body), problem.status, dict(problem.headers), mimetype=MIMETYPE)


def of_http(error: HTTPException) -> Problem:
    """What werkzeug refuses. The chargers' door answers any path, but only to websockets: here that is a 404."""
    if isinstance(error, WebsocketMismatch):
        return Problem(404, "There is nothing at this address.", "not_found")
    code = error.code or 500
    headers = {k: v for k, v in error.get_headers() if k in ("Allow", "Retry-After")}
    details = {404: "There is nothing at this address.", 413: "The request is too large."}
    name = HTTPStatus(code).name.lower()
    return Problem(code, details.get(code) or error.description or "", name, headers=headers)


def of_domain(error: DomainError) -> Problem:
    match error:
        case NotFound():
            return Problem(404, str(error), "not_found")
        case Refused():
            return Problem(409, str(error), "conflict")
        case Invalid():
            pointer = f"/{error.field}" if error.field else ""
            return Problem(422, str(error), "invalid", [fault(pointer, "value", str(error))])
    return Problem(400, str(error), "bad_request")


def of_validation(error: ValidationError) -> Problem:
    """What pydantic says of a body or a query; the pointers are those of the JSON that was sent."""
    errors = [
        fault("".join(f"/{part}" for part in each["loc"]), each["type"], each["msg"])
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return Problem(422, "The request is not as it should be: see errors.", "invalid", errors)


def of_token(error: Exception) -> Problem:
    is_expired = isinstance(error, ExpiredSignatureError)
    detail = "The access token has expired: refresh it." if is_expired else "Give a valid access token."
    challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"' if is_expired else "Bearer"}
    return Problem(401, detail, "token_expired" if is_expired else "unauthorized", headers=challenge)


def of_storage(error: Exception) -> Problem:
    log.error("api_storage_failed", extra={"error": str(error)})
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return Problem(503, "The database is not available: nothing was changed.", "unavailable", headers=headers)


def of_data(error: Exception) -> Problem:
    log.warning("api_unstorable", extra={"path": request.path})
    return Problem(
        400, "Something in the request cannot be stored, such as a NUL or too large a number.", "bad_request"
    )


def of_bug(error: Exception) -> Problem:
    log.error("api_failed", exc_info=error, extra={"path": request.path})
    return Problem(500, "The server could not do this; the fault is written in its log.", "internal")


def translate(blueprint: Blueprint) -> None:
    """Make a problem of every failure of the blueprint's views."""
    blueprint.register_error_handler(Problem, response)
    for kinds, made_of in (
        ((HTTPException,), of_http),
        ((DomainError,), of_domain),
        ((JWTExtendedException, PyJWTError), of_token),
        (AWAY, of_storage),
        ((DataError, OverflowError), of_data),
        ((Exception,), of_bug),
    ):
        for kind in kinds:
            blueprint.register_error_handler(kind, _answering(made_of))


def _answering(made_of: Any) -> Any:
    def handler(error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.response is not None:
            return error.response  # type: ignore[return-value]
        return response(made_of(error))

    return handler
