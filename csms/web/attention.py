"""The things that need a person, as rows of the dashboard."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from flask import url_for
from flask_babel import gettext, ngettext

from csms.domain.attention import Item, Matter
from csms.domain.chargers import Attempt, Charger, RefusalCause
from csms.domain.maintenance import Rollout
from csms.domain.payments import Payment
from csms.domain.roaming import Peer
from csms.domain.troubles import TroubleKind
from csms.domain.webhooks import Webhook
from csms.sentences import gettext_noop
from csms.web import filters, languages
from csms.web.security import can
from csms.web.shell import zone

TROUBLES = {
    TroubleKind.NO_START: gettext_noop("a driver cannot start"),
    TroubleKind.NO_STOP: gettext_noop("a driver cannot stop"),
    TroubleKind.STUCK: gettext_noop("the plug is stuck"),
    TroubleKind.DAMAGED: gettext_noop("something is damaged"),
    TroubleKind.OTHER: gettext_noop("a driver has trouble"),
}

PARTINGS = {
    "1000": gettext_noop("the charger hung up"),
    "1001": gettext_noop("the charger went away"),
    "1006": gettext_noop("the connection broke"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A thing that needs a person. `action`: (words, address, glyph) of a form; without it a link, or `href`."""

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
    link: tuple[str, str, str | None] | None = None
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
    if item.peer is not None:
        return _peer_row(item, item.peer)
    if item.webhook is not None:
        return _webhook_row(item, item.webhook)
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
            return Row(**about, what=gettext("cannot be reached"), status="Offline", detail=detail)
        case Matter.TROUBLE:
            return _trouble_row(item, about)
        case Matter.SECURITY | Matter.EXPIRING:
            return _security_row(item, about)
        case Matter.FORWARDING:
            return _forwarding_row(item, about)
    return _fault_row(item, charger, about)


def _forwarding_row(item: Item, about: dict[str, Any]) -> Row:
    about["href"] += "/second-backend"
    what = gettext("its second backend cannot be reached")
    mark, link = (gettext("Second backend"), "wait", "wifi-off"), (gettext("Look at it"), "", None)
    return Row(**about, what=what, mark=mark, detail=languages.stored(item.word), link=link)


def _peer_row(item: Item, peer: Peer) -> Row:
    may_see = can("own")
    href = url_for("roaming.show", peer_id=peer.id) if may_see else url_for("dashboard.show")
    return Row(
        item.key,
        peer.name,
        href,
        gettext("cannot be told what happens here: all of it waits"),
        item.since,
        mark=(gettext("OCPI"), "fault", "globe"),
        detail=languages.stored(item.word),
        link=(gettext("Look at it") if may_see else gettext("For an owner"), "", None),
    )


def _webhook_row(item: Item, webhook: Webhook) -> Row:
    may_see = can("edit")
    href = url_for("webhooks.show", webhook_id=webhook.id) if may_see else url_for("dashboard.show")
    what = gettext("cannot be told what happens here: it is tried again")
    if not webhook.is_enabled:
        what = gettext("is switched off, and told nothing")
    mark = (gettext("Webhook"), "fault", "send-horizontal")
    link = (gettext("Look at it") if may_see else gettext("For an operator"), "", None)
    detail = languages.stored(item.word)
    return Row(item.key, webhook.name, href, what, item.since, mark=mark, detail=detail, link=link)


def _unpriced_row(item: Item) -> Row:
    name = ngettext("%(num)s charger", "%(num)s chargers", item.count)
    what = gettext("without a tariff in force: sessions there cost nothing")
    mark, link = (gettext("No price"), "wait", "receipt"), (gettext("Tariffs"), "", None)
    return Row(item.key, name, url_for("tariffs.index"), what, item.since, mark=mark, link=link)


def _disk_row(item: Item) -> Row:
    what = gettext("has %(share)s %% of its room left", share=item.word)
    mark = (gettext("Disk"), "fault", "triangle-alert")
    detail = gettext("What chargers say can soon not be kept any more.")
    href = url_for("readme.show")
    return Row(item.key, gettext("The disk"), href, what, item.since, mark=mark, detail=detail)


def _rollout_row(item: Item, rollout: Rollout) -> Row:
    href = url_for("firmware.rollout", rollout_id=rollout.id)
    mark = (gettext("Paused"), "wait", "circle-pause")
    what = gettext("of firmware %(version)s goes no further", version=rollout.firmware.version)
    link = (gettext("Look at it"), "", None)
    detail = languages.stored(item.word)
    return Row(item.key, rollout.name, href, what, item.since, mark=mark, detail=detail, link=link)


def _payment_row(item: Item, payment: Payment) -> Row:
    amount = filters.money(payment.held_cents or payment.asked_cents, payment.currency)
    may_see = can("money")
    href = url_for("payments.show", payment_id=payment.id) if may_see else url_for("dashboard.show")
    charger = payment.charger
    where = gettext("at %(charger)s", charger=charger.title) if charger else gettext("for credit")
    return Row(
        item.key,
        gettext("Payment of %(amount)s", amount=amount),
        href,
        where,
        item.since,
        mark=(gettext("Payment"), "fault", "wallet"),
        detail=languages.stored(item.word),
        link=(gettext("Look at it") if may_see else gettext("For the accountant"), "", None),
    )


def _pending_row(charger: Charger, about: dict[str, Any]) -> Row:
    return Row(
        **about,
        what=gettext("wants to be let in"),
        mark=(gettext("New"), "wait", "plus"),
        detail=" ".join(x for x in (charger.vendor, charger.model) if x),
        action=(gettext("Adopt"), url_for("chargers.adopt", charger_id=charger.id), "check"),
        is_new=True,
    )


def _boots_row(charger: Charger, about: dict[str, Any]) -> Row:
    href = url_for("chargers.configuration", charger_id=charger.id)
    what = gettext("boots again and again: templates write nothing there")
    mark, link = (gettext("Boots"), "wait", "rotate-cw"), (gettext("Look at it"), href, None)
    return Row(**about, what=what, mark=mark, link=link)


def _fault_row(item: Item, charger: Charger, about: dict[str, Any]) -> Row:
    """A reset by one click is offered where nobody is charging."""
    fault, where = (item.connector.error_code, item.connector.evse_number) if item.connector else (None, 0)
    orders = url_for("commands.request_for", charger_id=charger.id)
    what = gettext("a fault on connector %(number)s", number=where)
    if fault:
        what = gettext("%(fault)s on connector %(number)s", fault=fault, number=where)
    return Row(
        **about,
        what=what,
        status="Faulted",
        detail=(item.connector and item.connector.error_info) or "",
        action=None if item.is_busy else (gettext("Reset"), orders, "rotate-cw"),
        fields={"kind": "reset"},
    )


def _security_row(item: Item, about: dict[str, Any]) -> Row:
    about["href"] += "/security"
    if item.matter is Matter.EXPIRING:
        what = gettext("connects with a certificate that ends soon")
        if item.until:
            until = filters.localtime(item.until, zone(), "date")
            what = gettext("connects with a certificate that ends %(day)s", day=until)
        mark, link = (gettext("Expiring"), "wait", "clock"), (gettext("Renew"), "", None)
        return Row(**about, what=what, mark=mark, link=link)
    what = gettext("reports a critical security event")
    if item.count > 1:
        what = gettext("reports %(count)s critical security events", count=item.count)
    mark, link = (gettext("Security"), "fault", "shield-check"), (gettext("Look at it"), "", None)
    return Row(**about, what=what, mark=mark, detail=item.word or "", link=link)


def _trouble_row(item: Item, about: dict[str, Any]) -> Row:
    """What a driver tells; *Done* takes it from the list. The charger's messages of that time are a click away."""
    told = item.trouble
    if told is None:
        raise ValueError("an item about trouble has it")
    given = {"number": told.evse_number, "trouble": gettext(TROUBLES[told.kind])}
    what = gettext("connector %(number)s: %(trouble)s", **given)
    if told.count > 1:
        what = gettext("connector %(number)s: %(trouble)s, told %(count)s times", **given, count=told.count)
    about["href"] += "/messages"
    done = url_for("chargers.close_trouble", trouble_id=told.id)
    mark, action = (gettext("Driver"), "wait", "user"), (gettext("Done"), done, "check")
    return Row(**about, what=what, mark=mark, detail=item.word or "", action=action)


def _parting_words(reason: str | None) -> str:
    """Why a connection ended; a bare number is the close code of RFC 6455 §7.4 that the charger gave."""
    code = (reason or "").strip()
    if not code.isdigit():
        return languages.stored(reason)
    if code in PARTINGS:
        return gettext(PARTINGS[code])
    return gettext("the connection was closed with code %(code)s", code=code)


def _attempt_row(item: Item, attempt: Attempt) -> Row:
    href = url_for("attempts.index")
    link: tuple[str, str, str | None] = (gettext("Look at it"), href, None)
    if attempt.cause is RefusalCause.UNKNOWN_CHARGER and can("edit"):
        link = (gettext("Add"), url_for("chargers.new", identity=attempt.identity), "plus")
    what = gettext("was sent away once from %(address)s", address=attempt.address)
    if attempt.count > 1:
        what = gettext(
            "was sent away %(count)s times from %(address)s", count=attempt.count, address=attempt.address
        )
    return Row(
        item.key,
        attempt.identity or gettext("(no identity)"),
        href,
        what,
        item.since,
        mark=(gettext("Refused"), "fault", "ban"),
        detail=languages.stored(attempt.detail),
        link=link,
    )


SESSIONS = {
    Matter.UNENDED: gettext_noop("ended without a stop; the energy is an estimate"),
    Matter.ORPHAN: gettext_noop("of sessions that nobody began here"),
    Matter.DOUBTFUL: gettext_noop("with figures to be looked at"),
    Matter.SILENT: gettext_noop("still open at a charger that has not been heard for long"),
}


def _sessions_row(item: Item) -> Row:
    name = ngettext("%(num)s session", "%(num)s sessions", item.count)
    if item.matter is Matter.ORPHAN:
        name = ngettext("%(num)s report", "%(num)s reports", item.count)
    is_doubtful = item.matter is Matter.DOUBTFUL
    href = url_for("transactions.index", state="ended") if is_doubtful else url_for("repairs.review")
    mark = (gettext("Check"), "wait", "triangle-alert")
    return Row(item.key, name, href, gettext(SESSIONS[item.matter]), item.since, mark=mark)
