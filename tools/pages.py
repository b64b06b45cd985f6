"""Writes docs/pages.md: every page of the product, its address, who may see it, and what it looks like.

    python -m tools.pages [--check]

A page is what answers GET with a whole template, unless only to say what is wrong. That is read from the routes and
their views: a new one is found by itself. Whatever else answers GET stands in EXCEPTIONS with its reason; a page whose
title depends on what it is about, in NAMES. `SAVE_SCREENSHOTS=1 make browser` draws the pictures.
Exit status 1 when an address is neither or has no name, or with --check when docs/pages.md is not up to date.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from config import Config
from csms import create_app, web
from csms.domain.accounts import Role
from csms.web.security import DEFAULT_PERMISSION, PERMISSIONS, is_public
from tools.documents import ROOT, keep

DOCUMENT = ROOT / "docs" / "pages.md"
PICTURES = ROOT / "docs" / "images" / "pages"
HEAD = """# Pages

Every page, who may see it, and what it looks like in the demonstration (`make demo`).
Written by `python -m tools.pages` from the routes; `SAVE_SCREENSHOTS=1 make browser` renews the pictures.

| Page | Address | Who may see it | Picture |
|---|---|---|---|
"""
MORE = """
## What else answers at an address

Parts of pages are read again while a page is open. The rest:

| Address | What it is |
|---|---|
"""
EXCEPTIONS = {
    "basemap.streets_file": "Streets for maps, from a file of the operator's",
    "branding.icon": "The installation's icon for the browser's tab",
    "branding.picture": "The installation's logo",
    "branding.stylesheet": "The installation's accent colour",
    "chargers.log_file": "A file that a charger has uploaded",
    "firmware.content": "The file",
    "health.alive": "Whether the server is up, for whatever starts it",
    "health.ready": "Whether the server can work, for whatever watches it",
    "landing.labelled": "An address on old labels; leads to the connector's page",
    "landing.labelled_status": "An address on old labels; leads to the connector's page",
    "landing.typed": "The short code of a label; leads to the connector's page",
    "map.points": "Where chargers stand, for the map",
    "me.show": "The short address of *My account*",
    "metrics.show": "Figures for Prometheus",
    "sites.picture": "The picture of a site's plan",
    "sso.come_back": "Where the issuer of OpenID Connect sends people back to, who are logged in then",
    "sso.leave": "Leads to the issuer of OpenID Connect, where people log in",
    "transfers.fetch": "Firmware for chargers; the address is the secret",
}
NAMES = {
    "accounts.show": "Driver",
    "alert_channels.new": "New alert channel",
    "alert_channels.show": "Alert channel",
    "alerts.new": "New alert rule",
    "alerts.show": "Alert rule",
    "attempts.show": "Refused connection",
    "batches.show": "Batch of commands",
    "bulk.index": "Many chargers: what to do with them",
    "bulk.show": "Many chargers: one command for all",
    "chargers.charger": "Charger: conformance",
    "chargers.configuration": "Charger: configuration",
    "chargers.firmware": "Charger: firmware and logs",
    "chargers.messages": "Charger: messages",
    "chargers.readings": "Charger: readings",
    "chargers.second": "Charger: second backend",
    "chargers.security_tab": "Charger: security",
    "chargers.sessions": "Charger: sessions",
    "chargers.settings": "Charger: settings",
    "chargers.show": "Charger: live",
    "charging_profiles.edit": "Edit a charging profile",
    "charging_profiles.new": "New charging profile",
    "charging_profiles.show": "Charging profile",
    "commands.confirm": "Charger: confirm a command",
    "commands.show": "Command",
    "configuration.new": "New configuration template",
    "configuration.show": "Configuration template",
    "dashboard.show": "Dashboard",
    "driving.ask": "Driver's session: stop",
    "driving.receipt": "Driver's session: receipt",
    "driving.show": "Driver's session",
    "energy.of_session": "Session: limits",
    "energy.preview": "Charger: clear its limits",
    "energy.show": "Charger: smart charging",
    "entrance.ask": "Log in by e-mail, or ask for a new password",
    "entrance.open_email": "Confirm an e-mail address",
    "entrance.open_link": "Log in by the link of a mail",
    "firmware.plan": "Roll out a firmware",
    "firmware.rollout": "Rollout",
    "firmware.show": "One firmware",
    "home.show": "Home",
    "integrations.show": "API key",
    "landing.asked": "Station: a start under way",
    "landing.numbered": "Station, by the number of its connector",
    "landing.paying": "Station: pay by bank card",
    "landing.show": "Station",
    "landing.status": "Station: status",
    "landing.trouble": "Station: it does not react",
    "me.top_up": "Top up credit by bank card",
    "odoo.new": "New Odoo server",
    "odoo.show": "Odoo server",
    "payment_settings.show": "Payment settings",
    "people.show": "User",
    "readme.document": "Documentation: another document",
    "readme.show": "Documentation",
    "receipt_copies.show": "Receipt alone, for whoever may not see the card",
    "reservations.show": "Reservation",
    "roaming.show": "OCPI peer",
    "second_factor.ask": "Log in: the code of the second factor",
    "setup.explain": "Set-up, without a link",
    "simulator.entry": "Simulated charger",
    "simulator.new_entry": "New simulated charger",
    "sites.edit": "Edit a site",
    "sites.new": "Add a site",
    "sites.plan": "Site: plan",
    "sites.show": "Site",
    "slots.show": "Charger: slots",
    "subscriptions.show": "Subscription offer",
    "tariffs.new": "New tariff",
    "tariffs.revise": "New version of a tariff",
    "tariffs.show": "Tariff",
    "tokens.new": "Add a card",
    "tokens.show": "Card",
    "tokens.show_scan": "Scan a card: waiting for it",
    "transactions.show": "Session",
    "webhooks.edit": "Edit a webhook",
    "webhooks.new": "New webhook",
    "webhooks.show": "Webhook",
}
FILE = re.compile(r"\.(csv|jsonl?|pdf|pem|png|svg|xlsx|xml|zip)$")
TITLE = re.compile(r"{% block title %}(.*?){% endblock %}", re.DOTALL)
SPOKEN = re.compile(r'{{ _\("([^"]+)"\) }}')  # a title in the language of whoever reads it
WHERE = re.compile(r" · {{ \w+ }}$")  # behind it, the operator


class Unknown(Exception):
    """An address that is neither a page nor an exception, or a page without a name."""


@dataclass(frozen=True)
class Address:
    """Something that answers GET."""

    rule: Rule
    view: Callable[..., Any]

    @property
    def endpoint(self) -> str:
        return str(self.rule.endpoint)

    @cached_property
    def templates(self) -> frozenset[str]:
        return frozenset(_templates(inspect.unwrap(self.view), set()))

    @property
    def is_page(self) -> bool:
        return any(_is_whole(x) for x in self.templates)

    @property
    def is_part(self) -> bool:
        return bool(self.templates) and not self.is_page

    @property
    def exception(self) -> str | None:
        """Why it is neither a page nor a part of one; None when nobody knows."""
        if self.endpoint in EXCEPTIONS:
            return EXCEPTIONS[self.endpoint]
        if FILE.search(self.rule.rule):
            return "A file to keep"
        if self.rule.rule.endswith("/live"):
            return "Stream of events: names of what has changed"
        return None

    @property
    def who(self) -> str:
        """The roles that may see it."""
        asked = getattr(self.view, "permission", None)
        if asked is None and is_public(self.endpoint):
            return "everybody"
        roles = [role for role in Role if (asked or DEFAULT_PERMISSION) in PERMISSIONS[role]]
        missing = [role for role in Role if role not in roles]
        if not missing:
            return "whoever is logged in"
        if len(missing) < len(roles):
            return "all but " + ", ".join(_words(role.value) for role in missing)
        return ", ".join(_words(role.value) for role in roles)

    @property
    def name(self) -> str | None:
        """What it is called here, or its title, where that is fixed; None where nobody knows."""
        titles = {_title(x) for x in self.templates if _is_whole(x)}
        return NAMES.get(self.endpoint) or (titles.pop() if len(titles) == 1 else None)

    @property
    def picture(self) -> Path:
        return picture(self.endpoint)


def picture(endpoint: str) -> Path:
    return PICTURES / f"{endpoint.replace('.', '-')}.webp"


def addresses(app: Flask) -> Iterator[Address]:
    """What answers GET at the people's door."""
    ours = {blueprint.name for blueprint in web.BLUEPRINTS}
    for rule in sorted(app.url_map.iter_rules(), key=lambda x: (x.rule, x.endpoint)):
        if (
            rule.endpoint.partition(".")[0] in ours
            and "GET" in (rule.methods or ())
            and not rule.websocket
            and rule.redirect_to is None
        ):
            yield Address(rule, app.view_functions[rule.endpoint])


def pages(app: Flask) -> list[Address]:
    return [address for address in addresses(app) if address.is_page]


def strays(app: Flask) -> list[Address]:
    """Neither a page, nor a part of one, nor an exception."""
    return [x for x in addresses(app) if not x.templates and x.exception is None]


def document(app: Flask) -> str:
    """The whole document. Raises Unknown."""
    unknown = [f"{x.rule.rule} ({x.endpoint}): a page, or an exception?" for x in strays(app)]
    unknown += [f"{x.rule.rule} ({x.endpoint}): what is it called?" for x in pages(app) if x.name is None]
    if unknown:
        raise Unknown("\n".join(unknown))
    rows = "".join(row(x) for x in pages(app))
    rest = [x for x in addresses(app) if not x.templates]
    return HEAD + rows + MORE + "".join(f"| `{shown(x.rule)}` | {x.exception} |\n" for x in rest)


def row(page: Address) -> str:
    """Its line of the table."""
    picture = f"[picture](images/pages/{page.picture.name})" if page.picture.exists() else ""
    return f"| {page.name} | `{shown(page.rule)}` | {page.who} | {picture} |\n"


def shown(rule: Rule) -> str:
    return re.sub(r"<(?:[^:>]+:)?(\w+)>", r"{\1}", rule.rule)


def _words(text: str) -> str:
    text = re.sub(r"[_-]", " ", text)
    return text[:1].upper() + text[1:]


def _is_whole(template: str) -> bool:
    folder, _, name = template.rpartition("/")
    return not name.startswith("_") and folder != "errors"


def _title(template: str) -> str | None:
    """The title of a page, None where it depends on what the page is about."""
    found = TITLE.search((ROOT / "templates" / template).read_text())
    title = SPOKEN.sub(r"\1", WHERE.sub("", found[1])) if found else "{"
    return title if "{" not in title else None


def _templates(function: object, seen: set[object]) -> Iterator[str]:
    """The templates that a view names, itself or by the functions of ours that it calls."""
    if function in seen or not isinstance(function, FunctionType):
        return
    if not function.__module__.startswith("csms.web"):
        return
    seen.add(function)
    for node in _written(function):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.endswith(".html"):
            yield node.value
        elif isinstance(node, ast.Call):
            yield from _templates(_called(node.func, function), seen)


@functools.cache  # what it calls is called by many
def _written(function: FunctionType) -> tuple[ast.AST, ...]:
    return tuple(_parts(ast.parse(textwrap.dedent(inspect.getsource(function)))))


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """All of it but what is answered when something is wrong: `return page, 404`."""
    match node:
        case ast.Return(ast.Tuple([_, ast.Constant(int(status))])) if status >= 400:
            return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _parts(child)


def _called(name: ast.expr, function: FunctionType) -> object:
    known = function.__globals__
    if isinstance(name, ast.Name):
        found = known.get(name.id)
    elif isinstance(name, ast.Attribute) and isinstance(name.value, ast.Name):
        room = known.get(name.value.id)
        found = vars(room).get(name.attr) if isinstance(room, ModuleType) else None
    else:
        found = None
    return inspect.unwrap(found) if isinstance(found, FunctionType) else None


def product() -> Flask:
    """The application, for its routes."""
    folder = Path(tempfile.mkdtemp())
    settled = replace(
        Config(), instance_dir=folder, secret_key="k" * 43, database_url=f"sqlite:///{folder}/pages.db"
    )
    return create_app(settled)


def main(arguments: list[str]) -> int:
    try:
        written = document(product())
    except Unknown as error:
        print(error, file=sys.stderr)
        return 1
    return keep(DOCUMENT, written, "tools.pages", arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
