"""The languages that pages speak, and which of them whoever is asking reads.

A browser's choice is kept in a cookie, and an account's in its profile, for mails and for the next browser. Without a
choice the browser's own languages decide. Doors that are not wholly translated speak English.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from babel import Locale
from flask import Blueprint, Flask, Response, after_this_request, has_request_context, redirect, request
from flask_babel import get_locale, get_translations, gettext, lazy_gettext
from flask_login import current_user, user_logged_in
from werkzeug.wrappers import Response as WerkzeugResponse

from csms.domain.accounts import User, queries
from csms.domain.base import DomainError, Invalid
from csms.extensions import babel
from csms.web.security import safe_next
from csms.work import atomic

blueprint = Blueprint("languages", __name__)

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
# The blueprints, and single endpoints, whose pages are complete in every language.
SPOKEN = frozenset(
    {
        "accounts.me",
        "auth",
        "checkout",
        "driving",
        "entrance",
        "finder",
        "landing",
        "languages",
        "me",
        "profile",
        "second_factor.ask",
        "second_factor.check",
        "subscriptions.begin",
        "subscriptions.cancel",
        "vouchers.redeem",
    }
)
VALUE = re.compile(r"%\((\w+)\)s")
LEAST_SAID = 8  # letters of a sentence's own: with fewer, anything would be taken for it
COOKIE = "language"
KEPT_FOR_S = 365 * 24 * 3600


@blueprint.post("/language")
def choose() -> WerkzeugResponse:
    """The reader's choice, from the foot of a page or from the own account."""
    language = request.form.get("language", "")
    if language not in LANGUAGES:
        raise Invalid("Choose one of the list.", "language")
    if current_user.is_authenticated:
        with atomic() as session:
            queries.user(session, current_user.id).language = language
    response = redirect(safe_next(request.form.get("next")) or "/", 303)
    _keep(response, language)
    return response


def current() -> str:
    """The language of the page being made, or of the mail being written."""
    locale = get_locale()
    return locale.language if locale else ENGLISH


def locale() -> Locale | None:
    """Whose habits numbers and dates follow; None: those of the house, in English."""
    found = get_locale()
    return None if found is None or found.language == ENGLISH else found


def known(language: str | None) -> str | None:
    """ "de" for "de-CH"; None for a language that pages do not speak."""
    short = (language or "").replace("_", "-").partition("-")[0].lower()
    return short if short in LANGUAGES else None


def said(error: DomainError) -> str:
    """What the domain has to say, in the reader's language."""
    return gettext(error.sentence, **error.values)


def stored(sentence: str | None) -> str:
    """A sentence that was kept in English, in the reader's language; in English if nobody has translated it.

    Its values are found again in it: "The card 04A2 is blocked." was once "The card %(uid)s is blocked.".
    """
    if not sentence or locale() is None:
        return sentence or ""
    translated = gettext(sentence)
    if translated != sentence:
        return translated
    for pattern, words in _patterns():
        if found := pattern.fullmatch(sentence):
            return gettext(words, **found.groupdict())
    return sentence


def stored_for_drivers(sentence: str | None) -> str:
    """As `stored`; what only English can tell is left out."""
    words = stored(sentence)
    is_untold = bool(words) and locale() is not None and words == sentence
    return gettext("The station could not start.") if is_untold else words


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


def register(app: Flask) -> None:
    """Translate the pages of `app`."""
    babel.init_app(app, locale_selector=_select)
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.add_template_global(lazy_gettext, "_l")
    app.add_template_filter(inline)
    app.add_template_filter(stored)
    app.add_template_filter(stored_for_drivers)
    user_logged_in.connect(_bring_choice, app)

    @app.context_processor
    def _language() -> dict[str, Any]:
        return {"language": current(), "languages": LANGUAGES, "languages_offered": _is_spoken()}

    @app.after_request
    def _vary(response: Response) -> Response:
        if response.mimetype == "text/html":
            response.vary.update(("Accept-Language", "Cookie"))
        return response


def _select() -> str:
    if not has_request_context() or not _is_spoken():
        return ENGLISH
    chosen = known(request.cookies.get(COOKIE))
    return chosen or request.accept_languages.best_match(LANGUAGES, ENGLISH) or ENGLISH


def _is_spoken() -> bool:
    """Is the page that is asked for complete in every language? What says that there is none is."""
    return request.endpoint is None or not SPOKEN.isdisjoint((request.endpoint, request.blueprint))


def _bring_choice(app: Flask, user: User) -> None:
    """Whoever logs in reads their own language in this browser too."""
    del app
    language = known(user.language)
    if language is not None and has_request_context():
        after_this_request(lambda response: _keep(response, language))


def _keep(response: Any, language: str) -> Any:
    secure = request.is_secure
    response.set_cookie(COOKIE, language, max_age=KEPT_FOR_S, httponly=True, samesite="Lax", secure=secure)
    return response
