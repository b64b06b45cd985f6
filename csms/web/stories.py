"""What happened in a session, in sentences of the reader's language. Rows in, words out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext, lazy_gettext

from csms.domain.chargers import ConnectorStatus, StatusEvent
from csms.domain.commands import Command, Kind
from csms.domain.transactions import Flag, Transaction, TransactionState
from csms.domain.transactions.curves import Gap
from csms.web import filters

REASONS = {
    "Local": lazy_gettext("ended at the station"),
    "Remote": lazy_gettext("ended from a page, the API or an operator"),
    "EVDisconnected": lazy_gettext("the cable was pulled"),
    "DeAuthorized": lazy_gettext("the card was refused"),
    "EmergencyStop": lazy_gettext("the emergency stop was pressed"),
    "HardReset": lazy_gettext("the station was reset"),
    "SoftReset": lazy_gettext("the station was reset"),
    "Reboot": lazy_gettext("the station restarted by itself"),
    "PowerLoss": lazy_gettext("the station lost its power"),
    "UnlockCommand": lazy_gettext("the connector was unlocked from afar"),
    "Other": lazy_gettext("the station gives no reason"),
    "StopTold": lazy_gettext("its stop has come after all, and stands for these readings"),
    "Superseded": lazy_gettext("the next session began before its end was told"),
    "ClosedByOperator": lazy_gettext("closed by an operator, without the station"),
    "ConnectorFree": lazy_gettext("its end was never told; the connector said that it is free"),
    "Restarted": lazy_gettext("its end was never told; the station restarted"),
    "Silent": lazy_gettext("its end was never told; the station was silent for long"),
}

FLAGS = {
    Flag.METER_RESET: lazy_gettext(
        "The meter fell to nothing during the session; counting went on from there."
    ),
    Flag.METER_BACKWARDS: lazy_gettext(
        "The meter went backwards. Without energy that can be believed nothing is billed."
    ),
    Flag.METER_IMPLAUSIBLE: lazy_gettext(
        "The meter told a value that no station can deliver; that step is not counted."
    ),
    Flag.MISSING_ENERGY: lazy_gettext(
        "The meter moved between the session before and this one: somebody charged unrecorded."
    ),
    Flag.CLOCK_SUSPECT: lazy_gettext(
        "The station's clock was wrong; times are those at which messages arrived."
    ),
    Flag.NO_TIME_ZONE: lazy_gettext("The station writes times without a zone; they were read as UTC."),
    Flag.ESTIMATED: lazy_gettext("No stop was received: the end and the energy are estimates."),
    Flag.UNAUTHORISED: lazy_gettext("The card was refused, and the station charged all the same."),
    Flag.DIFFERING_STOP: lazy_gettext(
        "The station told of a second stop with other figures; the first one counts."
    ),
    Flag.REPAIRED: lazy_gettext("A message was against the specification and has been mended."),
    Flag.RESERVED: lazy_gettext(
        "The connector was kept for another card, and the station let this one charge all the same."
    ),
    Flag.TOLD_BY_API: lazy_gettext(
        "A program told of its begin or its end through the API, in the station's name."
    ),
    Flag.TAKEN_OVER: lazy_gettext("Taken over from another system, which was paid for it."),
    Flag.SALVAGED: lazy_gettext(
        "A message could not be understood; what could be saved is here, for a person to look at."
    ),
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
    return str(REASONS.get(reason or "Other", reason or ""))


def flag_sentences(flags: Iterable[str]) -> list[str]:
    """What a person should know before they trust the figures."""
    return [str(FLAGS[Flag(flag)]) for flag in flags if flag in FLAGS]


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
        yield Chapter(
            transaction.started_at,
            glyph,
            gettext("Card %(card)s: %(verdict)s", card=card, verdict=verdict),
            None,
            kind,
        )
        yield Chapter(
            transaction.started_at,
            "zap",
            gettext("Charging began"),
            _meter(transaction.meter_start_wh),
            "active",
        )
    if transaction.ended_at is not None:
        yield _end(transaction, transaction.ended_at)
    if billed is not None and transaction.end_received_at is not None:
        yield Chapter(
            max(transaction.end_received_at, transaction.ended_at or transaction.started_at),
            "receipt",
            gettext("Billed %(amount)s", amount=billed),
            None,
            "ready",
        )


def _end(transaction: Transaction, at: datetime) -> Chapter:
    if transaction.is_stray:
        detail = _meter(transaction.meter_last_wh) if transaction.stop_reason is None else None
        return Chapter(
            at, "gauge", gettext("The last reading"), detail or reason_words(transaction.stop_reason), "wait"
        )
    because = reason_words(transaction.stop_reason)
    detail = " · ".join(x for x in (because, _meter(transaction.meter_stop_wh)) if x)
    return Chapter(at, "square", gettext("Charging ended"), detail, "active")


def _meter(register_wh: int | None) -> str | None:
    return (
        None if register_wh is None else gettext("meter %(register)s", register=filters.kwh(register_wh, 3))
    )


def _statuses(transaction: Transaction, statuses: Sequence[StatusEvent]) -> Iterator[Chapter]:
    paused = False
    for event in statuses:
        before = event.at <= transaction.started_at
        after = transaction.ended_at is not None and event.at >= transaction.ended_at
        match event.status:
            case ConnectorStatus.PREPARING if before:
                yield Chapter(event.at, "plug-zap", gettext("Plugged in"), None, "active")
            case ConnectorStatus.SUSPENDED_EV if not before and not after:
                paused = True
                yield Chapter(event.at, "pause", gettext("Paused by the car"), None, "active")
            case ConnectorStatus.SUSPENDED_EVSE if not before and not after:
                paused = True
                yield Chapter(event.at, "circle-pause", gettext("Paused by the station"), None, "wait")
            case ConnectorStatus.CHARGING if paused and not after:
                paused = False
                yield Chapter(event.at, "zap", gettext("Charging again"), None, "active")
            case ConnectorStatus.FAULTED if not before:
                yield Chapter(event.at, "triangle-alert", gettext("Fault"), event.error_code, "fault")
            case ConnectorStatus.AVAILABLE if after:
                yield Chapter(event.at, "unplug", gettext("Unplugged"), None, "ready")
                return


def _orders(orders: Sequence[Command]) -> Iterator[Chapter]:
    for order in orders:
        asked = gettext("Start asked for") if order.kind is Kind.START else gettext("Stop asked for")
        by = gettext("by %(who)s", who=order.requested_by) if order.requested_by else None
        yield Chapter(order.requested_at, "send-horizontal", asked, by, "held")
        if order.answered_at is not None:
            answer = order.answer_status or order.state.value
            yield Chapter(
                order.answered_at,
                "circle-check",
                gettext("The station answers: %(answer)s", answer=answer),
                None,
                "held",
            )


def _silences(silences: Sequence[Gap]) -> Iterator[Chapter]:
    for gap in silences:
        words = gettext("No meter values for %(minutes)s min", minutes=round(gap.seconds / 60))
        yield Chapter(gap.begins_at, "clock", words, None, "wait")
