"""A charger's second backend in words: its state, and what it is told and may ask."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext

from csms.domain import forwarding
from csms.domain.chargers import Charger
from csms.domain.forwarding import Forwarder, ForwardState, Permit, Traffic
from csms.extensions import db

# As (family of the status language, icon, words).
PAUSED = ("wait", "pause", lazy_gettext("Paused"))
STATES = {
    ForwardState.WAITING: ("out", "clock", lazy_gettext("About to connect")),
    ForwardState.IDLE: ("out", "wifi-off", lazy_gettext("Waits for the charger")),
    ForwardState.CONNECTED: ("ready", "circle-check", lazy_gettext("Connected")),
    ForwardState.AWAY: ("fault", "triangle-alert", lazy_gettext("Cannot be reached")),
    ForwardState.NOT_ACCEPTED: ("wait", "clock", lazy_gettext("Does not let the charger in")),
}
# As (value, words, hint).
TRAFFIC = (
    (Traffic.SESSIONS, lazy_gettext("Sessions and meter values"), None),
    (Traffic.CARDS, lazy_gettext("Cards that are shown"), None),
    (Traffic.STATUS, lazy_gettext("Status of connectors"), None),
    (Traffic.UPKEEP, lazy_gettext("Firmware and diagnostics"), None),
    (
        Traffic.VENDOR,
        lazy_gettext("Data transfers"),
        lazy_gettext("What a manufacturer has added to the protocol."),
    ),
)
PERMITS = (
    (Permit.START, lazy_gettext("Start sessions"), lazy_gettext("With cards that may charge here.")),
    (Permit.STOP, lazy_gettext("Stop sessions"), lazy_gettext("Those that it was told of.")),
    (Permit.UNLOCK, lazy_gettext("Unlock connectors"), None),
    (Permit.AVAILABILITY, lazy_gettext("Take out of service and back"), None),
    (Permit.RESET, lazy_gettext("Reset"), None),
    (Permit.TRIGGER, lazy_gettext("Ask for messages"), None),
    (
        Permit.PROFILES,
        lazy_gettext("Set charging profiles"),
        lazy_gettext("In the charger they stand beside those from here."),
    ),
    (
        Permit.CONFIGURATION,
        lazy_gettext("Read its configuration"),
        lazy_gettext("Without keys and passwords."),
    ),
    (Permit.VENDOR, lazy_gettext("Data transfers"), None),
)


def second_backend(charger: Charger) -> dict[str, Any]:
    """What pages show of a charger's second backend; `row` None: it has none."""
    row = db.session.get(Forwarder, charger.id)
    if row is None:
        return {"row": None, "state": None, "address": None, "waiting": 0, "differences": []}
    return {
        "row": row,
        "state": PAUSED if row.is_paused else STATES[row.state],
        "address": forwarding.address(row.url, row.identity),
        "waiting": forwarding.waiting(db.session(), row),
        "differences": [x | {"at": datetime.fromisoformat(x["at"])} for x in row.differences],
    }
