"""Who may see which page, and what a browser may do with it.

Every page asks for a log-in unless `PUBLIC` names it. What a role may not see is not there for it: 404, not 403.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, g, redirect, request, session, url_for
from flask_login import current_user
from flask_wtf.csrf import CSRFError, validate_csrf
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock, masks, sight
from csms.domain import accounts
from csms.domain.accounts import Role, User, logins
from csms.extensions import db, login
from csms.sight import Limits
from csms.work import StorageFailed, atomic

log = logging.getLogger(__name__)

# Endpoints and whole blueprints that strangers may see.
PUBLIC = frozenset(
    {
        "static",
        "health",
        "home",
        "readme",
        "metrics",
        "setup.explain",
        "setup.show",
        "setup.create",
        "auth",
        "basemap",
        "branding",
        "entrance",
        "sso",
        "landing",
        "receipt_copies",
        "languages",
        "checkout",
        "developers",
        "driving",
        "finder",
        "transfers",
        "second_factor.ask",
        "second_factor.check",
    }
)

# What a role may do. "view" is the operators' pages, "self" one's own sessions and cards; "host" is chargers and
# sessions, for those without "view" of their sites alone.
PERMISSIONS: Mapping[Role, frozenset[str]] = {
    Role.OWNER: frozenset({"self", "host", "view", "operate", "edit", "money", "own"}),
    Role.OPERATOR: frozenset({"self", "host", "view", "operate", "edit", "money"}),
    Role.SUPPORT: frozenset({"self", "host", "view", "operate"}),
    Role.INSTALLER: frozenset({"self", "host", "view", "operate"}),
    Role.ACCOUNTANT: frozenset({"self", "host", "view", "money"}),
    Role.READ_ONLY: frozenset({"self", "host", "view"}),
    Role.SITE_HOST: frozenset({"self", "host"}),
    Role.DRIVER: frozenset({"self"}),
}
DEFAULT_PERMISSION = "view"
SETTING_UP = frozenset(
    {"auth", "second_factor"}
)  # what is open to whoever must have a second factor and has none
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

View = TypeVar("View", bound=Callable[..., Any])


def requires(permission: str) -> Callable[[View], View]:
    """Only roles with `permission` may use this view; for others it is not there. Put it right above the function."""

    def mark(view: View) -> View:
        @functools.wraps(view)
        def marked(*args: Any, **kwargs: Any) -> Any:
            return view(*args, **kwargs)

        marked.permission = permission  # type: ignore[attr-defined]
        return marked  # type: ignore[return-value]

    return mark


def can(permission: str) -> bool:
    """May whoever is asking do that? For templates and views."""
    user = current_user._get_current_object()  # found once: pages ask by the hundred
    return user.is_authenticated and permission in PERMISSIONS[user.role]


def may_see(address: str) -> bool:
    """May whoever is asking open the page at this path of ours?"""
    endpoint, _ = current_app.url_map.bind("").match(address)
    return can(getattr(current_app.view_functions[endpoint], "permission", None) or DEFAULT_PERMISSION)


def card_number(uid: str | None) -> str:
    """A card's number as whoever is asking may see it: in full for those who run chargers, masked for others."""
    if not uid:
        return "–"
    return uid if can("operate") else masks.card(uid)


def cards_shown(payload: Any) -> Any:
    """A message's payload as whoever is asking may see it."""
    shown = masks.keys(payload)
    return shown if can("operate") else masks.cards(shown)


def is_public(endpoint: str) -> bool:
    return endpoint in PUBLIC or endpoint.rpartition(".")[0] in PUBLIC


def actor() -> str:
    """Who is asking, for commands and the audit."""
    return str(current_user.username)


def put_on_record(unit: Session, action: str, subject: str | None = None, detail: str | None = None) -> None:
    """Put on record what whoever is asking does, and from where."""
    accounts.audit(
        unit,
        actor(),
        action,
        at=clock.now(),
        address=request.remote_addr,
        subject=subject,
        detail=detail,
    )


def home() -> str:
    """Where whoever has logged in begins."""
    if can("view") or "accounts.me" not in current_app.view_functions:
        return url_for("dashboard.show")
    if can("host"):
        return url_for("chargers.index")
    return url_for("accounts.me")


def safe_next(target: str | None) -> str | None:
    """`target` if it is a page of ours, told by its path alone; None otherwise."""
    if (
        not target
        or not target.startswith("/")
        or target.startswith(("//", "/\\"))
        or not target.isprintable()
    ):
        return None
    parts = urlsplit(target)
    return None if parts.scheme or parts.netloc else target


def register(app: Flask, pages: frozenset[str]) -> None:
    """Guard the blueprints named in `pages`, and give every answer of the application its headers."""
    app.config.setdefault("REMEMBER_COOKIE_SECURE", app.config["SESSION_COOKIE_SECURE"])
    app.config.setdefault("REMEMBER_COOKIE_HTTPONLY", True)
    app.config["REMEMBER_COOKIE_DURATION"] = 30 * 24 * 3600

    @app.before_request
    def _guard() -> WerkzeugResponse | None:
        if request.blueprint not in pages:
            return None
        refuse_foreign()
        refused = _refuse_stranger()
        if refused is None:
            _note_presence()
        return refused

    @app.after_request
    def _protect(response: Response) -> Response:
        return _headers(response, content_policy(app.extensions["settings"].tile_url))

    app.add_template_global(can)
    app.add_template_filter(card_number)
    app.add_template_filter(cards_shown)


@login.user_loader  # type: ignore[untyped-decorator]
def load_user(key: str) -> User | None:
    """Whose cookie this is; a changed password, or somebody on the page of users, has ended it."""
    found = accounts.log_in_of(db.session(), key)
    if found is None:
        return None
    log_in, user = found
    g.log_in_seen_at, g.needs_factor = log_in.seen_at, log_in.needs_factor
    # Whoever must set up a second factor first is a stranger everywhere else.
    return None if log_in.needs_factor and request.blueprint not in SETTING_UP else user


@login.unauthorized_handler  # type: ignore[untyped-decorator]
def ask_to_log_in() -> WerkzeugResponse:
    """A page becomes the log-in page; a part of a page takes its page there."""
    if "HX-Request" in request.headers:
        return Response(
            "Please log in again.", 401, {"HX-Redirect": url_for("auth.login")}, mimetype="text/plain"
        )
    if request.method not in SAFE_METHODS or "text/event-stream" in request.headers.get("Accept", ""):
        return Response("Please log in.", 401, mimetype="text/plain")
    target = request.full_path if request.query_string else request.path
    return redirect(url_for("auth.login", next=target if target != "/" else None))


def _refuse_stranger() -> WerkzeugResponse | None:
    endpoint = request.endpoint or ""
    asked = getattr(current_app.view_functions[endpoint], "permission", None)
    if asked is None and is_public(endpoint):
        return None
    if not current_user.is_authenticated:
        answer: WerkzeugResponse = ask_to_log_in()
        return answer
    if not can(asked or DEFAULT_PERMISSION):
        abort(404)
    if asked == "host" and not can("view"):
        sight.limit_to(Limits.to_sites(accounts.site_ids(db.session(), current_user.id)))
    return None


def log_in_key() -> str:
    """What this browser's cookie carries: the key of its log-in."""
    return str(session.get("_user_id", ""))


def _note_presence() -> None:
    """A log-in that is used is kept as seen, now and then."""
    seen_at, at = g.get("log_in_seen_at"), clock.now()
    if seen_at is None or at - seen_at < logins.SEEN_EVERY:
        return
    try:
        with atomic() as unit:
            accounts.note_seen(unit, log_in_key(), at=at)
        # What the commit made stale is read again now: a view may give its connection back before it asks who this is.
        db.session().refresh(current_user._get_current_object())
    except StorageFailed as error:  # a page that can be shown is shown
        log.warning("log_in_not_noted", extra={"error": str(error)})


def refuse_foreign() -> None:
    """A browser says where a request comes from: only our own pages may change anything (beside the CSRF token)."""
    if request.method in SAFE_METHODS:
        return
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403)
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        abort(403)


@functools.lru_cache(maxsize=8)
def content_policy(tile_url: str) -> str:
    """Nothing inline, nothing from elsewhere but map tiles where they are set up."""
    tiles = ""
    if tile_url:
        parts = urlsplit(tile_url)
        tiles = f" {parts.scheme}://{parts.netloc.replace('{s}', '*')}"
    return (
        f"default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:{tiles}; connect-src 'self'; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def _headers(response: Response, policy: str) -> Response:
    given = response.headers
    given.setdefault("Content-Security-Policy", policy)
    given.setdefault("X-Content-Type-Options", "nosniff")
    given.setdefault("Referrer-Policy", "same-origin")
    given.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    given.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    given.setdefault("X-Frame-Options", "DENY")
    given.setdefault("Permissions-Policy", "camera=(), microphone=(), payment=(self), geolocation=(self)")
    if request.is_secure:
        given.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint == "static":
        # Addresses made by asset() change with the content.
        given["Cache-Control"] = "public, max-age=31536000, immutable" if "v" in request.args else "no-cache"
    elif response.mimetype == "text/html":
        given.setdefault("Cache-Control", "no-store")
        response.vary.add("HX-Request")
    return response


def check_token(token: str | None) -> None:
    """For a form that the library must not read whole, as it brings a file. Raises CSRFError."""
    try:
        validate_csrf(token)
    except ValueError as error:
        raise CSRFError(str(error)) from None
