"""Adding, adopting and changing chargers. Views of the blueprint `chargers`."""

from __future__ import annotations

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import chargers, commands, sites, tariffs, troubles
from csms.domain.base import DomainError, Invalid, NotFound, Refused
from csms.domain.chargers import Admission, AuthorizationPolicy, Charger, editing
from csms.domain.chargers.editing import Details
from csms.domain.transactions import removal
from csms.extensions import db
from csms.web.basemap import basemap
from csms.web.charger_connectors import Typed, choices, describe, of_charger
from csms.web.charger_upkeep import blueprint as blueprint
from csms.web.chargers import frame, shown
from csms.web.degrees import degrees_of
from csms.web.languages import said
from csms.web.second_backends import second_backend
from csms.web.security import actor, put_on_record, requires
from csms.work import atomic

Page = str | tuple[str, int] | Response

QUIET = {"": None, "yes": True, "no": False}
PUBLIC_WORDS = (("", lazy_gettext("As its site")), ("yes", lazy_gettext("Yes")), ("no", lazy_gettext("No")))
QUIET_WORDS = (
    ("", lazy_gettext("As the installation")),
    ("yes", lazy_gettext("Always")),
    ("no", lazy_gettext("Never")),
)
POLICIES = (
    (AuthorizationPolicy.KNOWN.value, lazy_gettext("Whoever has a known card")),
    (AuthorizationPolicy.CREDIT.value, lazy_gettext("Whoever has a known card and credit")),
    (AuthorizationPolicy.OPEN.value, lazy_gettext("Anybody")),
)


@blueprint.get("/new")
@requires("edit")
def new() -> Page:
    given = {"identity": request.args.get("identity", "").strip()[:48]}
    if not current_app.config["LAB"]:
        given["key"] = "1"  # to be let in without one is for whoever says so
    return _new_form(given, {})


@blueprint.post("/new")
@requires("edit")
def add() -> Page:
    given = {name: value.strip() for name, value in request.form.items()}
    try:
        with atomic() as session:
            charger = _added(session, given)
            key = (
                editing.renew_key(session, charger, current_app.config["PEPPER"]) if "key" in given else None
            )
            _note(session, "charger.add", charger)
    except DomainError as error:
        field = error.field if isinstance(error, Invalid) and error.field else "identity"
        return _new_form(given, {field: said(error)}), 422
    return _key_page(charger, key) if key else redirect(url_for(".show", charger_id=charger.id))


def _added(session: Session, given: dict[str, str]) -> Charger:
    identity = given.get("identity", "")
    if not (0 < len(identity) <= 48 and identity.isprintable()) or any(x in identity for x in ":/\\"):
        raise Invalid("An identity has 1 to 48 characters, without colon or slash.", "identity")
    charger = chargers.add(
        session,
        identity,
        admission=Admission.ACCEPTED,
        policy=_policy(given),
        at=clock.now(),
        name=given.get("name", "")[:80] or None,
    )
    charger.location = given.get("location", "")[:200] or None
    return charger


@blueprint.post("/<int:charger_id>/adopt")
@requires("operate")
def adopt(charger_id: int) -> Page:
    """Let it in, for known cards; who may charge is changed in its settings."""
    with atomic() as session:
        charger = chargers.get(session, charger_id)
        commands.welcome(session, charger, policy=AuthorizationPolicy.KNOWN, by=actor(), at=clock.now())
        _note(session, "charger.adopt", charger)
    return _said(charger, gettext("%(name)s is let in.", name=charger.title))


@blueprint.post("/<int:charger_id>/reject")
@requires("operate")
def reject(charger_id: int) -> Page:
    with atomic() as session:
        charger = chargers.get(session, charger_id)
        chargers.reject(session, charger, at=clock.now())
        _note(session, "charger.reject", charger)
    return _said(
        charger, gettext("%(name)s is rejected: it is sent away when it connects.", name=charger.title)
    )


@blueprint.get("/<int:charger_id>/settings")
def settings(charger_id: int) -> Page:
    return _settings_page(shown(charger_id), {})


@blueprint.post("/<int:charger_id>/settings")
@requires("edit")
def save(charger_id: int) -> Page:
    try:
        with atomic() as session:
            charger = chargers.get(session, charger_id)
            editing.edit(session, charger, _details(session))
            _note(session, "charger.edit", charger)
    except NotFound:
        raise
    except Invalid as error:
        return _settings_page(shown(charger_id), {error.field or "name": said(error)}), 422
    flash(gettext("Saved."), "success")
    return redirect(url_for(".settings", charger_id=charger_id))


@blueprint.post("/<int:charger_id>/connectors/<int:evse>")
@requires("edit")
def save_connector(charger_id: int, evse: int) -> Page:
    """What one connector is."""
    try:
        with atomic() as session:
            describe(session, charger_id, evse, request.form)
    except Invalid as error:
        typed = Typed(evse, request.form, {error.field or "type": said(error)})
        return _settings_page(shown(charger_id), {}, typed), 422
    flash(gettext("Connector %(number)s is saved.", number=evse), "success")
    return redirect(url_for(".settings", charger_id=charger_id))


@blueprint.post("/<int:charger_id>/connectors/<int:evse>/delete")
@requires("edit")
def remove_connector(charger_id: int, evse: int) -> Page:
    """One that the charger has not, or not any more."""
    try:
        with atomic() as session:
            connector = of_charger(session, charger_id, evse)
            put_on_record(session, "connector.removed", connector.charger.identity, f"connector {evse}")
            removal.remove_connector(session, connector)
    except Refused as error:
        flash(said(error), "error")
    else:
        flash(gettext("Connector %(number)s is gone.", number=evse), "success")
    return redirect(url_for(".settings", charger_id=charger_id))


@blueprint.post("/<int:charger_id>/key")
@requires("edit")
def renew_key(charger_id: int) -> Page:
    """A new key, shown once."""
    with atomic() as session:
        charger = chargers.get(session, charger_id)
        key = editing.renew_key(session, charger, current_app.config["PEPPER"])
        _note(session, "charger.renew_key", charger)
    return _key_page(charger, key)


@blueprint.post("/<int:charger_id>/key/remove")
@requires("edit")
def remove_key(charger_id: int) -> Page:
    try:
        with atomic() as session:
            charger = chargers.get(session, charger_id)
            editing.remove_key(session, charger)
            _note(session, "charger.remove_key", charger)
    except Refused as error:
        flash(said(error), "error")
    else:
        flash(gettext("The charger is asked for no key any more."), "success")
    return redirect(url_for(".security_tab", charger_id=charger_id))


@blueprint.post("/<int:charger_id>/delete")
@requires("edit")
def remove(charger_id: int) -> Page:
    try:
        with atomic() as session:
            charger = chargers.get(session, charger_id)
            title = charger.title
            _note(session, "charger.delete", charger)
            removal.remove_charger(session, charger)
    except NotFound:
        raise
    except DomainError as error:
        flash(said(error), "error")
        return redirect(url_for(".settings", charger_id=charger_id))
    flash(gettext("%(name)s is gone.", name=title), "success")
    return redirect(url_for(".index"))


@blueprint.post("/troubles/<int:trouble_id>/close")
@requires("operate")
def close_trouble(trouble_id: int) -> Page:
    """Somebody has looked at what a driver told."""
    with atomic() as session:
        told = troubles.close(session, trouble_id, by=actor(), at=clock.now())
        _note(session, "trouble.closed", told.charger)
    return _said(
        told.charger, gettext("%(name)s: the driver's report is off the list.", name=told.charger.title)
    )


def _note(session: Session, action: str, charger: Charger) -> None:
    put_on_record(session, action, charger.identity)


def _said(charger: Charger, words: str) -> Page:
    if "HX-Request" in request.headers:
        return render_template("chargers/_said.html", words=words)
    flash(words, "success")
    return redirect(url_for(".show", charger_id=charger.id))


def _new_form(given: dict[str, str], problems: dict[str, str]) -> str:
    return render_template("chargers/new.html", given=given, problems=problems, policies=POLICIES)


def _key_page(charger: Charger, key: str) -> str:
    return render_template("chargers/key.html", key=key, **frame(shown(charger.id), "security", clock.now()))


def _settings_page(charger: Charger, problems: dict[str, str], typed: Typed | None = None) -> str:
    return render_template(
        "chargers/settings.html",
        problems=problems,
        typed=typed,
        given=_given(charger) | (request.form.to_dict() if problems else {}),
        policies=POLICIES,
        quiet_words=QUIET_WORDS,
        public_words=PUBLIC_WORDS,
        site_names=[x.name for x in sites.listed(db.session())],
        tariffs=[
            ("", gettext("The installation's")),
            *((x.id, x.name) for x in tariffs.listed(db.session())),
        ],
        site_at=_site_at(charger),
        second=second_backend(charger),
        **choices(),
        **basemap(),
        **frame(charger, "settings", clock.now()),
    )


def _given(charger: Charger) -> dict[str, object]:
    return {
        "name": charger.name or "",
        "location": charger.location or "",
        "site": charger.site_name or "",
        "latitude": "" if charger.latitude is None else charger.latitude,
        "longitude": "" if charger.longitude is None else charger.longitude,
        "policy": charger.policy.value,
        "tariff": charger.tariff_id or "",
        "heartbeat_interval_s": charger.heartbeat_interval_s or "",
        "quiet": next(word for word, value in QUIET.items() if value is charger.is_quiet),
        "public": next(word for word, value in QUIET.items() if value is charger.is_public),
        "is_strict": charger.is_strict,
    }


def _site_at(charger: Charger) -> str:
    site = charger.site
    return f"{site.latitude},{site.longitude}" if site and site.latitude is not None else ""


def _policy(given: dict[str, str]) -> AuthorizationPolicy:
    try:
        return AuthorizationPolicy(given.get("policy", AuthorizationPolicy.KNOWN.value))
    except ValueError:
        raise Invalid("Choose who may charge.", "policy") from None


def _details(session: Session) -> Details:
    given = {name: value.strip() for name, value in request.form.items()}
    tariff = given.get("tariff", "")
    if tariff and (not tariff.isdigit() or session.get(tariffs.Tariff, int(tariff[:18])) is None):
        raise Invalid("Choose a tariff of the list.", "tariff")
    interval = given.get("heartbeat_interval_s", "")
    if interval and not (interval.isascii() and interval.isdigit() and len(interval) < 9):
        raise Invalid("Write whole seconds.", "heartbeat_interval_s")
    return Details(
        name=given.get("name") or None,
        location=given.get("location") or None,
        latitude=degrees_of(given, "latitude"),
        longitude=degrees_of(given, "longitude"),
        policy=_policy(given),
        tariff_id=int(tariff) if tariff else None,
        heartbeat_interval_s=int(interval) if interval else None,
        site_id=_site_id(session, given.get("site", "")),
        is_quiet=QUIET.get(given.get("quiet", "")),
        is_public=QUIET.get(given.get("public", "")),
        is_strict="is_strict" in given,
    )


def _site_id(session: Session, name: str) -> int | None:
    """Of the site of this name, which is made where there is none. Raises Invalid."""
    if not name:
        return None
    try:
        site, is_new = sites.named(session, name, at=clock.now())
    except Invalid as error:
        raise Invalid(error.sentence, "site", **error.values) from None
    if is_new:
        put_on_record(session, "site.added", site.name)
    return site.id
