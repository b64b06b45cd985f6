"""How drivers pay by card: the provider, its keys, and how much is held. Keys are written, and never shown again."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from limits import RateLimitItemPerMinute
from werkzeug.wrappers import Response

from csms import clock
from csms.domain.base import Invalid, Refused
from csms.domain.payments import Settings, settings
from csms.extensions import db, limiter
from csms.payments import Rejected, Unavailable, provider_named
from csms.quantities import cents
from csms.web import languages
from csms.web.accounts import currency
from csms.web.amounts import amount_of
from csms.web.languages import said
from csms.web.payment_words import PROVIDERS
from csms.web.security import actor, put_on_record, requires
from csms.work import atomic

blueprint = Blueprint("payment_settings", __name__, url_prefix="/settings/payments")

Page = str | Response | tuple[str, int]

TESTS = RateLimitItemPerMinute(20)  # by person


@blueprint.get("")
@requires("own")
def show() -> str:
    return _form({}, {})


@blueprint.post("")
@requires("own")
def change() -> Page:
    given = request.form
    try:
        with atomic() as session:
            provider = given.get("provider", "")
            settings.change(
                session,
                provider=provider,
                hold_cents=_cents("hold"),
                top_up_cents=(_cents("top_up_least"), _cents("top_up_most")),
                stripe_key_sealed=_sealed(given.get("stripe_key", "").strip(), "stripe_key", ("sk_", "rk_")),
                stripe_signing_sealed=_sealed(
                    given.get("stripe_signing", "").strip(), "stripe_signing", ("whsec_",)
                ),
                at=clock.now(),
            )
            put_on_record(session, "settings.payments", None, provider or "none")
    except Invalid as error:
        return _form(given, {error.field or "provider": said(error)}), 422
    flash(gettext("Saved. Test it now.") if provider else gettext("Saved."), "success")
    return redirect(url_for(".show"), 303)


@blueprint.post("/test")
@requires("own")
def test() -> Response:
    """Do the keys let us in?"""
    if not limiter.limiter.hit(TESTS, "payments", actor()):
        raise Refused("Too many tests: wait a minute.")
    stored = Settings.of(db.session())
    try:
        provider = provider_named(stored.provider)
        db.session.remove()
        name = provider.check()
    except (Unavailable, Rejected) as error:
        with atomic() as session:
            settings.note_down(session, str(error), at=clock.now())
        flash(gettext("It does not work: %(why)s", why=languages.stored(str(error))), "error")
    else:
        with atomic() as session:
            settings.note_up(session, at=clock.now())
        flash(gettext("It works: %(provider)s lets us in.", provider=name), "success")
    return redirect(url_for(".show"), 303)


def _form(given: Mapping[str, str], problems: dict[str, str]) -> str:
    base = current_app.extensions["settings"].public_base_url
    return render_template(
        "settings/payments.html",
        given=given,
        problems=problems,
        stored=Settings.of(db.session()),
        providers=list(PROVIDERS.items()),
        news_url=f"{base}/pay/news/stripe",
        currency=currency(),
        now=clock.now(),
    )


def _cents(field: str) -> int:
    try:
        return cents(amount_of(request.form.get(field, "")))
    except Invalid as error:
        raise Invalid(error.sentence, field, **error.values) from None


def _sealed(secret: str, field: str, beginnings: tuple[str, ...]) -> str | None:
    """None where nothing was entered: then it stays as it is. Raises Invalid."""
    if not secret:
        return None
    if (
        not secret.startswith(beginnings)
        or not secret.isascii()
        or not secret.isprintable()
        or len(secret) > 300
    ):
        raise Invalid("It begins with %(beginnings)s.", field, beginnings=" or ".join(beginnings))
    sealed: str = current_app.extensions["seal"].close(secret)
    return sealed
