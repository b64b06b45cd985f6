"""What other programs are told when something happens: who wants to know what, and what became of telling them."""

from csms.domain.webhooks.gathering import gather
from csms.domain.webhooks.models import Delivery, DeliveryState, Event, Webhook
from csms.domain.webhooks.rules import new_secret, signature
from csms.domain.webhooks.service import (
    TOPIC,
    Target,
    add,
    change,
    claim,
    deliveries,
    due,
    find,
    find_delivery,
    forget,
    listed,
    missed,
    note_answer,
    remove,
    resend,
    resend_missed,
    tell,
    test,
)

__all__ = [
    "TOPIC",
    "Delivery",
    "DeliveryState",
    "Event",
    "Target",
    "Webhook",
    "add",
    "change",
    "claim",
    "deliveries",
    "due",
    "find",
    "find_delivery",
    "forget",
    "gather",
    "listed",
    "missed",
    "new_secret",
    "note_answer",
    "remove",
    "resend",
    "resend_missed",
    "signature",
    "tell",
    "test",
]
