"""A page as somebody reaches it: what it asks of the database, and what its scripts and styles weigh."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from flask import Flask
from sqlalchemy import event
from werkzeug.test import TestResponse

from config import Config
from csms import create_app
from csms.extensions import db
from csms.web.compression import compressed
from tests import templates
from tests.browser.conftest import Town
from tools import pages
from tools.documents import ROOT

MOST_QUERIES = 12
KIB = 1024
# What scripts and styles of a page may weigh, compressed, by where the page begins; everything else is ORDINARY.
STATION, ON_A_MAP = 22, 80
BUDGETS = {
    "/map": ON_A_MAP,
    "/sites/new": ON_A_MAP,
    "/sites/{}/edit": ON_A_MAP,
    "/chargers/{}/settings": ON_A_MAP,
}
STATIONS = ("/c/", "/s/", "/find", "/receipts/", "/pay/", "/me/top-ups/")
ORDINARY = 30
LOADED = re.compile(r'<(?:script[^>]* src|link rel="stylesheet"[^>]* href)="(/static/[^"?]+)')


@dataclass(frozen=True)
class Seen:
    """A page as it was reached."""

    page: pages.Address
    path: str
    queries: int
    weight: int  # bytes of its scripts and styles, compressed

    @property
    def shape(self) -> str:
        return re.sub(r"\d+", "{}", self.path)

    @property
    def budget(self) -> int:
        """In bytes."""
        return KIB * (STATION if self.path.startswith(STATIONS) else BUDGETS.get(self.shape, ORDINARY))

    @property
    def is_over(self) -> bool:
        return self.queries > MOST_QUERIES or self.weight > self.budget

    @property
    def told(self) -> str:
        """For the table at the end of a run."""
        budget = self.budget // KIB
        return f"{pages.shown(self.page.rule)}\t{self.weight / KIB:.1f}\t{budget}\t{self.queries}\t{MOST_QUERIES}"


@contextmanager
def reading(town: Town, folder: Path) -> Iterator[Flask]:
    """The town's application once more, in this process: what it does can be counted."""
    config = Config.from_environment(town.server.environment())
    app = create_app(replace(config, instance_dir=folder))
    app.jinja_env.bytecode_cache = templates.compiled()
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def read(get: Callable[[str], TestResponse], path: str) -> tuple[int, str | None]:
    """(queries, the page's text; None where it leads on to another)."""
    count = 0

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal count
        count += statement != "BEGIN"

    event.listen(db.engine, "before_cursor_execute", note)
    answer = get(path)
    event.remove(db.engine, "before_cursor_execute", note)
    return count, answer.get_data(as_text=True) if answer.status_code == 200 else None


def weight(text: str) -> int:
    """Of what a page loads."""
    files = [ROOT / path.removeprefix("/") for path in LOADED.findall(text)]
    return sum(len(compressed(file, file.stat().st_mtime_ns)) for file in files)
