"""Channels for alerts: ntfy topics and MQTT brokers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import current_app, url_for
from pydantic import Field

from csms import channels as sender
from csms import clock
from csms.api import guard
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Out, answers
from csms.domain.alerts import AlertChannel, ChannelKind, channels
from csms.domain.alerts.channels import ChannelWish
from csms.extensions import db


class ChannelIn(In):
    """`url`: of an ntfy topic, or mqtt:// or mqtts:// of a broker, which alone has `user` and `topic_prefix`."""

    name: str = Field(min_length=1, max_length=80, examples=["Telephones"])
    kind: ChannelKind
    url: str = Field(max_length=500, examples=["https://ntfy.sh/my-topic"])
    user: str | None = Field(None, max_length=120)
    secret: str | None = Field(
        None,
        max_length=200,
        description="access token or password; absent: as it is, unless `url` or `user` changes",
    )
    topic_prefix: str | None = Field(None, max_length=120, examples=["amberline/alerts"])


class ChannelOut(Out):
    """`answer`: why the latest message was not delivered, of `tried_at`; null: it was, or there was none."""

    id: int
    name: str
    kind: ChannelKind
    url: str
    user: str | None
    has_secret: bool
    topic_prefix: str | None
    answer: str | None
    tried_at: datetime | None
    created_by: str | None
    created_at: datetime


class ChannelList(Out):
    data: list[ChannelOut]


@blueprint.get("/alert-channels")
@spec.validate(resp=answers(200, ChannelList), tags=["alerts"], operation_id="listAlertChannels")
@needs(Scope.ADMIN)
def list_alert_channels() -> ChannelList:
    """Channels by name."""
    return ChannelList(data=[_out(x) for x in channels.listed(db.session())])


@blueprint.post("/alert-channels")
@spec.validate(resp=answers(201, ChannelOut), tags=["alerts"], operation_id="addAlertChannel")
@needs(Scope.ADMIN)
def add_alert_channel(json: ChannelIn) -> Any:
    """A new channel. It is told of rules that name it in `channel_ids`."""
    with unit() as session:
        by = guard.caller().username
        channel = channels.add(session, _wish(json), secret_sealed=_sealed(json), by=by, at=clock.now())
        guard.audit(session, "alert_channel.added", channel.name, channel.url[:500])
        told = _out(channel)
    return told, 201, {"Location": url_for("api.show_alert_channel", channel_id=told.id)}


@blueprint.get("/alert-channels/<int:channel_id>")
@spec.validate(resp=answers(200, ChannelOut), tags=["alerts"], operation_id="getAlertChannel")
@needs(Scope.ADMIN)
def show_alert_channel(channel_id: int) -> ChannelOut:
    """One channel. Its secret is never told."""
    return _out(channels.get(db.session(), channel_id))


@blueprint.put("/alert-channels/<int:channel_id>")
@spec.validate(resp=answers(200, ChannelOut), tags=["alerts"], operation_id="changeAlertChannel")
@needs(Scope.ADMIN)
def change_alert_channel(channel_id: int, json: ChannelIn) -> ChannelOut:
    """Replace a channel; its kind stays."""
    with unit() as session:
        channel = channels.get(session, channel_id)
        channels.change(
            session, channel, _wish(json, channel.kind), secret_sealed=_sealed(json), at=clock.now()
        )
        guard.audit(session, "alert_channel.changed", channel.name, channel.url[:500])
        return _out(channel)


@blueprint.delete("/alert-channels/<int:channel_id>")
@spec.validate(resp=answers(204, None), tags=["alerts"], operation_id="removeAlertChannel")
@needs(Scope.ADMIN)
def remove_alert_channel(channel_id: int) -> tuple[str, int]:
    """Forget a channel, with what waits for it; rules name it no more."""
    with unit() as session:
        channel = channels.get(session, channel_id)
        guard.audit(session, "alert_channel.removed", channel.name, channel.url[:500])
        channels.remove(session, channel, at=clock.now())
    return "", 204


@blueprint.post("/alert-channels/<int:channel_id>/test")
@spec.validate(resp=answers(200, ChannelOut), tags=["alerts"], operation_id="testAlertChannel")
@needs(Scope.ADMIN)
def test_alert_channel(channel_id: int) -> ChannelOut:
    """Send a test, once. What came of it is in `answer` and `tried_at` afterwards."""
    with unit() as session:
        channel = channels.get(session, channel_id)
        sender.test(session, channel, at=clock.now())
        guard.audit(session, "alert_channel.tested", channel.name)
        return _out(channel)


def _wish(given: ChannelIn, kind: ChannelKind | None = None) -> ChannelWish:
    return ChannelWish(given.name, kind or given.kind, given.url, given.user or "", given.topic_prefix or "")


def _sealed(given: ChannelIn) -> str | None:
    """Raises Invalid."""
    secret = channels.checked_secret(given.secret or "")
    sealed: str | None = current_app.extensions["seal"].close(secret) if secret else None
    return sealed


def _out(channel: AlertChannel) -> ChannelOut:
    return ChannelOut.of(channel, has_secret=channel.secret_sealed is not None)
