"""What stands before every view: the access token and its user, the scopes, the pace, and a body that is JSON."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Any

import orjson
from flask import Blueprint, Flask, Response, current_app, g, request
from flask_jwt_extended import get_current_user, get_jwt, verify_jwt_in_request
from limits import RateLimitItem, RateLimitItemPerMinute
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from csms import clock
from csms.api.errors import Problem, fault
from csms.api.scopes import SCOPES, Scope
from csms.domain import accounts
from csms.domain.accounts import Role, User
from csms.extensions import db, jwt, limiter

CALLS_BY_TOKEN = RateLimitItemPerMinute(600)
ISSUER, AUDIENCE = "amberline", "amberline-api"
_REQUEST_ID = re.compile(r"[\w.:-]{1,64}")
# Asked for each request, so it is made once, of columns and not of objects.
_USER = select(User.id, User.username, User.role, User.account_id, User.is_enabled, User.login_key).where(
    User.id == bindparam("user_id")
)


def configure(app: Flask) -> None:
    """One algorithm, one place to look for a token: nothing for a forger to choose."""
    app.config.update(
        JWT_ALGORITHM="HS256",
        JWT_DECODE_ALGORITHMS=["HS256"],
        JWT_TOKEN_LOCATION=["headers"],
        JWT_ENCODE_ISSUER=ISSUER,
        JWT_DECODE_ISSUER=ISSUER,
        JWT_ENCODE_AUDIENCE=AUDIENCE,
        JWT_DECODE_AUDIENCE=AUDIENCE,
    )


def protect(blueprint: Blueprint) -> None:
    """Put the guard before every view of the blueprint."""
    blueprint.before_request(_name_request)
    blueprint.before_request(_admit)
    blueprint.before_request(_check_body)
    blueprint.after_request(_sign)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, as it stood when the request came in."""

    user_id: int
    username: str
    role: Role
    account_id: int | None


def caller() -> Caller:
    found: Caller = g.api_caller
    return found


def is_known() -> bool:
    """Whether the view that is called asks for a token, so that there is a caller."""
    return bool(_scopes())


def _scopes() -> frozenset[Scope]:
    """Those of the view that is called, of which one is needed; none: it is open to anybody."""
    view: Any = current_app.view_functions[request.endpoint or ""]
    scopes: frozenset[Scope] = view.scopes
    return scopes


def may(scope: Scope) -> bool:
    """Whether the caller has this scope."""
    return scope in SCOPES[caller().role]


def own_account_only() -> int | None:
    """The account to which the caller's sight is limited; None: sees everybody's. 0 is nobody's account."""
    return None if may(Scope.READ) else caller().account_id or 0


def hit(limit: RateLimitItem, *keys: str) -> bool:
    """Count one of a limited kind; False when there were too many."""
    return not limiter.enabled or limiter.limiter.hit(limit, *keys)


def too_many(limit: RateLimitItem, *keys: str) -> Problem:
    """429, with the time after which the window begins anew."""
    resets_at = limiter.limiter.get_window_stats(limit, *keys).reset_time
    wait_s = max(1, round(resets_at - clock.now().timestamp()))
    detail = f"Too many requests: try again in {wait_s} s."
    return Problem(429, detail, "too_many_requests", headers={"Retry-After": str(wait_s)})


def audit(session: Session, action: str, subject: str, detail: str | None = None) -> None:
    """Note what the caller does."""
    address = request.remote_addr
    accounts.audit(
        session, caller().username, action, at=clock.now(), address=address, subject=subject, detail=detail
    )


def _name_request() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _admit() -> None:
    """Raises what errors.py makes 401, 403 or 429 of."""
    scopes = _scopes()
    if not scopes or request.method == "OPTIONS":
        return
    verify_jwt_in_request()
    token = str(get_jwt()["jti"])
    if not hit(CALLS_BY_TOKEN, "api", token):
        raise too_many(CALLS_BY_TOKEN, "api", token)
    known: Caller = get_current_user()
    g.api_caller = known
    if not scopes & SCOPES[known.role]:
        raise Problem(403, f"The role {known.role} may not do this.", "forbidden")


def _check_body() -> None:
    """A body is a JSON object, and says so."""
    if request.method not in ("POST", "PUT", "PATCH") or not request.content_length:
        return
    if not request.is_json:
        raise Problem(415, "Send JSON, with Content-Type: application/json.", "unsupported_media_type")
    try:
        body = orjson.loads(request.get_data())
    except orjson.JSONDecodeError as error:
        raise Problem(400, f"The body is not JSON: {error}", "bad_json") from None
    if not isinstance(body, dict):
        raise Problem(422, "The body must be a JSON object.", "invalid", [fault("", "type", "not an object")])


def _sign(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.get("request_id", "")
    response.headers.setdefault("Cache-Control", "no-store")
    return response


# The access token is one of the application, whichever door gives it out.


def version_of(login_key: str) -> str:
    """Changes with the password, and with it every access token ends."""
    return hashlib.sha256(login_key.encode()).hexdigest()[:16]


@jwt.user_identity_loader
def _subject(user: User) -> str:
    return str(user.id)


@jwt.additional_claims_loader
def _claims(user: User) -> dict[str, Any]:
    return {
        "user_id": user.id,
        "username": user.username,
        "role": user.role.value,
        "token_type": "access",
        "version": version_of(user.login_key),
    }


@jwt.user_lookup_loader
def _owner(_header: dict[str, Any], claims: dict[str, Any]) -> Caller | None:
    """The token's user; None, which makes a 401, if they may not come in any more."""
    row = db.session.execute(_USER, {"user_id": int(claims["sub"])}).one_or_none()
    if row is None or not row.is_enabled or claims.get("version") != version_of(row.login_key):
        return None
    return Caller(row.id, row.username, row.role, row.account_id)
