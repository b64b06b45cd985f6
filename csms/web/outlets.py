"""What the connectors of one charger show now: their state in a sentence, and the sessions on them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from flask_babel import gettext, lazy_gettext

from csms.domain.chargers import Charger, Connector, ConnectorStatus
from csms.domain.reservations import Reservation
from csms.domain.reservations import queries as reservation_queries
from csms.domain.transactions import Transaction, curves
from csms.domain.transactions import queries as transaction_queries
from csms.domain.transactions.queries import Wanted
from csms.extensions import db
from csms.web import filters, session_rows
from csms.web.bills import tariff_name
from csms.web.security import card_number
from csms.web.shell import zone

SENTENCES = {
    ConnectorStatus.AVAILABLE: lazy_gettext("Free. A driver can plug in and present a card."),
    ConnectorStatus.PREPARING: lazy_gettext(
        "A car is plugged in and waits for a card, or for a start from here."
    ),
    ConnectorStatus.CHARGING: lazy_gettext(
        "The charger says that it is charging, but has not told of a session."
    ),
    ConnectorStatus.FINISHING: lazy_gettext("The session is over; the car is still plugged in."),
    ConnectorStatus.RESERVED: lazy_gettext("Kept for somebody."),
    ConnectorStatus.UNAVAILABLE: lazy_gettext("Out of service: nobody can start here."),
    ConnectorStatus.FAULTED: lazy_gettext("The charger reports a fault: nobody can start here."),
    ConnectorStatus.UNKNOWN: lazy_gettext("The charger has not said anything of this connector yet."),
}


@dataclass(frozen=True, slots=True)
class Running:
    """A session on a connector, with what its card draws."""

    transaction: Transaction
    who: str
    tariff: str | None
    status: str
    cost_cents: int | None
    currency: str
    power_samples_w: list[int | None]
    axis: tuple[str, ...]
    phases: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Outlet:
    """A connector and what happens there."""

    connector: Connector
    status: str
    sentence: str
    running: Running | None
    kept: Reservation | None


def shown(charger: Charger, is_online: bool, at: datetime) -> dict[str, Any]:
    """What the live part of a charger's page shows of its connectors."""
    active = transaction_queries.active(db.session(), Wanted(charger_id=charger.id))
    by_connector = {x.connector_id: x for x in active}
    kept = {x.evse: x for x in reservation_queries.kept(db.session(), [charger.id], at)}
    outlets = [
        _outlet(x, is_online, by_connector.get(x.id), kept.get(x.evse_number), at) for x in charger.connectors
    ]
    return {"outlets": outlets, "kept_anywhere": kept.get(0)}


def _outlet(
    connector: Connector,
    is_online: bool,
    transaction: Transaction | None,
    kept: Reservation | None,
    at: datetime,
) -> Outlet:
    sentence = str(SENTENCES.get(connector.status, ""))
    if not is_online:
        sentence = gettext(
            "Nobody knows what happens there now. What it does meanwhile it tells when it is back."
        )
    elif connector.status is ConnectorStatus.FAULTED:
        sentence = ": ".join(x for x in (connector.error_code or gettext("Fault"), connector.error_info) if x)
    running = _running(transaction, at) if transaction is not None else None
    return Outlet(connector, connector.status.value, sentence, running, kept)


def _running(transaction: Transaction, at: datetime) -> Running:
    readings = transaction_queries.readings(db.session(), transaction.id)
    curve = curves.curve(readings, transaction.started_at, at, start_wh=transaction.meter_start_wh)
    begun, here = filters.localtime(transaction.started_at, zone(), "clock"), zone()
    return Running(
        transaction=transaction,
        who=_who(transaction),
        tariff=tariff_name(transaction.tariff_version) if transaction.tariff_version else None,
        status=session_rows.status_of(transaction, at),
        cost_cents=session_rows.cost_of(transaction, at),
        currency=session_rows.currency_of(transaction),
        power_samples_w=[step.power_w for step in curve],
        axis=(begun, filters.localtime(at, here, "clock")),
        phases=_phases(readings[-1].samples) if readings else (),
    )


def _who(transaction: Transaction) -> str:
    card = gettext("no card")
    if transaction.id_tag:
        card = gettext("card %(number)s", number=card_number(transaction.id_tag))
    return f"{transaction.account.name} · {card}" if transaction.account else card


def _phases(samples: str) -> tuple[tuple[str, str], ...]:
    """("L1", "15.8 A · 231 V") for each phase that the last reading tells of."""
    found: dict[str, list[str]] = {}
    for sample in orjson.loads(samples):
        phase = (sample.get("phase") or "")[:2]
        if (
            phase in ("L1", "L2", "L3")
            and sample.get("unit") in ("A", "V")
            and sample.get("value") is not None
        ):
            found.setdefault(phase, []).append(f"{filters.number(sample['value'], 1)}\u00a0{sample['unit']}")
    return tuple((phase, " · ".join(values)) for phase, values in sorted(found.items()))
