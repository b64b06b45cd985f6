"""What stands before every address of an old system: who is calling, and errors in the shape that its scripts read.

A caller has an access token of the API, or a session of the pages. What an old system left open to anyone is open here
in lab mode only.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
from flask import Blueprint, Response, current_app, g, jsonify, request
from flask_jwt_extended import get_current_user, verify_jwt_in_request
from flask_jwt_extended.exceptions import JWTExtendedException
from flask_login import current_user
from jwt.exceptions import PyJWTError

from csms.api.guard import Caller
from csms.api.scopes import SCOPES, Scope
from csms.domain.accounts import Role
from csms.domain.base import DomainError, Invalid, NotFound, Refused
from csms.extensions import csrf
from csms.work import StorageFailed

View = TypeVar("View", bound=Callable[..., Any])

LAB = Caller(0, "lab", Role.OPERATOR, None, SCOPES[Role.OPERATOR])


@dataclass
class Wrong(Exception):
    """An answer that is not what was asked for, as the old system worded it."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)


def blueprint(name: str) -> Blueprint:
    """A blueprint of one old system. Its scripts know no CSRF tokens: `needs` asks for one where a cookie speaks."""
    made = Blueprint(name, f"csms.compat.{name}")
    csrf.exempt(made)
    made.register_error_handler(Wrong, lambda error: (jsonify(dict(error.body)), error.status))
    made.register_error_handler(DomainError, _of_domain)
    made.register_error_handler(StorageFailed, _of_storage)
    return made


def needs(scope: Scope, *, open_in_lab: bool = False) -> Callable[[View], View]:
    """Only callers with this scope may use the view; in lab mode anybody, if the old system left it open."""

    def mark(view: View) -> View:
        @functools.wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            g.api_caller = _caller(open_in_lab)
            if scope not in g.api_caller.scopes:
                raise Wrong(403, {"detail": "You do not have permission to perform this action."})
            return view(*args, **kwargs)

        return guarded  # type: ignore[return-value]

    return mark


def body() -> dict[str, Any]:
    """The request's JSON object, or its form. Raises Wrong."""
    if not request.is_json:
        return dict(request.form)
    try:
        given = orjson.loads(request.get_data() or b"{}")
    except orjson.JSONDecodeError as error:
        raise Wrong(400, {"detail": f"JSON parse error - {error}"}) from None
    if not isinstance(given, dict):
        raise Wrong(400, {"detail": "Send a JSON object."})
    return given


def _caller(open_in_lab: bool) -> Caller:
    if request.headers.get("Authorization"):
        try:
            verify_jwt_in_request()
        except (JWTExtendedException, PyJWTError):
            raise Wrong(401, {"detail": "Given token not valid for any token type"}) from None
        known: Caller = get_current_user()
        return known
    if current_user.is_authenticated:
        if request.method not in ("GET", "HEAD"):
            csrf.protect()
        return Caller.of(current_user)
    if open_in_lab and current_app.config["LAB"]:
        return LAB
    raise Wrong(401, {"detail": "Authentication credentials were not provided."})


def _of_domain(error: DomainError) -> tuple[Response, int]:
    statuses = {NotFound: 404, Refused: 409, Invalid: 400}
    return jsonify(detail=str(error)), statuses.get(type(error), 400)


def _of_storage(_error: StorageFailed) -> tuple[Response, int]:
    return jsonify(detail="The database is not available: nothing was changed."), 503
