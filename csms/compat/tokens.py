"""`/api/token/`, as more than one old system had it, and what their log-ins have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, jsonify
from pydantic import ValidationError

from csms.api import tokens
from csms.api.errors import Problem
from csms.api.tokens import Credentials, TokenPair
from csms.compat import door
from csms.compat.door import Wrong, body
from csms.domain.base import DomainError

blueprint = door.blueprint("token")


@blueprint.post("/api/token/", strict_slashes=False)
def obtain() -> Response:
    """Access and refresh token for a user name and a password."""
    given = named(body(), "username", "password")
    return jsonify(pair(of_problem(lambda: tokens.log_in(Credentials(**given)))))


@blueprint.post("/api/token/refresh/", strict_slashes=False)
def refresh() -> Response:
    """A refresh token works once: the next one comes with the answer."""
    given = named(body(), "refresh")
    return jsonify(pair(of_problem(lambda: tokens.renew(str(given["refresh"])))))


@blueprint.post("/api/token/verify/", strict_slashes=False)
def verify() -> Response:
    """Empty for a token that is good, else 401."""
    given = named(body(), "token")
    try:
        tokens.verify(str(given["token"]))
    except Problem:
        wrong = {"detail": "Token is invalid or expired", "code": "token_not_valid"}
        raise Wrong(401, wrong) from None
    return jsonify({})


def named(given: dict[str, Any], *names: str) -> dict[str, Any]:
    """What was given under these names. Raises Wrong when one is missing."""
    missing = {name: ["This field is required."] for name in names if not given.get(name)}
    if missing:
        raise Wrong(400, missing)
    return {name: given[name] for name in names}


def of_problem(ask: Callable[[], TokenPair]) -> TokenPair:
    """What the API gives; what it refuses, in the old systems' words. Raises Wrong."""
    try:
        return ask()
    except Problem as problem:
        raise Wrong(problem.status, {"detail": problem.detail}) from None
    except ValidationError as error:
        raise Wrong(400, {str(x["loc"][0]): [x["msg"]] for x in error.errors()}) from None
    except DomainError as error:
        raise Wrong(400, {getattr(error, "field", None) or "username": [str(error)]}) from None


def pair(given: TokenPair) -> dict[str, str]:
    return {"access": given.access, "refresh": given.refresh}
