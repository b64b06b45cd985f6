"""What can be done with many chargers at once, in words: orders to them, and changes of what we keep of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from csms import clock, masks
from csms.domain import chargers as charger_verbs
from csms.domain import commands, energy, sites, tariffs
from csms.domain.base import Invalid, Refused
from csms.domain.batches import Batch
from csms.domain.chargers import Admission, AuthorizationPolicy, Candidate, Charger, editing, tags
from csms.domain.commands import Kind
from csms.domain.energy import RateUnit
from csms.sentences import gettext_noop, told
from csms.web.languages import said
from csms.web.limit_forms import number
from csms.web.limit_forms import until as limit_until
from csms.web.security import actor, put_on_record

Given = Mapping[str, str]
MOST_LIMITED = 200  # each takes a look at what the charger holds

ASK, CHANGE = gettext_noop("Ask the chargers"), gettext_noop("Change what is kept here")
MESSAGES = (
    ("StatusNotification", gettext_noop("Its status")),
    ("MeterValues", gettext_noop("Meter values")),
    ("Heartbeat", gettext_noop("A heartbeat")),
    ("BootNotification", gettext_noop("A boot notification")),
    ("FirmwareStatusNotification", gettext_noop("How its firmware update goes")),
    ("DiagnosticsStatusNotification", gettext_noop("How its upload of diagnostics goes")),
)


@dataclass(frozen=True, slots=True)
class Action:
    """An order, in English as it goes on record.

    `fields`: which fields of the form it has; `fixed`: the arguments that are in its name already.
    """

    name: str
    words: str
    hint: str
    glyph: str
    kind: Kind
    fields: str = ""
    fixed: Mapping[str, Any] | None = None
    group: str = ASK
    permission: str = "operate"

    @property
    def interrupts(self) -> bool:
        return self.kind in (Kind.RESET, Kind.UNLOCK)

    def arguments(self, given: Given) -> dict[str, Any]:
        """What the form says, as the order has it."""
        read = _READ.get(self.fields)
        return dict(self.fixed or {}) | (read(given) if read else {})


@dataclass(frozen=True, slots=True)
class Change:
    """A change of what is kept here, in English as it goes on record.

    `skips`: why a charger is left out; `do` tells what it did, for the audit.
    """

    name: str
    words: str
    hint: str
    glyph: str
    do: Callable[[Session, Sequence[Charger], Given, datetime], str | None]
    done: str
    skips: Callable[[Charger | Candidate], str | None] = lambda _: None
    fields: str = ""
    is_grave: bool = False
    group: str = CHANGE
    permission: str = "edit"


def as_form(batch: Batch) -> dict[str, str]:
    """A batch's order as its form has it."""
    given = {name: str(value) for name, value in masks.keys(batch.arguments).items()}
    if "keys" in batch.arguments:
        given["keys"] = ", ".join(batch.arguments["keys"])
    if batch.includes_busy:
        given["includes_busy"] = "1"
    if batch.per_minute is not None:
        given["per_minute"] = str(batch.per_minute)
    return given


def action_of(batch: Batch) -> Action:
    """The action that a batch came from, or would come from."""
    orders = [x for x in ACTIONS.values() if isinstance(x, Action) and x.kind is batch.kind]
    return next((x for x in orders if (x.fixed or {}).items() <= batch.arguments.items()), orders[0])


def _evse(given: Given) -> dict[str, Any]:
    text = given.get("evse", "").strip()
    if not text:
        return {}
    if not (text.isascii() and text.isdigit() and len(text) < 4):
        raise Invalid("A connector is a number from 1 on.", "evse")
    return {"evse": int(text)}


_READ: Mapping[str, Callable[[Given], dict[str, Any]]] = {
    "evse": _evse,
    "trigger": lambda given: {"message": given.get("message", MESSAGES[0][0])} | _evse(given),
    "keys": lambda given: {"keys": [x.strip() for x in given.get("keys", "").split(",") if x.strip()]},
    "key": lambda given: {"name": given.get("name", "").strip(), "value": given.get("value", "")},
    "data": lambda given: {x: given.get(x, "").strip() for x in ("vendor_id", "message_id", "data")},
}


def _adopt(session: Session, found: Sequence[Charger], _: Given, at: datetime) -> None:
    for charger in found:
        commands.welcome(session, charger, policy=AuthorizationPolicy.KNOWN, by=actor(), at=at)


def _reject(session: Session, found: Sequence[Charger], _: Given, at: datetime) -> None:
    for charger in found:
        charger_verbs.reject(session, charger, at=at)


def _tags(given: Given) -> tuple[str, ...]:
    found = tags.read(given.get("tags", ""))
    if not found:
        raise Invalid("Write at least one tag.", "tags")
    return found


def _tag(session: Session, found: Sequence[Charger], given: Given, _: datetime) -> str:
    wanted = _tags(given)
    tags.add(session, found, wanted)
    return ", ".join(wanted)


def _untag(session: Session, found: Sequence[Charger], given: Given, _: datetime) -> str:
    wanted = _tags(given)
    tags.remove(session, found, wanted)
    return ", ".join(wanted)


def _site(session: Session, found: Sequence[Charger], given: Given, _: datetime) -> str:
    name = given.get("site", "").strip()
    site = None
    if name:
        site, is_new = sites.named(session, name, at=clock.now())
        if is_new:
            put_on_record(session, "site.added", site.name)
    for charger in found:
        editing.stand_at(session, charger, site.id if site else None)
    return site.name if site else gettext_noop("none")


def _tariff(session: Session, found: Sequence[Charger], given: Given, _: datetime) -> str:
    text = given.get("tariff", "")
    if text and not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Invalid("Choose a tariff of the list.", "tariff")
    tariff = tariffs.get(session, int(text)) if text else None
    for charger in found:
        editing.price(session, charger, tariff.id if tariff else None)
    return tariff.name if tariff else gettext_noop("the installation's")


def _limit(session: Session, found: Sequence[Charger], given: Given, at: datetime) -> str:
    """Limit each of them; who refuses is named, and keeps what it has. Raises Invalid, also when all refuse."""
    if len(found) > MOST_LIMITED:
        raise Invalid(
            "At most %(most_limited)s chargers at once: narrow the list.", "limit", most_limited=MOST_LIMITED
        )
    limit_a, until, refused = number("limit"), limit_until(), []
    for charger in found:
        try:
            with session.begin_nested():
                energy.limit_now(session, charger, 0, limit_a, RateUnit.A, until=until, by=actor(), at=at)
        except Refused as error:
            refused.append(charger.title)
            why = said(error)
    if len(refused) == len(found):
        raise Invalid("No charger takes it. %(why)s", "limit", why=why)
    limit = f"{limit_a:g} A"
    return (
        told("%(limit)s; not at %(names)s", limit=limit, names=", ".join(refused[:5])) if refused else limit
    )


def _is_in(charger: Charger | Candidate) -> str | None:
    return gettext_noop("It is let in already.") if charger.admission is Admission.ACCEPTED else None


def _is_out(charger: Charger | Candidate) -> str | None:
    return gettext_noop("It is rejected already.") if charger.admission is Admission.REJECTED else None


_ALL: tuple[Action | Change, ...] = (
    Action(
        "reset-soft",
        gettext_noop("Reset, softly"),
        gettext_noop("Ends sessions properly, then restarts the program."),
        "rotate-cw",
        Kind.RESET,
        fixed={"is_hard": False},
    ),
    Action(
        "reset-hard",
        gettext_noop("Reset, hard"),
        gettext_noop("Like pulling the plug and putting it back."),
        "power",
        Kind.RESET,
        fixed={"is_hard": True},
    ),
    Action(
        "out-of-service",
        gettext_noop("Out of service"),
        gettext_noop("Nobody can start there. Running sessions go on to their end."),
        "ban",
        Kind.AVAILABILITY,
        "evse",
        {"is_operative": False},
    ),
    Action(
        "in-service",
        gettext_noop("Back into service"),
        gettext_noop("Drivers can start there again."),
        "circle-check",
        Kind.AVAILABILITY,
        "evse",
        {"is_operative": True},
    ),
    Action(
        "trigger",
        gettext_noop("Ask for a message"),
        gettext_noop("Its status, its meters, a heartbeat …"),
        "activity",
        Kind.TRIGGER,
        "trigger",
    ),
    Action(
        "unlock",
        gettext_noop("Unlock connectors"),
        gettext_noop("For cables that are stuck."),
        "lock-open",
        Kind.UNLOCK,
        "evse",
    ),
    Action(
        "read-configuration",
        gettext_noop("Read configuration"),
        gettext_noop("All keys, or those that you name."),
        "sliders-horizontal",
        Kind.GET_CONFIGURATION,
        "keys",
    ),
    Action(
        "set-configuration",
        gettext_noop("Set a configuration key"),
        gettext_noop("One value for all of them, once. A template keeps it that way."),
        "pencil",
        Kind.CHANGE_CONFIGURATION,
        "key",
    ),
    Action(
        "clear-cache",
        gettext_noop("Clear card caches"),
        gettext_noop("What chargers remember of cards."),
        "nfc",
        Kind.CLEAR_CACHE,
    ),
    Action(
        "send-list",
        gettext_noop("Update card lists"),
        gettext_noop("Sends what is missing where a list is kept."),
        "send-horizontal",
        Kind.SEND_LOCAL_LIST,
        fixed={"is_full": False},
    ),
    Action(
        "send-list-full",
        gettext_noop("Send card lists in full"),
        gettext_noop("The whole list anew, where one is kept."),
        "refresh-cw",
        Kind.SEND_LOCAL_LIST,
        fixed={"is_full": True},
    ),
    Action(
        "data-transfer",
        gettext_noop("Data transfer"),
        gettext_noop("For what a manufacturer has added to the protocol."),
        "square-terminal",
        Kind.DATA_TRANSFER,
        "data",
    ),
    Change(
        "limit",
        gettext_noop("Limit power"),
        gettext_noop("The whole charger, on each phase. Its own cars share what is left."),
        "gauge",
        _limit,
        gettext_noop("Limit on its way"),
        fields="limit",
        group=ASK,
        permission="operate",
    ),
    Change(
        "adopt",
        gettext_noop("Let in"),
        gettext_noop("Chargers that wait, and rejected ones. Whoever has a known card may charge."),
        "check",
        _adopt,
        gettext_noop("Let in"),
        _is_in,
        permission="operate",
    ),
    Change(
        "reject",
        gettext_noop("Reject"),
        gettext_noop("They are sent away when they connect."),
        "ban",
        _reject,
        gettext_noop("Rejected"),
        _is_out,
        is_grave=True,
        permission="operate",
    ),
    Change(
        "tag",
        gettext_noop("Add tags"),
        gettext_noop("Words of your own to find them by."),
        "plus",
        _tag,
        gettext_noop("Tagged"),
        fields="tags",
    ),
    Change(
        "untag",
        gettext_noop("Take tags away"),
        gettext_noop("From those that have them."),
        "x",
        _untag,
        gettext_noop("Tags taken away"),
        fields="tags",
    ),
    Change(
        "site",
        gettext_noop("Put at a site"),
        gettext_noop("Where they stand."),
        "map-pin",
        _site,
        gettext_noop("Put there"),
        fields="site",
    ),
    Change(
        "tariff",
        gettext_noop("Set the tariff"),
        gettext_noop("For sessions that begin from now on."),
        "receipt",
        _tariff,
        gettext_noop("Tariff set"),
        fields="tariff",
    ),
)
ACTIONS: Mapping[str, Action | Change] = {x.name: x for x in _ALL}
