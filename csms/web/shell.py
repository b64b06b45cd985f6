"""What the frame around every page shows. Reckoned when a page asks for it: fragments need none of it."""

from __future__ import annotations

import shutil
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import available_timezones

from flask import Flask, current_app, g, request
from flask_babel import gettext, lazy_gettext
from flask_login import current_user

from csms import clock
from csms.domain import attention, quiet
from csms.domain.accounts import Role
from csms.domain.attention import Matter, Tally
from csms.domain.chargers import Charger
from csms.extensions import db
from csms.web.security import can

TIMES = ("site", "mine", "utc")
THEMES = ("auto", "light", "dark")
ROLE_WORDS = {
    Role.OWNER: lazy_gettext("owner"),
    Role.OPERATOR: lazy_gettext("operator"),
    Role.SUPPORT: lazy_gettext("support"),
    Role.SITE_HOST: lazy_gettext("site host"),
    Role.ACCOUNTANT: lazy_gettext("accountant"),
    Role.INSTALLER: lazy_gettext("installer"),
    Role.DRIVER: lazy_gettext("driver"),
    Role.READ_ONLY: lazy_gettext("read only"),
}

# The pages of the navigation: the key in _nav.html, and the permission to see it.
NAVIGATION = {
    "dashboard": "view",
    "map": "view",
    "sites": "view",
    "chargers": "host",
    "sessions": "host",
    "reservations": "view",
    "commands": "view",
    "alerts": "view",
    "attempts": "view",
    "cards": "view",
    "tariffs": "view",
    "payments": "money",
    "reports": "host",
    "configuration": "view",
    "charging_profiles": "view",
    "grid": "view",
    "firmware": "view",
    "certificates": "view",
    "conformance": "view",
    "nodes": "view",
    "integrations": "own",
    "odoo": "edit",
    "webhooks": "edit",
    "simulator": "operate",
    "settings": "own",
    "me": "self",
    "find": "self",
}
DRIVERS_OWN = {"me", "find"}


class Shell:
    """`shell` of base.html."""

    @cached_property
    def theme(self) -> str:
        chosen = request.cookies.get("theme", "auto")
        return chosen if chosen in THEMES else "auto"

    @cached_property
    def now(self) -> datetime:
        return clock.now()

    @cached_property
    def zone(self) -> str:
        return zone()

    @cached_property
    def times(self) -> str:
        return times()

    @cached_property
    def tally(self) -> Tally:
        return attention.tally(db.session(), at=self.now, free_share=free_share()) if can("view") else Tally()

    @property
    def attention(self) -> int:
        return self.tally.total

    @property
    def faults(self) -> int:
        return self.tally.counts.get(Matter.FAULTED, 0)

    @property
    def counts(self) -> dict[str, int]:
        return {
            "chargers": self.tally.chargers,
            "sessions": self.tally.running,
            "attempts": self.tally.counts.get(Matter.REFUSED, 0),
        }

    @cached_property
    def hidden(self) -> set[str]:
        """What this role may not see, and of whom nobody drives what drivers have."""
        hidden = {key for key, permission in NAVIGATION.items() if not can(permission)}
        is_driver = not can("host") or current_user.account_id is not None
        return hidden if is_driver else hidden | DRIVERS_OWN

    @property
    def lab_mode(self) -> str | None:
        if not (current_app.config["LAB"] and can("host")):
            return None
        return gettext("Lab mode: any charger that knows this address is let in, and anybody may charge.")

    @cached_property
    def quiet_mode(self) -> str | None:
        if not self.tally.is_quiet:
            return None
        return gettext("Quiet mode: chargers are sent nothing but answers and what somebody orders.")

    @property
    def is_quiet(self) -> bool:
        """Does quiet mode hold for every charger that is not set otherwise? Most pages know by their tally."""
        return self.tally.is_quiet if can("view") else is_installation_quiet()

    @property
    def can_end_quiet(self) -> bool:
        return can("edit")

    @property
    def can_close_lab(self) -> bool:
        return can("own")

    @property
    def user(self) -> str:
        return str(current_user.username)

    @property
    def role(self) -> str:
        return str(ROLE_WORDS[current_user.role])


def shell() -> Shell:
    """That of the page that is being made: it and its frame ask for nothing twice."""
    if "shell" not in g:
        g.shell = Shell()
    found: Shell = g.shell
    return found


def times() -> str:
    """On whose clocks whoever is asking reads times: site, mine or utc. Mine where their profile has a zone."""
    chosen = request.cookies.get("times", "") if current_user.is_authenticated else ""
    if chosen in TIMES:
        return chosen
    return "mine" if current_user.is_authenticated and current_user.time_zone else "site"


def free_share() -> float:
    """How much of the disk that holds what the server keeps is free, of 1."""
    used = shutil.disk_usage(current_app.extensions["settings"].instance_dir)
    return used.free / used.total


def zone(charger_id: int | None = None) -> str:
    """The IANA name of the zone that whoever is asking reads times in.

    As they have chosen it: UTC; their own, which is their profile's or their browser's; or that of the site of
    `charger_id`, or of the charger that the page's address names. The installation's where there is none.
    """
    match times():
        case "utc":
            return "UTC"
        case "mine":
            found = current_user.time_zone or _browser_zone()
        case _:
            found = _site_zone(charger_id)
    return str(found or current_app.extensions["settings"].time_zone.key)


def site_zone(charger_id: int | None) -> str:
    """That of the charger's site, else the installation's: for what is written to others than whoever is asking."""
    return str(_site_zone(charger_id) or current_app.extensions["settings"].time_zone.key)


def _browser_zone() -> str | None:
    """What the browser has told of where it is."""
    told = request.cookies.get("zone", "")
    return told if told in available_timezones() else None


def _site_zone(charger_id: int | None) -> str | None:
    asked = charger_id or (request.view_args or {}).get("charger_id")
    if not isinstance(asked, int):
        return None
    charger = db.session().get(Charger, asked)
    return charger.site.time_zone if charger is not None and charger.site is not None else None


def register(app: Flask) -> None:
    """Give every template `shell`, `theme` and `organisation`."""

    @app.context_processor
    def _frame() -> dict[str, Any]:
        return {
            "shell": shell(),
            "theme": shell().theme,
            "organisation": app.extensions["settings"].organisation,
        }


def is_installation_quiet() -> bool:
    """Does quiet mode hold for every charger that is not set otherwise? Asked once for a page."""
    if "is_quiet" not in g:
        g.is_quiet = quiet.is_installation_quiet(db.session())
    return bool(g.is_quiet)
