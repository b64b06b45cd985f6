"""Brings the catalogues of `translations/` up to date: `make words`. Says what is still to be translated.

A catalogue holds every sentence that a template or a door marks, sorted, without the places where it stands: so two
people who add a sentence each seldom meet in one line. The compiled files are kept beside it, as the server reads them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from csms import quirks
from csms.web.languages import ENGLISH, LANGUAGES

ROOT = Path(__file__).parents[1]
DIRECTORY = ROOT / "translations"
METHODS = [
    ("**.py", "python"),
    ("**.html", "jinja2"),
    ("**.txt", "jinja2"),
]
OPTIONS = {
    pattern: {"trimmed": "true", "silent": "false"} for pattern, method in METHODS if method == "jinja2"
}
MARKS = ("lazy_gettext", "_l", "gettext_noop", "told")
ERRORS = (
    "DomainError",
    "Refused",
    "NotFound",
    "Invalid",
    "Hushed",
)  # what the domain says is translated at the doors
KEYWORDS = DEFAULT_KEYWORDS | dict.fromkeys(MARKS + ERRORS)
NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)  # one that changed with every run would say nothing
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]")
MARKUP = re.compile(r"<[^>]+>")


def extracted() -> Catalog:
    """Every sentence that is marked for translation."""
    catalog = Catalog(domain="messages", charset="utf-8")
    for folder in ("csms", "templates"):
        for _, _, words, _, context in extract_from_dir(ROOT / folder, METHODS, OPTIONS, KEYWORDS):
            catalog.add(words, context=context)
    for profile in quirks.profiles().values():
        for sentence in _said_by(profile):
            catalog.add(sentence)
    return catalog


def _said_by(profile: quirks.Profile) -> Iterator[str]:
    """What a quirk profile's file says. Names of products, and the words of their own menus, stay as they are."""
    is_product = any(not x.firmware_up_to for x in profile.match)
    yield from () if is_product else (profile.name,)
    yield from (profile.summary, *profile.hints, *(x.why for x in profile.keys))
    yield from (y for x in profile.refuses for y in (x.why, x.instead))
    yield from (x.label for x in profile.address.fields if not profile.match)
    if profile.address.note:
        yield profile.address.note


def languages() -> list[str]:
    """Those that have a catalogue: English is what stands in the code."""
    return [x for x in LANGUAGES if x != ENGLISH]


def catalogue_file(language: str) -> Path:
    return DIRECTORY / language / "LC_MESSAGES" / "messages.po"


def read(language: str) -> Catalog:
    """The catalogue of a language as it is kept; an empty one for a new language."""
    file = catalogue_file(language)
    if not file.exists():
        return Catalog(locale=language, domain="messages", charset="utf-8")
    with file.open("rb") as opened:
        return read_po(opened, locale=language, domain="messages")


def compiled(catalog: Catalog) -> bytes:
    """What the server reads of it."""
    buffer = BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def update(language: str, template: Catalog) -> Catalog:
    """Add what is new, drop what is gone, and write both files."""
    catalog = read(language)
    catalog.update(template, no_fuzzy_matching=True)
    catalog.obsolete.clear()
    catalog.creation_date = catalog.revision_date = NO_DATE
    catalog.header_comment = f"# {LANGUAGES[language]}: `make words` keeps this file; fill in what is empty."
    file = catalogue_file(language)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as opened:
        write_po(opened, catalog, width=0, no_location=True, omit_header=False, sort_output=True)
    file.with_suffix(".mo").write_bytes(compiled(read(language)))
    return catalog


def problems(catalog: Catalog) -> Iterator[str]:
    """What a reader of this language would stumble over."""
    for message in catalog:
        if message.id and (problem := _problem(message)):
            yield f"{problem}: {_forms(message.id)[0]}"


def _problem(message: Message) -> str | None:
    wanted, given = _forms(message.id), _forms(message.string)
    if not all(given):
        return "missing"
    if message.fuzzy:
        return "unsure"
    if any(_parts(PLACEHOLDER, x) != _parts(PLACEHOLDER, wanted[-1]) for x in given):
        return "other placeholders"
    if any(_parts(MARKUP, x) != _parts(MARKUP, wanted[-1]) for x in given):
        return "other markup"
    return None


def _forms(words: str | list[str] | tuple[str, ...] | None) -> list[str]:
    """The singular and the plurals of a message that has them."""
    return list(words) if isinstance(words, (list, tuple)) else [words or ""]


def _parts(pattern: re.Pattern[str], text: str) -> list[str]:
    return sorted(pattern.findall(text))


def main() -> int:
    template = extracted()
    found = []
    for language in languages():
        found += [f"{language}: {x}" for x in problems(update(language, template))]
    sys.stdout.write("\n".join([*found, f"{len(template)} sentences, {len(found)} to be looked at"]) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
