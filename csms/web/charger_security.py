"""How safely a charger connects: profile, key, certificates, events. Views of the blueprint `chargers`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import chargers, security
from csms.domain.base import DomainError, Invalid, NotFound, Refused
from csms.domain.chargers import Charger
from csms.domain.commands import Command
from csms.domain.security import CertificateUse, SigningState, queries
from csms.extensions import db
from csms.web.charger_forwarder import blueprint as blueprint
from csms.web.chargers import about, frame, shown
from csms.web.languages import said
from csms.web.security import actor, put_on_record, requires
from csms.work import atomic

Page = str | tuple[str, int] | Response

FEW_EVENTS = 10

# A security profile as (family of the status language, icon, words).
PROFILES = {
    0: ("fault", "lock-open", lazy_gettext("0 · Open")),
    1: ("wait", "key-round", lazy_gettext("1 · Key, without TLS")),
    2: ("ready", "shield-check", lazy_gettext("2 · Key, over TLS")),
    3: ("ready", "shield-check", lazy_gettext("3 · Certificate, over TLS")),
}
STATES = {
    SigningState.REFUSED: ("fault", "ban", lazy_gettext("Refused")),
    SigningState.WAITING: ("wait", "clock", lazy_gettext("Being signed")),
    SigningState.SENT: ("active", "send-horizontal", lazy_gettext("On its way")),
    SigningState.INSTALLED: ("ready", "check", lazy_gettext("In the charger")),
    SigningState.DECLINED: ("fault", "x", lazy_gettext("The charger refused it")),
    SigningState.FAILED: ("fault", "triangle-alert", lazy_gettext("Could not be sent")),
    SigningState.REVOKED: ("fault", "ban", lazy_gettext("Revoked")),
}
USES = {
    CertificateUse.CENTRAL_SYSTEM: lazy_gettext("This server"),
    CertificateUse.MANUFACTURER: lazy_gettext("Its manufacturer's firmware"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """What a charger needs before it can rise to its next profile."""

    words: str
    is_done: bool


@blueprint.get("/<int:charger_id>/security")
def security_tab(charger_id: int) -> Page:
    return _tab(shown(charger_id))


def _tab(charger: Charger, problem: str | None = None) -> str:
    """`problem`: why the root certificate that was given is not installed."""
    return render_template(
        "chargers/security.html",
        roots=_roots(),
        uses=[(x.value, words) for x, words in USES.items()],
        given=request.form,
        problem=problem,
        **frame(charger, "security", clock.now()),
        **_security(charger),
    )


@blueprint.get("/<int:charger_id>/security/body")
def security_body(charger_id: int) -> str:
    """All that changes, for its live region."""
    charger = shown(charger_id)
    return render_template("chargers/_security.html", **about(charger, clock.now()), **_security(charger))


@blueprint.get("/<int:charger_id>/security/ask/<any(raise,require):name>")
@requires("edit")
def ask_profile(charger_id: int, name: str) -> Page:
    """Which profiles a dialog offers, read when it opens: the charger may have risen since its page was."""
    return render_template("chargers/_profiles.html", name=name, charger=shown(charger_id), profiles=PROFILES)


@blueprint.post("/<int:charger_id>/security/raise")
@requires("edit")
def raise_profile(charger_id: int) -> Page:
    """Tell the charger to come with a higher profile."""
    profile = _profile()
    return _ask(
        charger_id,
        "charger.raise_profile",
        lambda session, charger: security.raise_profile(session, charger, profile, **_by()),
    )


@blueprint.post("/<int:charger_id>/security/require")
@requires("edit")
def require_profile(charger_id: int) -> Page:
    """Require a profile of a charger that was set up by hand."""
    try:
        with atomic() as session:
            charger = chargers.get(session, charger_id)
            security.require_profile(session, charger, _profile())
            put_on_record(session, "charger.profile", charger.identity, request.form.get("profile"))
    except NotFound:
        raise
    except DomainError as error:
        flash(said(error), "error")
    else:
        flash(gettext("Saved. It counts from the charger's next connection on."), "success")
    return _back(charger_id)


@blueprint.post("/<int:charger_id>/key/rotate")
@requires("edit")
def rotate_key(charger_id: int) -> Page:
    """A new key, sent to the charger and shown once."""
    try:
        with atomic() as session:
            charger = chargers.get(session, charger_id)
            command, key = security.rotate_key(session, charger, current_app.config["PEPPER"], **_by())
            put_on_record(session, "charger.rotate_key", charger.identity)
    except NotFound:
        raise
    except DomainError as error:
        flash(said(error), "error")
        return _back(charger_id)
    context = frame(shown(charger_id), "security", clock.now())
    return render_template("chargers/key.html", key=key, command=command, **context)


@blueprint.post("/<int:charger_id>/certificates/renew")
@requires("operate")
def renew_certificate(charger_id: int) -> Page:
    """Have the charger make a new key pair and ask for a certificate."""
    owner: str = current_app.config["CPO_NAME"]
    return _ask(
        charger_id,
        "charger.renew_certificate",
        lambda session, charger: security.renew_certificate(session, charger, owner, **_by()),
    )


@blueprint.post("/<int:charger_id>/certificates/signed/<int:certificate_id>/revoke")
@requires("edit")
def revoke_certificate(charger_id: int, certificate_id: int) -> Page:
    """Let nobody in with a certificate that was signed here."""
    try:
        with atomic() as session:
            row = security.revoke_certificate(session, certificate_id, at=clock.now())
            if row.charger_id != charger_id:
                raise NotFound("There is no such certificate.")
            put_on_record(session, "charger.revoke_certificate", row.charger.identity, row.serial_number)
    except Refused as error:
        flash(said(error), "error")
    return _back(charger_id)


@blueprint.post("/<int:charger_id>/certificates/read")
@requires("operate")
def read_certificates(charger_id: int) -> Page:
    """Ask for root certificates, of both kinds."""

    def ask(session: Session, charger: Charger) -> Command:
        security.request_listing(session, charger, CertificateUse.MANUFACTURER, **_by())
        return security.request_listing(session, charger, CertificateUse.CENTRAL_SYSTEM, **_by())

    return _ask(charger_id, "charger.read_certificates", ask)


@blueprint.post("/<int:charger_id>/certificates/install")
@requires("edit")
def install_certificate(charger_id: int) -> Page:
    """Install a root certificate: one that is known here, or a pasted one."""

    def ask(session: Session, charger: Charger) -> Command:
        use, pem = _use(), request.form.get("certificate", "").strip()
        return security.request_installation(session, charger, use, pem or _chosen(session), **_by())

    return _ask(charger_id, "charger.install_certificate", ask)


@blueprint.post("/<int:charger_id>/certificates/<int:certificate_id>/delete")
@requires("edit")
def delete_certificate(charger_id: int, certificate_id: int) -> Page:
    """Delete a root certificate from the charger."""

    def ask(session: Session, charger: Charger) -> Command:
        row = security.installed_one(session, charger, certificate_id)
        return security.request_deletion(session, charger, row, **_by())

    return _ask(charger_id, "charger.delete_certificate", ask)


@blueprint.post("/<int:charger_id>/security/acknowledge")
@requires("operate")
def acknowledge(charger_id: int) -> Page:
    """Somebody has looked at the charger's critical events."""
    with atomic() as session:
        charger = chargers.get(session, charger_id)
        security.acknowledge(session, charger)
        put_on_record(session, "charger.acknowledge", charger.identity)
    return _back(charger_id)


def _ask(charger_id: int, action: str, ask: Callable[[Session, Charger], Command]) -> Page:
    """Queue what `ask` wants of the charger, and show what becomes of it."""
    try:
        with atomic() as session:
            charger = chargers.get(session, charger_id)
            command = ask(session, charger)
            put_on_record(session, action, charger.identity)
    except NotFound:
        raise
    except DomainError as error:
        if "HX-Request" in request.headers:
            return render_template("commands/_refused.html", words=said(error)), 409
        if "certificate" in request.form:
            return _tab(shown(charger_id), said(error)), 422
        flash(said(error), "error")
        return _back(charger_id)
    if "HX-Request" in request.headers:
        return render_template("commands/_command.html", command=command)
    return redirect(url_for("commands.show", command_id=command.id))


def _back(charger_id: int) -> Response:
    return redirect(url_for(".security_tab", charger_id=charger_id))


def _by() -> dict[str, Any]:
    return {"by": actor(), "at": clock.now()}


def _profile() -> int:
    text = request.form.get("profile", "")
    return int(text) if text in ("0", "1", "2", "3") else -1


def _use() -> CertificateUse:
    try:
        return CertificateUse(request.form.get("use", ""))
    except ValueError:
        raise Invalid("Choose what the certificate is for.", "use") from None


def _chosen(session: Session) -> str:
    """The certificate that was chosen of the list; "" is our own authority's."""
    text = request.form.get("root", "")
    if text.isascii() and text.isdigit() and len(text) < 19:
        return security.root(session, int(text)).certificate
    return str(current_app.extensions["authority"]().pem)


def _roots() -> list[tuple[str, str]]:
    known = [(str(x.id), x.subject) for x in security.roots(db.session())]
    return [*known, ("", gettext("Amberline's own authority"))]


def _security(charger: Charger) -> dict[str, Any]:
    session = db.session()
    installed = security.installed(session, charger.id)
    signed = queries.signing_requests(session, charger.id)
    return {
        "profiles": PROFILES,
        "states": STATES,
        "use_words": USES,
        "signed": signed,
        "installed": installed,
        "events": security.events(session, charger.id, limit=FEW_EVENTS),
        "open_events": sum(x.is_open for x in security.events(session, charger.id, limit=100)),
        "steps": _steps(
            charger,
            has_root=any(x.use is CertificateUse.CENTRAL_SYSTEM for x in installed),
            has_certificate=any(x.state is SigningState.INSTALLED for x in signed),
        ),
    }


def _steps(charger: Charger, *, has_root: bool, has_certificate: bool) -> list[Step]:
    """What the next profile asks of the charger (whitepaper A05): it refuses to rise before."""
    key = Step(gettext("It has a key"), charger.key_hash is not None)
    root = Step(gettext("It has the root certificate of this server"), has_root)
    match charger.security_profile:
        case 0:
            return [key]
        case 1:
            return [key, root]
        case 2:
            return [root, Step(gettext("It has a certificate of its own"), has_certificate)]
        case _:
            return []
