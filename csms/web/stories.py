"""What happened in a session, in sentences. Pure: rows in, words out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from csms.domain.chargers import ConnectorStatus, StatusEvent
from csms.domain.commands import Command, Kind
from csms.domain.transactions import Flag, Transaction, TransactionState
from csms.domain.transactions.curves import Gap

REASONS = {
    "Local": "ended at the station",
    "Remote": "ended from a page, the API or an operator",
    "EVDisconnected": "the cable was pulled",
    "DeAuthorized": "the card was refused",
    "EmergencyStop": "the emergency stop was pressed",
    "HardReset": "the station was reset",
    "SoftReset": "the station was reset",
    "Reboot": "the station restarted by itself",
    "PowerLoss": "the station lost its power",
    "UnlockCommand": "the connector was unlocked from afar",
    "Other": "the station gives no reason",
    "StopTold": "its stop has come after all, and stands for these readings",
    "Superseded": "the next session began before its end was told",
    "ClosedByOperator": "closed by an operator, without the station",
    "ConnectorFree": "its end was never told; the connector said that it is free",
    "Restarted": "its end was never told; the station restarted",
    "Silent": "its end was never told; the station was silent for long",
}

FLAGS = {
    Flag.METER_RESET: "The meter fell to nothing during the session; counting went on from there.",
    Flag.METER_BACKWARDS: "The meter went backwards. Without energy that can be believed nothing is billed.",
    Flag.METER_IMPLAUSIBLE: "The meter told a value that no station can deliver; that step is not counted.",
    Flag.MISSING_ENERGY: "The meter moved between the session before and this one: somebody charged unrecorded.",
    Flag.CLOCK_SUSPECT: "The station's clock was wrong; times are those at which messages arrived.",
    Flag.NO_TIME_ZONE: "The station writes times without a zone; they were read as UTC.",
    Flag.ESTIMATED: "No stop was received: the end and the energy are estimates.",
    Flag.UNAUTHORISED: "The card was refused, and the station charged all the same.",
    Flag.DIFFERING_STOP: "The station told of a second stop with other figures; the first one counts.",
    Flag.REPAIRED: "A message was against the specification and has been mended.",
    Flag.RESERVED: "The connector was kept for another card, and the station let this one charge all the same.",
    Flag.TOLD_BY_API: "A program told of its begin or its end through the API, in the station's name.",
    Flag.TAKEN_OVER: "Taken over from another system, which was paid for it.",
    Flag.SALVAGED: "A message could not be understood; what could be saved is here, for a person to look at.",
}


@dataclass(frozen=True)
class Chapter:
    """One thing that happened. `kind` is a family of the status language."""

    at: datetime
    glyph: str
    words: str
    detail: str | None = None
    kind: str = "out"


def reason_words(reason: str | None) -> str:
    """Why a session ended, for a person."""
    return REASONS.get(reason or "Other", reason or "")


def flag_sentences(flags: Iterable[str]) -> list[str]:
    """What a person should know before they trust the figures."""
    return [FLAGS[Flag(flag)] for flag in flags if flag in FLAGS]


def timeline(
    transaction: Transaction,
    statuses: Sequence[StatusEvent],
    orders: Sequence[Command],
    silences: Sequence[Gap],
    *,
    billed: str | None,
    card: str,
) -> list[Chapter]:
    """The session from the plug to the bill, oldest first. `billed` is the amount in words, `card` its number."""
    chapters = [
        *_orders(orders),
        *_statuses(transaction, statuses),
        *_silences(silences),
        *_own(transaction, billed, card),
    ]
    return sorted(chapters, key=lambda x: x.at)


def _own(transaction: Transaction, billed: str | None, card: str) -> Iterator[Chapter]:
    verdict = transaction.authorization.value
    if transaction.state is not TransactionState.ORPHAN:
        accepted = verdict == "Accepted"
        kind = "ready" if accepted else "fault"
        glyph = "shield-check" if accepted else "circle-x"
        yield Chapter(transaction.started_at, glyph, f"Card {card}: {verdict}", None, kind)
        yield Chapter(
            transaction.started_at, "zap", "Charging began", _meter(transaction.meter_start_wh), "active"
        )
    if transaction.ended_at is not None:
        yield _end(transaction, transaction.ended_at)
    if billed is not None and transaction.end_received_at is not None:
        yield Chapter(
            max(transaction.end_received_at, transaction.ended_at or transaction.started_at),
            "receipt",
            f"Billed {billed}",
            None,
            "ready",
        )


def _end(transaction: Transaction, at: datetime) -> Chapter:
    if transaction.is_stray:
        detail = _meter(transaction.meter_last_wh) if transaction.stop_reason is None else None
        return Chapter(
            at, "gauge", "The last reading", detail or reason_words(transaction.stop_reason), "wait"
        )
    because = reason_words(transaction.stop_reason)
    detail = " · ".join(x for x in (because, _meter(transaction.meter_stop_wh)) if x)
    return Chapter(at, "square", "Charging ended", detail, "active")


def _meter(register_wh: int | None) -> str | None:
    return None if register_wh is None else f"meter {register_wh / 1000:,.3f} kWh".replace(",", "\u202f")


def _statuses(transaction: Transaction, statuses: Sequence[StatusEvent]) -> Iterator[Chapter]:
    paused = False
    for event in statuses:
        before = event.at <= transaction.started_at
        after = transaction.ended_at is not None and event.at >= transaction.ended_at
        match event.status:
            case ConnectorStatus.PREPARING if before:
                yield Chapter(event.at, "plug-zap", "Plugged in", None, "active")
            case ConnectorStatus.SUSPENDED_EV if not before and not after:
                paused = True
                yield Chapter(event.at, "pause", "Paused by the car", None, "active")
            case ConnectorStatus.SUSPENDED_EVSE if not before and not after:
                paused = True
                yield Chapter(event.at, "circle-pause", "Paused by the station", None, "wait")
            case ConnectorStatus.CHARGING if paused and not after:
                paused = False
                yield Chapter(event.at, "zap", "Charging again", None, "active")
            case ConnectorStatus.FAULTED if not before:
                yield Chapter(event.at, "triangle-alert", "Fault", event.error_code, "fault")
            case ConnectorStatus.AVAILABLE if after:
                yield Chapter(event.at, "unplug", "Unplugged", None, "ready")
                return


def _orders(orders: Sequence[Command]) -> Iterator[Chapter]:
    for order in orders:
        what = "Start" if order.kind is Kind.START else "Stop"
        by = f"by {order.requested_by}" if order.requested_by else None
        yield Chapter(order.requested_at, "send-horizontal", f"{what} asked for", by, "held")
        if order.answered_at is not None:
            answer = order.answer_status or order.state.value
            yield Chapter(order.answered_at, "circle-check", f"The station answers: {answer}", None, "held")


def _silences(silences: Sequence[Gap]) -> Iterator[Chapter]:
    for gap in silences:
        words = f"No meter values for {round(gap.seconds / 60)} min"
        yield Chapter(gap.begins_at, "clock", words, None, "wait")
