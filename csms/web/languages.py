"""The languages that pages speak, and which of them whoever is asking reads.

A browser's choice is kept in a cookie, and an account's in its profile, for mails and for the next browser. Without a
choice the browser's own languages decide. Doors that are not wholly translated speak English.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, Response, after_this_request, has_request_context, redirect, request
from flask_babel import gettext
from flask_login import current_user, user_logged_in
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup
from werkzeug.wrappers import Response as WerkzeugResponse

from csms.domain.accounts import User, queries
from csms.domain.base import DomainError, Invalid
from csms.extensions import babel
from csms.translations import CATALOGUES, catalogue, inner, later
from csms.translations import ENGLISH as ENGLISH
from csms.translations import LANGUAGES as LANGUAGES
from csms.translations import current as current
from csms.translations import inline as inline
from csms.translations import known as known
from csms.translations import locale as locale
from csms.translations import stored as stored
from csms.translations import stored_for_drivers as stored_for_drivers
from csms.web.security import safe_next
from csms.work import atomic

blueprint = Blueprint("languages", __name__)

# Doors for programs, and what is written for those who build on this: they speak English, whoever asks.
ENGLISH_DOORS = frozenset(
    {
        "api",
        "api_document",
        "arthexis",
        "evbackend",
        "feeds",
        "health",
        "metrics",
        "ocpp",
        "ocppbackend",
        "ov2xmp",
        "readme",
        "token",
        "ui_kit",
    }
)
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


def said(error: DomainError) -> str:
    """What the domain has to say, in the reader's language."""
    values = {name: inner(x) if isinstance(x, str) else x for name, x in error.values.items()}
    return gettext(error.sentence, **values)


def register(app: Flask) -> None:
    """Translate the pages of `app`."""
    babel.init_app(app, locale_selector=_select)
    babel.domain_instance = CATALOGUES
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        gettext=lambda words: catalogue().gettext(words),
        ngettext=lambda one, many, count: catalogue().ngettext(one, many, count),
        pgettext=lambda context, words: catalogue().pgettext(context, words),
        npgettext=lambda context, one, many, count: catalogue().npgettext(context, one, many, count),
        newstyle=True,
    )
    app.jinja_env.globals.update(gettext=_say, _=_say)
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.add_template_global(later, "_l")
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


@pass_eval_context
def _say(place: EvalContext, sentence: str, /, **values: Any) -> str:
    """What Jinja's own `gettext` says, in a fifth of the time: a page asks hundreds of times."""
    words = catalogue().gettext(sentence)
    if not place.autoescape:
        return words % values
    markup = Markup(words)  # noqa: S704  the catalogues' words are ours, and values are escaped when they come in
    return markup % values


def _select() -> str:
    if not has_request_context() or not _is_spoken():
        return ENGLISH
    chosen = known(request.cookies.get(COOKIE))
    return chosen or request.accept_languages.best_match(LANGUAGES, ENGLISH) or ENGLISH


def _is_spoken() -> bool:
    return ENGLISH_DOORS.isdisjoint((request.endpoint, request.blueprint))


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
