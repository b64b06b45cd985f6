"""Channels for alerts: ntfy topics and MQTT brokers, entered and tested."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from csms import channels as sender
from csms import clock
from csms.domain.alerts import AlertChannel, ChannelKind, channels
from csms.domain.alerts.channels import ChannelWish
from csms.domain.base import Invalid
from csms.extensions import db
from csms.web.languages import said
from csms.web.security import actor, put_on_record, requires
from csms.work import atomic

blueprint = Blueprint("alert_channels", __name__, url_prefix="/alerts/channels")

Page = str | Response | tuple[str, int]


@blueprint.get("/new")
@requires("edit")
def new() -> str:
    kind = ChannelKind.MQTT if request.args.get("kind") == ChannelKind.MQTT else ChannelKind.NTFY
    return _form(None, kind, {"topic_prefix": "amberline/alerts"})


@blueprint.post("")
@requires("edit")
def add() -> Page:
    given = request.form
    kind = ChannelKind.MQTT if given.get("kind") == ChannelKind.MQTT else ChannelKind.NTFY
    try:
        with atomic() as session:
            sealed = _sealed(given)
            channel = channels.add(
                session, _wish(given, kind), secret_sealed=sealed, by=actor(), at=clock.now()
            )
            put_on_record(session, "alert_channel.added", channel.name, channel.url[:500])
    except Invalid as error:
        return _form(None, kind, given, error), 422
    flash(gettext("The channel is entered: test it, and choose it in rules."), "success")
    return redirect(url_for("alerts.index"))


@blueprint.get("/<int:channel_id>")
@requires("edit")
def show(channel_id: int) -> str:
    channel = channels.get(db.session(), channel_id)
    given = {x: getattr(channel, x) or "" for x in ("name", "url", "user", "topic_prefix")}
    return _form(channel, channel.kind, given)


@blueprint.post("/<int:channel_id>")
@requires("edit")
def change(channel_id: int) -> Page:
    given = request.form
    try:
        with atomic() as session:
            channel = channels.get(session, channel_id)
            channels.change(
                session, channel, _wish(given, channel.kind), secret_sealed=_sealed(given), at=clock.now()
            )
            put_on_record(session, "alert_channel.changed", channel.name, channel.url[:500])
    except Invalid as error:
        channel = channels.get(db.session(), channel_id)
        return _form(channel, channel.kind, given, error), 422
    flash(gettext("The channel has been changed."), "success")
    return redirect(url_for("alerts.index"))


@blueprint.post("/<int:channel_id>/test")
@requires("edit")
def test(channel_id: int) -> Response:
    with atomic() as session:
        channel = channels.get(session, channel_id)
        sender.test(session, channel, at=clock.now())
        put_on_record(session, "alert_channel.tested", channel.name)
    flash(gettext("A test is on its way: what came of it stands at the channel."), "success")
    return redirect(url_for("alerts.index"))


@blueprint.post("/<int:channel_id>/remove")
@requires("edit")
def remove(channel_id: int) -> Response:
    with atomic() as session:
        channel = channels.get(session, channel_id)
        put_on_record(session, "alert_channel.removed", channel.name, channel.url[:500])
        channels.remove(session, channel, at=clock.now())
    flash(gettext("The channel is gone, and rules name it no more."), "success")
    return redirect(url_for("alerts.index"))


def _wish(given: Mapping[str, str], kind: ChannelKind) -> ChannelWish:
    name, url, user, prefix = (given.get(x, "") for x in ("name", "url", "user", "topic_prefix"))
    return ChannelWish(name, kind, url, user, prefix)


def _sealed(given: Mapping[str, str]) -> str | None:
    """Raises Invalid."""
    secret = channels.checked_secret(given.get("secret", "").strip())
    sealed: str | None = current_app.extensions["seal"].close(secret) if secret else None
    return sealed


def _form(
    channel: AlertChannel | None, kind: ChannelKind, given: Mapping[str, str], error: Invalid | None = None
) -> str:
    problems = {error.field: said(error)} if error else {}
    return render_template("alerts/channel.html", channel=channel, kind=kind, given=given, problems=problems)
