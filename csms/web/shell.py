"""What the frame around every page shows. Reckoned when a page asks for it: fragments need none of it."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Any

from flask import Flask, current_app, g, request
from flask_login import current_user

from csms import clock
from csms.domain import attention
from csms.domain.attention import Tally
from csms.extensions import db
from csms.web.security import can

THEMES = ("auto", "light", "dark")
ROLE_WORDS = {"site_host": "site host", "read_only": "read only"}

# The pages of the navigation: the key in _nav.html, and the permission to see it.
NAVIGATION = {
    "dashboard": "view",
    "map": "view",
    "chargers": "view",
    "sessions": "view",
    "commands": "view",
    "attempts": "view",
    "cards": "view",
    "tariffs": "view",
    "simulator": "operate",
    "settings": "own",
}


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
    def _tally(self) -> Tally:
        return attention.tally(db.session(), at=self.now) if can("view") else Tally()

    @property
    def attention(self) -> int:
        return self._tally.total

    @property
    def faults(self) -> int:
        return self._tally.faults

    @property
    def counts(self) -> dict[str, int]:
        return {
            "chargers": self._tally.chargers,
            "sessions": self._tally.running,
            "attempts": self._tally.attempts,
        }

    @cached_property
    def hidden(self) -> set[str]:
        """What this role may not see."""
        return {key for key, permission in NAVIGATION.items() if not can(permission)}

    @property
    def lab_mode(self) -> str | None:
        if not current_app.config["LAB"]:
            return None
        return "Lab mode: any charger that knows this address is let in, and anybody may charge."

    @property
    def can_close_lab(self) -> bool:
        return can("own")

    @property
    def user(self) -> str:
        return str(current_user.username)

    @property
    def role(self) -> str:
        word = str(current_user.role.value)
        return ROLE_WORDS.get(word, word)


def zone() -> str:
    """The IANA name of the zone that whoever is asking reads times in."""
    own = current_user.time_zone if current_user.is_authenticated else None
    return str(own or current_app.extensions["settings"].time_zone.key)


def register(app: Flask) -> None:
    """Give every template `shell`, `theme` and `organisation`."""

    @app.context_processor
    def _frame() -> dict[str, Any]:
        if "shell" not in g:
            g.shell = Shell()
        return {
            "shell": g.shell,
            "theme": g.shell.theme,
            "organisation": app.extensions["settings"].organisation,
        }
