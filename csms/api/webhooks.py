"""Webhooks: what other programs are told by themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import current_app, g, url_for
from pydantic import Field

from csms import clock
from csms.api import guard
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Out, answers
from csms.domain import webhooks
from csms.domain.webhooks import Delivery, DeliveryState, Event, Target
from csms.extensions import db


class WebhookChange(In):
    """Only what is given is changed."""

    name: str | None = Field(None, min_length=1, max_length=80, examples=["Billing"])
    url: str | None = Field(None, max_length=500, examples=["https://example.org/hooks"])
    events: list[Event] | None = Field(None, min_length=1, max_length=20)
    is_enabled: bool | None = None


class NewWebhook(In):
    name: str = Field(min_length=1, max_length=80, examples=["Billing"])
    url: str = Field(max_length=500, examples=["https://example.org/hooks"])
    events: list[Event] = Field(min_length=1, max_length=20, examples=[["transaction.ended", "cdr.created"]])


class WebhookOut(Out):
    """`off_why` says why it is switched off; `failures` counts tries in a row that failed."""

    id: int
    name: str
    url: str
    events: list[str]
    is_enabled: bool
    off_why: str | None
    failures: int
    failing_since: datetime | None
    created_by: str | None
    created_at: datetime


class WebhookSecret(WebhookOut):
    """`secret` is told this once."""

    secret: str


class WebhookList(Out):
    data: list[WebhookOut]


class DeliveryQuery(Listing):
    state: DeliveryState | None = None


class DeliveryOut(Out):
    """`body` as it was signed. `answer` is the beginning of the receiver's, or why there was none."""

    id: int
    event_id: str
    event: Event
    state: DeliveryState
    attempts: int
    due_at: datetime | None
    status_code: int | None
    answer: str | None
    took_ms: int | None
    body: str
    created_at: datetime
    settled_at: datetime | None


class DeliveryList(Out):
    data: list[DeliveryOut]
    next_cursor: str | None


class ResentOut(Out):
    """So many are on their way again."""

    count: int


@blueprint.get("/webhooks")
@spec.validate(resp=answers(200, WebhookList), tags=["webhooks"], operation_id="listWebhooks")
@needs(Scope.ADMIN)
def list_webhooks() -> WebhookList:
    """Subscriptions by name."""
    return WebhookList(data=[WebhookOut.of(x) for x in webhooks.listed(db.session())])


@blueprint.post("/webhooks")
@spec.validate(resp=answers(201, WebhookSecret), tags=["webhooks"], operation_id="addWebhook")
@needs(Scope.ADMIN)
def add_webhook(json: NewWebhook) -> Any:
    """Subscribe to what happens from now on. The answer has the secret that signs."""
    secret = webhooks.new_secret()
    target = Target(json.name, json.url, [x.value for x in json.events])
    with unit() as session:
        by = guard.caller().username
        webhook = webhooks.add(session, target, secret_sealed=_sealed(secret), by=by, at=clock.now())
        guard.audit(session, "webhook.added", webhook.name, webhook.url[:500])
        told = WebhookSecret.of(webhook, secret=secret)
    return told, 201, {"Location": url_for("api.show_webhook", webhook_id=told.id)}


@blueprint.get("/webhooks/<int:webhook_id>")
@spec.validate(resp=answers(200, WebhookOut), tags=["webhooks"], operation_id="getWebhook")
@needs(Scope.ADMIN)
def show_webhook(webhook_id: int) -> WebhookOut:
    """One subscription."""
    return WebhookOut.of(webhooks.find(db.session(), webhook_id))


@blueprint.patch("/webhooks/<int:webhook_id>")
@spec.validate(resp=answers(200, WebhookOut), tags=["webhooks"], operation_id="changeWebhook")
@needs(Scope.ADMIN)
def change_webhook(webhook_id: int, json: WebhookChange) -> WebhookOut:
    """Change it, or switch it off and on. What waits when it is switched off is dropped."""
    with unit() as session:
        webhook = webhooks.find(session, webhook_id)
        events = webhook.events if json.events is None else [x.value for x in json.events]
        target = Target(json.name or webhook.name, json.url or webhook.url, events)
        is_enabled = webhook.is_enabled if json.is_enabled is None else json.is_enabled
        webhooks.change(session, webhook, target, is_enabled=is_enabled, at=clock.now())
        guard.audit(session, "webhook.changed", webhook.name, ", ".join(sorted(json.model_fields_set)))
        return WebhookOut.of(webhook)


@blueprint.delete("/webhooks/<int:webhook_id>")
@spec.validate(resp=answers(204, None), tags=["webhooks"], operation_id="removeWebhook")
@needs(Scope.ADMIN)
def remove_webhook(webhook_id: int) -> tuple[str, int]:
    """End a subscription, with its log."""
    with unit() as session:
        webhook = webhooks.find(session, webhook_id)
        guard.audit(session, "webhook.removed", webhook.name, webhook.url[:500])
        webhooks.remove(session, webhook)
    return "", 204


@blueprint.post("/webhooks/<int:webhook_id>/secret")
@spec.validate(resp=answers(200, WebhookSecret), tags=["webhooks"], operation_id="renewWebhookSecret")
@needs(Scope.ADMIN)
def renew_webhook_secret(webhook_id: int) -> WebhookSecret:
    """A new secret; the old one signs no more."""
    secret = webhooks.new_secret()
    g.answer_is_secret = True
    with unit() as session:
        webhook = webhooks.find(session, webhook_id)
        webhook.secret_sealed = _sealed(secret)
        guard.audit(session, "webhook.secret_renewed", webhook.name)
        return WebhookSecret.of(webhook, secret=secret)


@blueprint.post("/webhooks/<int:webhook_id>/test")
@spec.validate(resp=answers(201, DeliveryOut), tags=["webhooks"], operation_id="testWebhook")
@needs(Scope.ADMIN)
def test_webhook(webhook_id: int) -> Any:
    """Send a `ping`, once, also to one that is switched off."""
    with unit() as session:
        delivery = webhooks.test(session, webhooks.find(session, webhook_id), at=clock.now())
        return DeliveryOut.of(delivery), 201


@blueprint.get("/webhooks/<int:webhook_id>/deliveries")
@spec.validate(resp=answers(200, DeliveryList), tags=["webhooks"], operation_id="listWebhookDeliveries")
@needs(Scope.ADMIN)
def list_webhook_deliveries(webhook_id: int, query: DeliveryQuery) -> Any:
    """What was sent in the last 30 days, or is to be, the newest first."""
    webhooks.find(db.session(), webhook_id)
    wanted = webhooks.deliveries(webhook_id, query.state)
    found = page(db.session(), wanted, (Delivery.id,), query, newest_first=True)
    data = [DeliveryOut.of(x) for x in found.rows]
    return DeliveryList(data=data, next_cursor=found.next_cursor), found.headers


@blueprint.post("/webhooks/<int:webhook_id>/deliveries/<int:delivery_id>/resend")
@spec.validate(resp=answers(200, DeliveryOut), tags=["webhooks"], operation_id="resendWebhookDelivery")
@needs(Scope.ADMIN)
def resend_webhook_delivery(webhook_id: int, delivery_id: int) -> DeliveryOut:
    """Send it again now, with the same id, whatever became of it."""
    with unit() as session:
        delivery = webhooks.find_delivery(session, webhook_id, delivery_id)
        webhooks.resend(session, delivery, at=clock.now())
        guard.audit(session, "webhook.resent", delivery.webhook.name, delivery.event_id)
        return DeliveryOut.of(delivery)


@blueprint.post("/webhooks/<int:webhook_id>/resend")
@spec.validate(resp=answers(200, ResentOut), tags=["webhooks"], operation_id="resendMissedWebhookDeliveries")
@needs(Scope.ADMIN)
def resend_missed_webhook_deliveries(webhook_id: int) -> ResentOut:
    """Send all again that failed or was dropped, the oldest first, each with its id; 5,000 at most."""
    with unit() as session:
        webhook = webhooks.find(session, webhook_id)
        count = webhooks.resend_missed(session, webhook, at=clock.now())
        guard.audit(session, "webhook.resent", webhook.name, str(count))
        return ResentOut(count=count)


def _sealed(secret: str) -> str:
    sealed: str = current_app.extensions["seal"].close(secret)
    return sealed
