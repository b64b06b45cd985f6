"""Sentences in the language of whoever reads them: of the page being made, or of the mail being written."""

from __future__ import annotations

import functools
import re
from contextlib import AbstractContextManager
from gettext import NullTranslations
from typing import Any

from babel import Locale
from flask import g, has_app_context
from flask_babel import Domain, force_locale, get_locale, get_translations, gettext
from flask_babel.speaklater import LazyString

ENGLISH = "en"
LANGUAGES = {
    ENGLISH: "English",
    "es": "Español",
    "de": "Deutsch",
    "fr": "Français",
    "pt": "Português",
    "it": "Italiano",
    "nl": "Nederlands",
}
VALUE = re.compile(r"%\((\w+)\)s")
LEAST_SAID = 8  # letters of a sentence's own: with fewer, anything would be taken for it


def current() -> str:
    """The language of the page being made, or of the mail being written."""
    found = _spoken()
    return found.language if found else ENGLISH


def locale() -> Locale | None:
    """Whose habits numbers and dates follow; None: those of the house, in English."""
    found = _spoken()
    return None if found is None or found.language == ENGLISH else found


def _spoken() -> Locale | None:
    """What `get_locale` says: a page asks two thousand times, so where Babel has kept it, it is read from there."""
    kept = getattr(_here(), "_flask_babel", None) if has_app_context() else None
    return getattr(kept, "babel_locale", None) or get_locale()


def _here() -> Any:
    """What `g` stands for, which it finds anew whenever it is asked for anything."""
    return g._get_current_object()


class Catalogues(Domain):
    """As Babel has them, which finds a language's catalogue anew for each sentence: a page asks hundreds of times."""

    def get_translations(self) -> NullTranslations:
        found: dict[str, NullTranslations] = _here().setdefault("catalogues", {})
        language = current()
        if language not in found:
            found[language] = super().get_translations()  # type: ignore[no-untyped-call]
        return found[language]


CATALOGUES = Catalogues()  # type: ignore[no-untyped-call]


def catalogue() -> NullTranslations:
    """That of the page being made, or of the mail being written."""
    return CATALOGUES.get_translations()


def later(words: str) -> LazyString:
    """A sentence that is said in whichever language is spoken where it is shown."""
    return LazyString(_said, words)


def _said(words: str) -> str:
    return catalogue().gettext(words)


def speaking(language: str) -> AbstractContextManager[None]:
    """Within it everything is said in this language, whoever asks."""
    spoken: AbstractContextManager[None] = force_locale(known(language) or ENGLISH)
    return spoken


def known(language: str | None) -> str | None:
    """ "de" for "de-CH"; None for a language that pages do not speak."""
    short = (language or "").replace("_", "-").partition("-")[0].lower()
    return short if short in LANGUAGES else None


def stored(sentence: str | None) -> str:
    """A sentence that was kept in English, in the reader's language; in English if nobody has translated it.

    Its values are found again in it: "The card 04A2 is blocked." was once "The card %(uid)s is blocked.".
    """
    if not sentence or locale() is None:
        return sentence or ""
    translated = gettext(sentence)
    if translated != sentence:
        return translated
    words, values = _taken_apart(sentence)
    return gettext(words, **{name: inner(x) for name, x in values.items()}) if values else sentence


def inner(told: str) -> str:
    """What stands in a sentence: a sentence of its own, or a part of one, is translated too, a name never."""
    if " " not in told:
        return told
    if told.endswith("."):
        return stored(told)
    return gettext(told) if told[0].islower() else told


def stored_for_drivers(sentence: str | None) -> str:
    """As `stored`; what only English can tell is left out."""
    words = stored(sentence)
    is_untold = bool(words) and locale() is not None and words == sentence
    return gettext("The station could not start.") if is_untold else words


@functools.lru_cache(
    4096
)  # pages show the same sentences again and again, and there are hundreds of patterns
def _taken_apart(sentence: str) -> tuple[str, dict[str, str]]:
    """The sentence with names where its values stand, and the values; none for one that has none."""
    for pattern, words in _patterns():
        if found := pattern.fullmatch(sentence):
            return words, found.groupdict()
    return sentence, {}


@functools.cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Every sentence with values, those first that say the most themselves. All catalogues have the same ones."""
    found = []
    for words in get_translations()._catalog:  # gettext tells it nowhere else
        if not isinstance(words, str):
            continue  # one of several forms
        pieces = VALUE.split(words)
        said = sum(len(x) for x in pieces[::2])
        if len(pieces) > 1 and said >= LEAST_SAID:
            found.append((said, re.compile(_pattern(pieces), re.DOTALL), words))
    found.sort(key=lambda x: x[0], reverse=True)
    return [(pattern, words) for _, pattern, words in found]


def _pattern(pieces: list[str]) -> str:
    names: set[str] = set()
    found = []
    for i, piece in enumerate(pieces):
        if i % 2 == 0:
            found.append(re.escape(piece.replace("%%", "%")))
        else:
            found.append(f"(?P={piece})" if piece in names else f"(?P<{piece}>.+?)")
            names.add(piece)
    return "".join(found)


def inline(words: object) -> str:
    """Words in the midst of a sentence: only German keeps its capitals there."""
    text = str(words)
    return text if current() == "de" else text[:1].lower() + text[1:]
