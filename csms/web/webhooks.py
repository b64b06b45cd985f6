"""Webhooks: who is told what, and what became of telling them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext, ngettext
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import webhooks
from csms.domain.base import DomainError, Invalid
from csms.domain.webhooks import Delivery, DeliveryState, Event, Target, Webhook
from csms.extensions import db
from csms.web.languages import said
from csms.web.security import actor, put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("webhooks", __name__, url_prefix="/webhooks")

Page = str | Response | tuple[str, int]

MOST_SHOWN = 100
WORDS = {
    Event.TRANSACTION_STARTED: lazy_gettext("A session has begun"),
    Event.TRANSACTION_UPDATED: lazy_gettext("A session goes on: its energy, once a minute"),
    Event.TRANSACTION_ENDED: lazy_gettext("A session has ended"),
    Event.CHARGER_ONLINE: lazy_gettext("A charger has connected"),
    Event.CHARGER_OFFLINE: lazy_gettext("A charger has gone"),
    Event.CHARGER_FAULTED: lazy_gettext("A connector is out of order"),
    Event.COMMAND_SETTLED: lazy_gettext("A command has its answer, or gets none"),
    Event.CDR_CREATED: lazy_gettext("A charge record was made"),
    Event.PAYMENT_HELD: lazy_gettext("An amount is held on a bank card"),
    Event.PAYMENT_CAPTURED: lazy_gettext("What a session cost is taken"),
    Event.PAYMENT_RELEASED: lazy_gettext("What was held is let go"),
    Event.PAYMENT_REFUNDED: lazy_gettext("Money goes back to a bank card"),
    Event.PAYMENT_FAILED: lazy_gettext("A payment comes to nothing, or a person must look at it"),
    Event.ALERT_RAISED: lazy_gettext("An alert"),
    Event.ALERT_RECOVERED: lazy_gettext("An alert is over"),
}
# A state as (family of the status language, icon, words).
STATES = {
    DeliveryState.QUEUED: ("active", "send-horizontal", lazy_gettext("To be sent")),
    DeliveryState.DELIVERED: ("ready", "check", lazy_gettext("Delivered")),
    DeliveryState.FAILED: ("fault", "triangle-alert", lazy_gettext("Failed")),
    DeliveryState.DROPPED: ("out", "x", lazy_gettext("Not sent")),
}


@blueprint.get("")
@requires("edit")
def index() -> str:
    return render_template("webhooks/index.html", rows=webhooks.listed(db.session()), now=clock.now())


@blueprint.get("/new")
@requires("edit")
def new() -> str:
    return _form(None, {}, ())


@blueprint.post("")
@requires("edit")
def add() -> Page:
    secret = webhooks.new_secret()
    try:
        with atomic() as session:
            target = _target()
            webhook = webhooks.add(session, target, secret_sealed=_sealed(secret), by=actor(), at=clock.now())
            put_on_record(session, "webhook.added", webhook.name, webhook.url[:500])
            webhook_id = webhook.id
    except Invalid as error:
        return _form(None, request.form, request.form.getlist("events"), error), 422
    return _shown(webhook_id, secret)


@blueprint.get("/<int:webhook_id>")
@requires("edit")
def show(webhook_id: int) -> str:
    return _shown(webhook_id)


@blueprint.get("/<int:webhook_id>/deliveries")
@requires("edit")
def deliveries(webhook_id: int) -> str:
    """The log, for its live region."""
    return render_template("webhooks/_deliveries.html", **_log(webhooks.find(db.session(), webhook_id)))


@blueprint.get("/<int:webhook_id>/edit")
@requires("edit")
def edit(webhook_id: int) -> str:
    webhook = webhooks.find(db.session(), webhook_id)
    return _form(webhook, {"name": webhook.name, "url": webhook.url}, webhook.events)


@blueprint.post("/<int:webhook_id>")
@requires("edit")
def change(webhook_id: int) -> Page:
    try:
        with atomic() as session:
            webhook = webhooks.find(session, webhook_id)
            webhooks.change(session, webhook, _target(), is_enabled=webhook.is_enabled, at=clock.now())
            put_on_record(session, "webhook.changed", webhook.name, webhook.url[:500])
    except Invalid as error:
        webhook = webhooks.find(db.session(), webhook_id)
        return _form(webhook, request.form, request.form.getlist("events"), error), 422
    flash(gettext("The webhook has been changed."), "success")
    return redirect(url_for(".show", webhook_id=webhook_id))


@blueprint.post("/<int:webhook_id>/<any(on,off):switch>")
@requires("edit")
def turn(webhook_id: int, switch: str) -> Response:
    with atomic() as session:
        webhook = webhooks.find(session, webhook_id)
        target = Target(webhook.name, webhook.url, webhook.events)
        webhooks.change(session, webhook, target, is_enabled=switch == "on", at=clock.now())
        put_on_record(session, f"webhook.switched_{switch}", webhook.name)
    return redirect(url_for(".show", webhook_id=webhook_id))


@blueprint.post("/<int:webhook_id>/secret")
@requires("edit")
def renew_secret(webhook_id: int) -> str:
    secret = webhooks.new_secret()
    with atomic() as session:
        webhook = webhooks.find(session, webhook_id)
        webhook.secret_sealed = _sealed(secret)
        put_on_record(session, "webhook.secret_renewed", webhook.name)
    return _shown(webhook_id, secret)


@blueprint.post("/<int:webhook_id>/test")
@requires("edit")
def test(webhook_id: int) -> Response:
    with atomic() as session:
        webhooks.test(session, webhooks.find(session, webhook_id), at=clock.now())
    flash(gettext("A test is on its way: see the log."), "success")
    return redirect(url_for(".show", webhook_id=webhook_id))


@blueprint.post("/<int:webhook_id>/deliveries/<int:delivery_id>/resend")
@requires("edit")
def resend(webhook_id: int, delivery_id: int) -> Response:
    try:
        with atomic() as session:
            delivery = webhooks.find_delivery(session, webhook_id, delivery_id)
            webhooks.resend(session, delivery, at=clock.now())
            put_on_record(session, "webhook.resent", delivery.webhook.name, delivery.event_id)
    except DomainError as error:
        flash(said(error), "error")
    return redirect(url_for(".show", webhook_id=webhook_id))


@blueprint.post("/<int:webhook_id>/resend")
@requires("edit")
def resend_missed(webhook_id: int) -> Response:
    """Send again all that did not arrive."""
    try:
        with atomic() as session:
            webhook = webhooks.find(session, webhook_id)
            count = webhooks.resend_missed(session, webhook, at=clock.now())
            put_on_record(session, "webhook.resent", webhook.name, str(count))
    except DomainError as error:
        flash(said(error), "error")
    else:
        flash(ngettext("%(num)s is sent again.", "%(num)s are sent again.", count), "success")
    return redirect(url_for(".show", webhook_id=webhook_id))


@blueprint.post("/<int:webhook_id>/remove")
@requires("edit")
def remove(webhook_id: int) -> Response:
    with atomic() as session:
        webhook = webhooks.find(session, webhook_id)
        put_on_record(session, "webhook.removed", webhook.name, webhook.url[:500])
        webhooks.remove(session, webhook)
    flash(gettext("The webhook is gone, with its log."), "success")
    return redirect(url_for(".index"))


def _target() -> Target:
    form = request.form
    return Target(form.get("name", ""), form.get("url", ""), form.getlist("events"))


def _sealed(secret: str) -> str:
    sealed: str = current_app.extensions["seal"].close(secret)
    return sealed


def _shown(webhook_id: int, secret: str | None = None) -> str:
    webhook = webhooks.find(db.session(), webhook_id)
    return render_template(
        "webhooks/show.html",
        secret=secret,
        words={x.value: y for x, y in WORDS.items()},
        live_url=url_for("live.stream", topics=webhooks.TOPIC),
        **_log(webhook),
    )


def _log(webhook: Webhook) -> dict[str, Any]:
    query = webhooks.deliveries(webhook.id).order_by(Delivery.id.desc()).limit(MOST_SHOWN)
    return {
        "webhook": webhook,
        "deliveries": db.session.scalars(query).all(),
        "missed": db.session.scalar(select(func.count()).select_from(webhooks.missed(webhook.id).subquery())),
        "states": STATES,
        "now": clock.now(),
        "zone": zone(),
    }


def _form(webhook: Webhook | None, given: Any, chosen: Any, error: Invalid | None = None) -> str:
    return render_template(
        "webhooks/form.html",
        webhook=webhook,
        given=given,
        chosen=chosen,
        problems={error.field: said(error)} if error else {},
        words=[(x.value, y) for x, y in WORDS.items()],
    )
