"""API keys: which programs may call the API, and what each of them may do."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from flask_login import current_user
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import accounts, sites
from csms.domain.accounts import ApiKey, KeyScope, Terms, api_keys, queries
from csms.domain.base import Invalid, NotFound, Refused
from csms.domain.sites import Site
from csms.extensions import db
from csms.web.languages import said
from csms.web.security import put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("integrations", __name__, url_prefix="/integrations")

Page = str | Response | tuple[str, int]

SCOPES = (
    (KeyScope.READ, lazy_gettext("See everything; card numbers are masked")),
    (KeyScope.OPERATE, lazy_gettext("Commands, reservations, and which chargers are let in")),
    (KeyScope.MONEY, lazy_gettext("Drivers’ accounts, credit, vouchers and subscriptions")),
    (KeyScope.ADMIN, lazy_gettext("Sites, chargers, their keys, cards, tariffs, webhooks")),
    (KeyScope.OWN, lazy_gettext("Users, mails and the audit")),
)
SIGHTS = (
    ("all", lazy_gettext("All chargers")),
    ("sites", lazy_gettext("Chargers of these sites")),
    ("test", lazy_gettext("Simulated chargers alone")),
)
OVERLAPS = (
    lazy_gettext("Ends at once"),
    lazy_gettext("Goes on for an hour"),
    lazy_gettext("Goes on for a day"),
    lazy_gettext("Goes on for a week"),
)


@blueprint.get("")
@requires("own")
def index() -> str:
    return _list({}, {})


@blueprint.post("/keys")
@requires("own")
def add() -> Page:
    """A new key, that acts for whoever is asking."""
    given = request.form
    try:
        terms = _terms(given)
        with atomic() as session:
            user = queries.user(session, current_user.id)
            key, text = accounts.make_key(session, user, terms, at=clock.now())
            put_on_record(session, "api_key.added", key.name, f"{key.key_id}: {', '.join(key.scopes)}")
            key_id = key.id
    except (Invalid, NotFound, Refused) as error:
        return _list(given, _problem(error)), 422
    return _page(key_id, text)


@blueprint.get("/keys/<int:key_id>")
@requires("own")
def show(key_id: int) -> str:
    return _page(key_id)


@blueprint.post("/keys/<int:key_id>")
@requires("own")
def change(key_id: int) -> Page:
    """Another name, other scopes and sites, another end; its secret stays."""
    given = request.form
    if api_keys.key(db.session(), key_id).revoked_at is not None:
        flash(gettext("This key is not in use any more: make a new one."), "error")
        return redirect(url_for(".show", key_id=key_id))
    try:
        terms = _terms(given)
        with atomic() as session:
            key = api_keys.key(session, key_id)
            accounts.change_key(session, key, terms, at=clock.now())
            put_on_record(session, "api_key.changed", key.name, f"{key.key_id}: {', '.join(key.scopes)}")
    except (Invalid, NotFound, Refused) as error:
        return _page(key_id, given=given, problems=_problem(error)), 422
    flash(gettext("Saved."), "success")
    return redirect(url_for(".show", key_id=key_id))


@blueprint.post("/keys/<int:key_id>/rotate")
@requires("own")
def rotate(key_id: int) -> Page:
    """A new secret beside the old one, for as long as is chosen."""
    hours = request.form.get("overlap", "")
    try:
        overlap = timedelta(seconds=int(hours) if hours.isdigit() and len(hours) < 9 else -1)
        with atomic() as session:
            key = api_keys.key(session, key_id)
            text = accounts.rotate_key(session, key, overlap, at=clock.now())
            put_on_record(session, "api_key.rotated", key.name, key.key_id)
    except (Invalid, Refused) as error:
        flash(said(error), "error")
        return redirect(url_for(".show", key_id=key_id))
    return _page(key_id, text)


@blueprint.post("/keys/<int:key_id>/revoke")
@requires("own")
def revoke(key_id: int) -> Response:
    with atomic() as session:
        key = api_keys.key(session, key_id)
        accounts.revoke_key(session, key, at=clock.now())
        put_on_record(session, "api_key.revoked", key.name, key.key_id)
    flash(gettext("The key opens nothing any more."), "success")
    return redirect(url_for(".index"))


def _problem(error: Invalid | NotFound | Refused) -> dict[str, str]:
    """What is wrong, at its field: a site that is gone, or a name that is taken."""
    field = getattr(error, "field", None) or ("name" if isinstance(error, Refused) else "sites")
    return {field: said(error)}


def _terms(given: Any) -> Terms:
    """Raises Invalid."""
    sight = given.get("sight", "")
    if sight not in dict(SIGHTS):
        raise Invalid("Choose what it sees.", "sites")
    scopes = [x for x, _ in SCOPES if x.value in given.getlist("scopes")]
    site_ids = [int(x) for x in given.getlist("site") if x.isdigit()] if sight == "sites" else None
    return Terms(given.get("name", ""), scopes, site_ids, sight == "test", _end(given.get("expires", "")))


def _end(day: str) -> datetime | None:
    """The end of a day where whoever is asking is; None: never. Raises Invalid."""
    if not day:
        return None
    try:
        wanted = datetime.fromisoformat(day).date() + timedelta(days=1)
    except (ValueError, OverflowError):
        raise Invalid("Write a day, such as 2027-12-31.", "expires_at") from None
    return datetime.combine(wanted, time(), ZoneInfo(zone())).astimezone(UTC)


def _list(given: Any, problems: dict[str, str]) -> str:
    at = clock.now()
    chosen = (given.getlist("scopes"), given.getlist("site")) if given else (["read"], ())
    return render_template(
        "integrations/index.html",
        rows=[(x, x.state(at)) for x in api_keys.keys(db.session())],
        sights=SIGHTS,
        now=at,
        zone=zone(),
        **_fields(given, chosen, problems),
    )


def _page(
    key_id: int, text: str | None = None, given: Any = None, problems: dict[str, str] | None = None
) -> str:
    at = clock.now()
    key = api_keys.key(db.session(), key_id)
    chosen = (given.getlist("scopes"), given.getlist("site")) if given else (key.scopes, map(_id, key.sites))
    return render_template(
        "integrations/key.html",
        key=key,
        state=key.state(at),
        text=text,
        sights=[x for x in SIGHTS if (x[0] == "test") == key.is_test],
        overlaps=[(int(x.total_seconds()), y) for x, y in zip(api_keys.OVERLAPS, OVERLAPS, strict=True)],
        url=url_for("api.list_chargers", _external=False),
        now=at,
        zone=zone(),
        **_fields(given or _as_it_is(key), chosen, problems or {}),
    )


def _fields(
    given: Any, chosen: tuple[Iterable[str], Iterable[str]], problems: dict[str, str]
) -> dict[str, Any]:
    """What the form of a key is made of. `chosen`: scopes, and ids of sites."""
    return {
        "given": given,
        "chosen": tuple(map(set, chosen)),
        "scopes": SCOPES,
        "sites": sites.listed(db.session()),
        "problems": problems,
    }


def _as_it_is(key: ApiKey) -> dict[str, str]:
    """What the form says of a key before anybody has typed: its last day where whoever asks is."""
    day = key.expires_at and (key.expires_at - timedelta(seconds=1)).astimezone(ZoneInfo(zone())).date()
    sight = "test" if key.is_test else "sites" if key.is_site_bound else "all"
    return {"name": key.name, "sight": sight, "expires": day.isoformat() if day else ""}


def _id(site: Site) -> str:
    return str(site.id)
