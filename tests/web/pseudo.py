"""The pseudo-locale: every sentence that is marked for translation comes out in wide letters, ⟦Ｌｉｋｅ ｔｈｉｓ⟧.

Whatever else a page says in plain letters was never marked, unless it is a name or a unit.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from sqlalchemy import Select, String, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from csms.domain.base import Base
from csms.web.languages import LANGUAGES
from tools import words

CODE = "eo"  # a language that numbers and dates are known of, and that pages will hardly speak
WIDE = str.maketrans({chr(x): chr(x + 0xFEE0) for x in range(33, 127) if chr(x).isalpha()})
KEPT = re.compile(r"(%\(\w+\)\w|%%|<[^>]+>)")
READ_OUT = {
    "aria-label",
    "title",
    "alt",
    "placeholder",
    "data-say",
    "data-label",
    "data-copied",
    "data-age",
    "data-looking",
    "data-refused",
    "data-unknown",
}
UNITS = (
    "kWh",
    "kW",
    "km",
    "min",
    "UTC",
    "QR",
    "EUR",
    "CSV",
    "PIN",
    "VIN",
    "JSON",
    "OCPP",
    *LANGUAGES.values(),
)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "Maj", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dec")
ADDRESS = re.compile(r"https?://\S+")
VOUCHER = re.compile(r"\b(?:[A-Z0-9]{4}-){2}[A-Z0-9]{4}\b")  # its code, as it is printed
NAMES = ("Plaza AC-2", "Amberline", "Esperanto", "ABCD-EFGH-JKMN", "Public")
WORD = re.compile(r"[A-Za-z]{2,}")


def write_catalogue(directory: Path) -> None:
    """The pseudo-locale's catalogue, for whoever looks for translations in `directory`."""
    catalog = Catalog(locale=CODE, domain="messages", charset="utf-8")
    for message in words.read("de"):  # which has them all, and is read in a fraction of the time
        if not message.id:
            continue  # what a catalogue says of itself
        forms = message.id if isinstance(message.id, tuple) else (message.id,)
        widened = tuple(f"⟦{_widen(x)}⟧" for x in forms)
        catalog.add(message.id, widened if len(widened) > 1 else widened[0], context=message.context)
    file = directory / CODE / "LC_MESSAGES" / "messages.mo"
    file.parent.mkdir(parents=True)
    file.write_bytes(words.compiled(catalog))


def _widen(text: str) -> str:
    return "".join(x if KEPT.fullmatch(x) else x.translate(WIDE) for x in KEPT.split(text))


class Reader(HTMLParser):
    """Collects what a page says: to those who see it, and to those who hear it."""

    SILENT = ("script", "style", "code", "kbd", "pre")

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.said += [value for name, value in attrs if name in READ_OUT and value]
        if tag in self.SILENT:
            self.silent += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in self.SILENT:
            self.silent -= 1

    def handle_data(self, data: str) -> None:
        if not self.silent and data.strip():
            self.said.append(data.strip())


def names_in(session: Session) -> tuple[str, ...]:
    """Every text that the database holds: what people and chargers called things."""
    found: set[str] = set()
    for query in _texts():
        found.update(str(x) for row in session.execute(query) for x in row if x)
    return tuple(found)


@functools.cache
def _texts() -> tuple[Select[Any], ...]:
    """Of each table the columns that hold texts."""
    columns = ([y for y in x.c if isinstance(y.type, String)] for x in Base.metadata.sorted_tables)
    return tuple(select(*x) for x in columns if x)


def plain_words(page: str, names: tuple[str, ...] = ()) -> Iterator[str]:
    """What `page` says in plain letters, without `names`, units and months."""
    reader = Reader()
    reader.feed(page)
    known = sorted((*names, *UNITS, *MONTHS), key=len, reverse=True)
    for said in reader.said:
        left = VOUCHER.sub("", ADDRESS.sub("", said)) if said not in names else ""
        for one in known:
            if one in left:
                left = re.sub(rf"(?<![A-Za-z]){re.escape(one)}(?![A-Za-z])", "", left)
        if WORD.search(left):
            yield said


def assert_translated(answer: TestResponse, *names: str) -> None:
    """Everything that a page says is marked for translation, but for names."""
    page = answer.get_data(as_text=True)
    assert "⟦" in page
    left = list(plain_words(page, (*NAMES, *names)))
    assert left == [], left
