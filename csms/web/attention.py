"""The things that need a person, as rows of the dashboard."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from flask import url_for

from csms.domain.attention import Item, Matter
from csms.domain.chargers import Attempt, Charger, RefusalCause
from csms.domain.maintenance import Rollout
from csms.domain.payments import Payment
from csms.domain.troubles import TroubleKind
from csms.web import filters
from csms.web.security import can
from csms.web.shell import zone

TROUBLES = {
    TroubleKind.NO_START: "a driver cannot start",
    TroubleKind.NO_STOP: "a driver cannot stop",
    TroubleKind.STUCK: "the plug is stuck",
    TroubleKind.DAMAGED: "something is damaged",
    TroubleKind.OTHER: "a driver has trouble",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A thing that needs a person, in words. `action`: (words, address, glyph) of a form; without it a link."""

    id: str
    name: str
    href: str
    what: str
    since: datetime
    status: str | None = None
    mark: tuple[str, str, str] | None = None
    detail: str = ""
    action: tuple[str, str, str] | None = None
    fields: dict[str, str] = field(default_factory=dict)
    link: tuple[str, str, str | None] = ("Open", "", None)
    is_new: bool = False
    matter: str = ""
    about: str = ""


def row(item: Item) -> Row:
    """An item in words."""
    return replace(_row(item), matter=item.matter.value, about=item.about)


def _row(item: Item) -> Row:
    if item.matter is Matter.UNPRICED:
        return _unpriced_row(item)
    if item.matter is Matter.DISK:
        return _disk_row(item)
    if item.attempt is not None:
        return _attempt_row(item, item.attempt)
    if item.rollout is not None:
        return _rollout_row(item, item.rollout)
    if item.payment is not None:
        return _payment_row(item, item.payment)
    if item.charger is None:
        return _sessions_row(item)
    charger = item.charger
    href = url_for("chargers.show", charger_id=charger.id)
    about: dict[str, Any] = {"id": item.key, "name": charger.title, "href": href, "since": item.since}
    match item.matter:
        case Matter.PENDING:
            return _pending_row(charger, about)
        case Matter.BOOT_LOOP:
            return _boots_row(charger, about)
        case Matter.OFFLINE:
            detail = _parting_words(charger.lease.close_reason if charger.lease else None)
            return Row(**about, what="cannot be reached", status="Offline", detail=detail)
        case Matter.TROUBLE:
            return _trouble_row(item, about)
        case Matter.SECURITY | Matter.EXPIRING:
            return _security_row(item, about)
    return _fault_row(item, charger, about)


def _unpriced_row(item: Item) -> Row:
    name = f"{item.count} charger{'s' if item.count != 1 else ''}"
    what, mark = "without a tariff in force: sessions there cost nothing", ("No price", "wait", "receipt")
    return Row(
        item.key, name, url_for("tariffs.index"), what, item.since, mark=mark, link=("Tariffs", "", None)
    )


def _disk_row(item: Item) -> Row:
    what, mark = f"has {item.word} % of its room left", ("Disk", "fault", "triangle-alert")
    detail = "What chargers say can soon not be kept any more."
    return Row(item.key, "The disk", url_for("readme.show"), what, item.since, mark=mark, detail=detail)


def _rollout_row(item: Item, rollout: Rollout) -> Row:
    href = url_for("firmware.rollout", rollout_id=rollout.id)
    mark = ("Paused", "wait", "circle-pause")
    what = f"of firmware {rollout.firmware.version} goes no further"
    link = ("Look", "", None)
    return Row(item.key, rollout.name, href, what, item.since, mark=mark, detail=item.word or "", link=link)


def _payment_row(item: Item, payment: Payment) -> Row:
    amount = filters.money(payment.held_cents or payment.asked_cents, payment.currency)
    may_see = can("money")
    href = url_for("payments.show", payment_id=payment.id) if may_see else url_for("dashboard.show")
    return Row(
        item.key,
        f"Payment of {amount}",
        href,
        f"at {payment.charger.title}",
        item.since,
        mark=("Payment", "fault", "wallet"),
        detail=item.word or "",
        link=("Look" if may_see else "For the accountant", "", None),
    )


def _pending_row(charger: Charger, about: dict[str, Any]) -> Row:
    return Row(
        **about,
        what="wants to be let in",
        mark=("New", "wait", "plus"),
        detail=" ".join(x for x in (charger.vendor, charger.model) if x),
        action=("Adopt", url_for("chargers.adopt", charger_id=charger.id), "check"),
        is_new=True,
    )


def _boots_row(charger: Charger, about: dict[str, Any]) -> Row:
    href = url_for("chargers.configuration", charger_id=charger.id)
    what = "boots again and again: templates write nothing there"
    return Row(**about, what=what, mark=("Boots", "wait", "rotate-cw"), link=("Look", href, None))


def _fault_row(item: Item, charger: Charger, about: dict[str, Any]) -> Row:
    """A reset by one click is offered where nobody is charging."""
    fault, where = (item.connector.error_code, item.connector.evse_number) if item.connector else (None, 0)
    orders = url_for("commands.request_for", charger_id=charger.id)
    return Row(
        **about,
        what=f"{fault or 'a fault'} on connector {where}",
        status="Faulted",
        detail=(item.connector and item.connector.error_info) or "",
        action=None if item.is_busy else ("Reset", orders, "rotate-cw"),
        fields={"kind": "reset"},
    )


def _security_row(item: Item, about: dict[str, Any]) -> Row:
    about["href"] += "/security"
    if item.matter is Matter.EXPIRING:
        until = filters.localtime(item.until, zone(), "date") if item.until else "soon"
        what, mark = f"connects with a certificate that ends {until}", ("Expiring", "wait", "clock")
        return Row(**about, what=what, mark=mark, link=("Renew", "", None))
    events = f"{item.count} critical security events" if item.count > 1 else "a critical security event"
    mark = ("Security", "fault", "shield-check")
    return Row(**about, what=f"reports {events}", mark=mark, detail=item.word or "", link=("Look", "", None))


def _trouble_row(item: Item, about: dict[str, Any]) -> Row:
    """What a driver tells; *Done* takes it from the list. The charger's messages of that time are a click away."""
    told = item.trouble
    if told is None:
        raise ValueError("an item about trouble has it")
    what = f"connector {told.evse_number}: {TROUBLES[told.kind]}"
    what += f", told {told.count} times" if told.count > 1 else ""
    about["href"] += "/messages"
    done = url_for("chargers.close_trouble", trouble_id=told.id)
    mark = ("Driver", "wait", "user")
    return Row(**about, what=what, mark=mark, detail=item.word or "", action=("Done", done, "check"))


def _parting_words(reason: str | None) -> str:
    """Why a connection ended; a bare number is the close code of RFC 6455 §7.4 that the charger gave."""
    code = (reason or "").strip()
    if not code.isdigit():
        return reason or ""
    words = {"1000": "the charger hung up", "1001": "the charger went away", "1006": "the connection broke"}
    return words.get(code, f"the connection was closed with code {code}")


def _attempt_row(item: Item, attempt: Attempt) -> Row:
    href = url_for("attempts.index")
    link: tuple[str, str, str | None] = ("Look", href, None)
    if attempt.cause is RefusalCause.UNKNOWN_CHARGER and can("edit"):
        link = ("Add", url_for("chargers.new", identity=attempt.identity), "plus")
    times = f"{attempt.count} times" if attempt.count > 1 else "once"
    return Row(
        item.key,
        attempt.identity or "(no identity)",
        href,
        f"was sent away {times} from {attempt.address}",
        item.since,
        mark=("Refused", "fault", "ban"),
        detail=attempt.detail,
        link=link,
    )


def _sessions_row(item: Item) -> Row:
    count = item.count
    plural = "s" if count != 1 else ""
    review, ended = url_for("repairs.review"), url_for("transactions.index", state="ended")
    words = {
        Matter.UNENDED: ("session", "ended without a stop; the energy is an estimate", review),
        Matter.ORPHAN: ("report", "of sessions that nobody began here", review),
        Matter.DOUBTFUL: ("session", "with figures to be looked at", ended),
        Matter.SILENT: ("session", "still open at a charger that has not been heard for long", review),
    }
    name, what, href = words[item.matter]
    name = f"{count} {name}{plural}"
    return Row(item.key, name, href, what, item.since, mark=("Check", "wait", "triangle-alert"))
