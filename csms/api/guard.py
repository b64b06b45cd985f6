"""What stands before every view: the token or key and whose it is, the scopes, the pace, and a body that is JSON."""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from flask import Blueprint, Flask, Response, current_app, g, request
from flask_jwt_extended import get_current_user, get_jwt, verify_jwt_in_request
from limits import RateLimitItem, RateLimitItemPerMinute
from sqlalchemy import bindparam, exists, select
from sqlalchemy.orm import Session
from werkzeug.routing import RequestRedirect

from csms import clock, sight
from csms.api import queries
from csms.api.errors import Problem, fault, of_http, response
from csms.api.scopes import LIMITED, SCOPES, Scope, View
from csms.domain import accounts
from csms.domain.accounts import Opened, RefreshToken, Role, User, api_keys
from csms.extensions import db, jwt, limiter
from csms.sight import Limits
from csms.work import StorageFailed, atomic

log = logging.getLogger(__name__)

CALLS_BY_TOKEN = RateLimitItemPerMinute(600)
BAD_KEYS = RateLimitItemPerMinute(30)  # from one address
KEY = "Bearer csms_"  # how an API key is told from an access token
ISSUER, AUDIENCE = "amberline", "amberline-api"
_REQUEST_ID = re.compile(r"[\w.:-]{1,64}")
# Asked for each request, so it is made once, of columns and not of objects.
_HAS_LOGGED_OUT = exists().where(
    RefreshToken.family == bindparam("family"), RefreshToken.revoked_at.is_not(None)
)
_USER = select(
    User.id, User.username, User.role, User.account_id, User.is_enabled, User.login_key, _HAS_LOGGED_OUT
).where(User.id == bindparam("user_id"))


def configure(app: Flask) -> None:
    """One algorithm, one place to look for a token: nothing for a forger to choose."""
    app.config.update(
        JWT_ALGORITHM="HS256",
        JWT_DECODE_ALGORITHMS=["HS256"],
        JWT_TOKEN_LOCATION=["headers"],
        JWT_QUERY_STRING_NAME="token",  # of websockets alone, whose browsers can send no header
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


def catch_unrouted(app: Flask) -> None:
    """Make a problem of every address under /api that leads nowhere, and leave the rest to the pages."""

    @app.before_request
    def _unrouted() -> Response | None:
        error = request.routing_exception
        is_ours = request.path == "/api" or request.path.startswith("/api/")
        if error is None or not is_ours or isinstance(error, RequestRedirect):
            return None
        _name_request()
        return _sign(response(of_http(error)))


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, as it stood when the request came in. `key`: the id of their API key, if it is one.

    A key bears the name of its own, and acts for the user who made it.
    """

    user_id: int
    username: str
    role: Role
    account_id: int | None
    scopes: frozenset[Scope]
    key: str | None = None

    @classmethod
    def of(cls, user: User) -> Caller:
        """Somebody who has logged in, with all that their role may do."""
        return cls(user.id, user.username, user.role, user.account_id, SCOPES[user.role])


def caller() -> Caller:
    found: Caller = g.api_caller
    return found


def is_known() -> bool:
    """Whether the view that is called asks for a token, so that there is a caller."""
    return bool(_scopes())


def _scopes() -> frozenset[Scope]:
    """Those of the view that is called, of which one is needed; none: it is open to anybody."""
    view: Any = current_app.view_functions[request.endpoint or ""]
    scopes: frozenset[Scope] = getattr(view, "scopes", frozenset())
    return scopes


def may(scope: Scope) -> bool:
    """Whether the caller has this scope. A site host reads, in views for site hosts: their sight is limited there."""
    scopes = caller().scopes
    return scope in scopes or (scope is Scope.READ and Scope.HOST in scopes and sight.limits() is not None)


def own(name: str) -> str:
    """A name of the caller's choice, as it stands beside those of others: API keys share none with their user."""
    key = caller().key
    return name if key is None else hashlib.sha256(f"{key} {name}".encode()).hexdigest()


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


def audit(session: Session, action: str, subject: str | None, detail: str | None = None) -> None:
    """Note what the caller does."""
    address = request.remote_addr
    accounts.audit(
        session, caller().username, action, at=clock.now(), address=address, subject=subject, detail=detail
    )


def end_log_in() -> None:
    """End the log-in that the access token of this request came from, with all its tokens."""
    family = get_jwt().get("family", "")
    with atomic() as session:
        accounts.revoke_family(session, family, at=clock.now())


def _name_request() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _admit() -> None:
    """Raises what errors.py makes 401, 403 or 429 of."""
    scopes = _scopes()
    if not scopes or request.method == "OPTIONS":
        return
    is_key = request.headers.get("Authorization", "").startswith(KEY)
    known, limits = _by_key() if is_key else _by_token()
    g.api_caller = known
    if not scopes & known.scopes:
        needed = " or ".join(sorted(scopes - {Scope.SELF, Scope.HOST}))
        who = f"Without the scope {needed or 'self'} this key" if known.key else f"The role {known.role}"
        raise Problem(403, f"{who} may not do this.", "forbidden")
    if limits is not None:
        _limit(scopes, limits)
    elif Scope.HOST in scopes and Scope.READ not in known.scopes and Scope.HOST in known.scopes:
        sight.limit_to(Limits.to_sites(accounts.site_ids(db.session(), known.user_id)))


def _by_token() -> tuple[Caller, None]:
    verify_jwt_in_request()
    _keep_pace(str(get_jwt()["jti"]))
    known: Caller = get_current_user()
    return known, None


def _by_key() -> tuple[Caller, Limits | None]:
    """Raises a Problem: 401 for a key that is not good, 429 after too many of them from one address."""
    address, at = request.remote_addr or "", clock.now()
    tries = ("bad-key", address)
    if limiter.enabled and not limiter.limiter.test(BAD_KEYS, *tries):
        raise too_many(BAD_KEYS, *tries)
    key = accounts.open_key(db.session(), request.headers["Authorization"].removeprefix("Bearer "), at=at)
    if key is None:
        hit(BAD_KEYS, *tries)
        detail = "This API key is not known here, has expired, or was revoked."
        raise Problem(401, detail, "bad_key", headers={"WWW-Authenticate": "Bearer"})
    _keep_pace(key.key_id)
    _note_use(key, at)
    scopes = frozenset(map(Scope, key.scopes)) & SCOPES[key.role]
    is_limited = key.is_test or key.site_ids is not None
    limits = Limits(key.site_ids, is_simulated=key.is_test) if is_limited else None
    return Caller(key.user_id, f"key {key.name}", key.role, None, scopes, key.key_id), limits


def _keep_pace(token: str) -> None:
    if not hit(CALLS_BY_TOKEN, "api", token):
        raise too_many(CALLS_BY_TOKEN, "api", token)


def _note_use(key: Opened, at: datetime) -> None:
    """When and from where a key was used last, to the minute."""
    if key.last_used_at is not None and at - key.last_used_at < api_keys.SEEN_EVERY:
        return
    try:
        with atomic() as session:
            accounts.note_key_use(session, key.id, address=request.remote_addr, at=at)
    except StorageFailed as error:  # what can be answered is answered
        log.warning("key_use_not_noted", extra={"error": str(error)})


def _limit(scopes: frozenset[Scope], limits: Limits) -> None:
    """Let a key for some chargers see and order nothing of others. Raises a Problem, and NotFound."""
    sight.limit_to(limits)
    identity = (request.view_args or {}).get("identity")
    if identity is not None:
        queries.charger(db.session(), identity, with_connectors=False)
    elif Scope.HOST not in scopes and request.endpoint not in LIMITED:
        raise Problem(403, "This key is for some chargers alone: it may not do this.", "forbidden")


def takes_bytes(view: View) -> View:
    """The body of this view is a file, that it reads by itself. Put it above `needs`."""
    view.takes_bytes = True  # type: ignore[attr-defined]
    return view


def _check_body() -> None:
    """A body is a JSON object, and says so."""
    if request.method not in ("POST", "PUT", "PATCH") or not request.content_length:
        return
    if getattr(current_app.view_functions[request.endpoint or ""], "takes_bytes", False):
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
        "email": user.email or "",
        "role": user.role.value,
        "token_type": "access",
        "version": version_of(user.login_key),
    }


@jwt.user_lookup_loader
def _owner(_header: dict[str, Any], claims: dict[str, Any]) -> Caller | None:
    return caller_of(claims)


def caller_of(claims: Mapping[str, Any]) -> Caller | None:
    """The user of an access token's claims; None, which makes a 401, if they may not come in any more."""
    asked = {"user_id": int(claims["sub"]), "family": claims.get("family", "")}
    row = db.session.execute(_USER, asked).one_or_none()
    if row is None:
        return None
    user_id, username, role, account_id, is_enabled, login_key, has_logged_out = row
    if not is_enabled or has_logged_out or claims.get("version") != version_of(login_key):
        return None
    return Caller(user_id, username, role, account_id, SCOPES[role])
