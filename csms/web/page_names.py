"""The pages by their names, as the field above every page finds them."""

from __future__ import annotations

import unicodedata

from flask import url_for
from flask_babel import gettext

from csms.domain.chargers.filtering import Show
from csms.sentences import gettext_noop
from csms.web.security import can, may_see

PAGES = {
    gettext_noop("Alerts"): "/alerts",
    gettext_noop("API keys"): "/integrations",
    gettext_noop("Audit"): "/settings/audit",
    gettext_noop("Backups"): "/settings/backups",
    gettext_noop("Batches"): "/commands/batches",
    gettext_noop("Card lists"): "/local-lists",
    gettext_noop("Cards"): "/cards",
    gettext_noop("Certificates"): "/certificates",
    gettext_noop("Charge records"): "/cdrs",
    gettext_noop("Chargers"): "/chargers",
    gettext_noop("Charging profiles"): "/charging-profiles",
    gettext_noop("Commands"): "/commands",
    gettext_noop("Configuration"): "/configuration",
    gettext_noop("Conformance"): "/conformance",
    gettext_noop("Dashboard"): "/ui/",
    gettext_noop("Developers"): "/developers",
    gettext_noop("Drift"): "/configuration/drift",
    gettext_noop("Drivers"): "/accounts",
    gettext_noop("Drivers & cards"): "/cards",
    gettext_noop("Find a charger"): "/find",
    gettext_noop("Firmware"): "/firmware",
    gettext_noop("Grid signals"): "/grid",
    gettext_noop("Health"): "/settings/health",
    gettext_noop("Host names"): "/hostnames",
    gettext_noop("Integrations"): "/integrations",
    gettext_noop("Labels"): "/labels",
    gettext_noop("Mails"): "/settings/mail",
    gettext_noop("Map"): "/map",
    gettext_noop("My profile"): "/profile",
    gettext_noop("Nodes"): "/nodes",
    gettext_noop("OCPI peers"): "/integrations/ocpi",
    gettext_noop("Odoo"): "/odoo",
    gettext_noop("Payments"): "/payments",
    gettext_noop("Payouts"): "/payments/payouts",
    gettext_noop("Quiet mode"): "/settings",
    gettext_noop("Refused connections"): "/attempts",
    gettext_noop("Reports"): "/reports",
    gettext_noop("Reservations"): "/reservations",
    gettext_noop("Retention"): "/settings/retention",
    gettext_noop("Revenue"): "/reports",
    gettext_noop("Review"): "/sessions/review",
    gettext_noop("Rollouts"): "/firmware/rollouts",
    gettext_noop("Security"): "/certificates",
    gettext_noop("Security events"): "/certificates/events",
    gettext_noop("Sessions"): "/sessions",
    gettext_noop("Settings"): "/settings",
    gettext_noop("Simulator"): "/simulator",
    gettext_noop("Sites"): "/sites",
    gettext_noop("Smart charging"): "/charging-profiles",
    gettext_noop("Subscriptions"): "/subscriptions",
    gettext_noop("Tariffs"): "/tariffs",
    gettext_noop("Templates"): "/configuration",
    gettext_noop("Uptime"): "/reports/uptime",
    gettext_noop("Users"): "/settings/users",
    gettext_noop("Vehicles"): "/accounts/vehicles",
    gettext_noop("Vouchers"): "/vouchers",
    gettext_noop("Webhooks"): "/webhooks",
}

# What is set or done on pages, as one would ask for it. They are found by parts of their names, and never opened by
# the first letters of one.
SETTINGS = {
    gettext_noop("Accent colour"): "/settings#accent",
    gettext_noop("Add a card"): "/cards/new",
    gettext_noop("Add a driver"): "/accounts/new",
    gettext_noop("Add charger"): "/chargers/new",
    gettext_noop("Address of map tiles"): "/settings#tile_url",
    gettext_noop("CO₂ of your electricity"): "/settings#co2_g_per_kwh",
    gettext_noop("Currency of prices"): "/settings",
    gettext_noop("Help line"): "/settings#help_phone",
    gettext_noop("Import cards"): "/cards/import",
    gettext_noop("Import chargers"): "/chargers/import",
    gettext_noop("Lab mode"): "/settings",
    gettext_noop("Language of my pages"): "/profile#language",
    gettext_noop("Logo"): "/settings#logo",
    gettext_noop("New reservation"): "/reservations/new",
    gettext_noop("New tariff"): "/tariffs/new",
    gettext_noop("Organisation"): "/settings#organisation",
    gettext_noop("Password"): "/profile#password",
    gettext_noop("Postal address"): "/settings#postal_address",
    gettext_noop("Prices"): "/tariffs",
    gettext_noop("Scan a card"): "/cards/scan",
    gettext_noop("Second factor"): "/profile/second-factor",
    gettext_noop("Tax number"): "/settings#tax_number",
    gettext_noop("Time zone"): "/settings#time_zone",
    gettext_noop("VAT"): "/tariffs",
    gettext_noop("Where maps begin"): "/settings#map_center",
}

STATES = {
    Show.AVAILABLE: gettext_noop("Available"),
    Show.CHARGING: gettext_noop("Charging"),
    Show.FAULTED: gettext_noop("Faulted"),
    Show.OFFLINE: gettext_noop("Offline"),
    Show.UNAVAILABLE: gettext_noop("Out of service"),
    Show.PENDING: gettext_noop("Waiting"),
    Show.REJECTED: gettext_noop("Rejected"),
}
ENOUGH = 4  # letters: with so many the beginning of a name stands for it, and the middle of one is meant


def page_called(words: str) -> str | None:
    """The address of the page with this name, if whoever asks may see it. Its first letters do, where none but it
    begins so.
    """
    words = _plain(words)
    named = [x for name, x in PAGES.items() if words in _called(name) and may_see(x)]
    if named:
        return named[0]
    if len(words) < ENOUGH or _in_states(words):
        return None
    begun = {x for name, x in PAGES.items() if any(y.startswith(words) for y in _called(name)) and may_see(x)}
    return begun.pop() if len(begun) == 1 else None


def pages_like(words: str) -> list[tuple[str, str]]:
    """(name, address) of the pages and settings with these words that whoever asks may see, each address once."""
    words = _plain(words)
    known = SETTINGS | PAGES
    found = {known[x]: x for x in reversed(known) if any(_is_in(words, y) for y in _called(x))}
    pages = [
        (gettext(name), address) for address, name in found.items() if may_see(address.partition("#")[0])
    ]
    return _in_states(words) + pages


def _in_states(words: str) -> list[tuple[str, str]]:
    """The chargers that are in the state with this name."""
    if len(words) < ENOUGH or not can("view"):
        return []
    meant = [x for x, name in STATES.items() if any(y.startswith(words) for y in _called(name))]
    return [
        (f"{gettext('Chargers')}: {gettext(STATES[x])}", url_for("chargers.index", status=x.value))
        for x in meant
    ]


def _is_in(words: str, name: str) -> bool:
    """The middle of a name is meant by a long word alone: "vat" is no part of a reservation."""
    return name.startswith(words) or f" {words}" in name or (len(words) > ENOUGH and words in name)


def _called(name: str) -> tuple[str, str]:
    """What a page is called, in the reader's language and in English."""
    return _plain(gettext(name)), _plain(name)


def _plain(words: str) -> str:
    """Without case, and with CO₂ as it is typed."""
    return unicodedata.normalize("NFKC", words).casefold()
