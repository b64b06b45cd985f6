"""What people see when a page cannot be shown. The machines' doors answer for themselves."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import werkzeug.exceptions
from flask import Flask, Response, render_template, request
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError
from werkzeug.exceptions import HTTPException
from werkzeug.routing import WebsocketMismatch

from csms.domain.base import DomainError, Invalid, NotFound, Refused
from csms.extensions import db
from csms.web.languages import said
from csms.work import StorageFailed

log = logging.getLogger(__name__)

Answer = tuple[str, int] | Response | HTTPException


@dataclass(frozen=True, slots=True)
class Explanation:
    """A title, what has happened, and what to do now."""

    title: LazyString
    words: LazyString
    glyph: str = "circle-help"


EXPLANATIONS = {
    400: Explanation(
        lazy_gettext("This request makes no sense"),
        lazy_gettext("Go back, and try it from the page itself."),
        "octagon-x",
    ),
    403: Explanation(
        lazy_gettext("This page was open for too long"),
        lazy_gettext(
            "For your safety a form works only while you are logged in on the page it came from. "
            "Reload it and try again."
        ),
        "lock",
    ),
    404: Explanation(
        lazy_gettext("There is no such page"),
        lazy_gettext(
            "It may have been removed, or the address is incomplete, or your role does not include it."
        ),
        "search",
    ),
    405: Explanation(
        lazy_gettext("This address only takes forms"),
        lazy_gettext("Open the page that the form is on."),
        "octagon-x",
    ),
    409: Explanation(
        lazy_gettext("This cannot be done now"),
        lazy_gettext("Things have changed meanwhile. Look again, and try it then."),
        "info",
    ),
    413: Explanation(lazy_gettext("This is too large"), lazy_gettext("Send less at once."), "upload"),
    422: Explanation(
        lazy_gettext("Something is not right yet"), lazy_gettext("Go back and correct it."), "pencil"
    ),
    429: Explanation(
        lazy_gettext("Too many attempts"), lazy_gettext("Wait a few minutes, then try again."), "timer"
    ),
    500: Explanation(
        lazy_gettext("We have made a mistake"),
        lazy_gettext(
            "It has been noted, and chargers go on working. "
            "Try again; if it stays, tell whoever runs this server."
        ),
        "triangle-alert",
    ),
    503: Explanation(
        lazy_gettext("The database does not answer"),
        lazy_gettext(
            "Nothing was changed. Chargers keep what they know and send it later. Try again in a minute."
        ),
        "cloud-off",
    ),
}


def register(app: Flask, pages: frozenset[str]) -> None:
    """Explain errors of the blueprints in `pages`, and of addresses that nobody has."""

    def for_people(explain: Callable[[Exception], Answer]) -> Callable[[Exception], Answer]:
        def handle(error: Exception) -> Answer:
            if isinstance(error, WebsocketMismatch):  # every address is a charger's, but not over plain HTTP
                error = werkzeug.exceptions.NotFound()
            if request.blueprint in pages or (request.blueprint is None and not is_machine()):
                return explain(error)
            if isinstance(error, HTTPException):
                return error
            raise error

        return handle

    app.register_error_handler(HTTPException, for_people(_http))
    app.register_error_handler(CSRFError, for_people(lambda _: page(403)))
    app.register_error_handler(NotFound, for_people(_telling(404)))
    app.register_error_handler(Refused, for_people(_telling(409)))
    app.register_error_handler(Invalid, for_people(_telling(422)))
    app.register_error_handler(StorageFailed, for_people(_storage))
    for kind in (DataError, OverflowError):  # OverflowError: what SQLite's driver says of too large a number
        app.register_error_handler(kind, for_people(_unstorable))
    app.register_error_handler(Exception, for_people(_fault))


def is_machine() -> bool:
    """An address of the machines' doors, also one that is misspelt: they want no HTML."""
    return request.path.startswith(("/api/", "/ws/", "/ocpp/")) or request.path == "/api"


def page(status: int, words: str | None = None) -> tuple[str, int]:
    """The page of an error; for a part of a page, a toast. `words` say it better than the usual ones."""
    explanation = EXPLANATIONS.get(status, EXPLANATIONS[500] if status >= 500 else EXPLANATIONS[400])
    if "HX-Request" in request.headers:
        return render_template("errors/_toast.html", words=words or str(explanation.title)), status
    return render_template("errors/show.html", status=status, explanation=explanation, words=words), status


def _telling(status: int) -> Callable[[Exception], Answer]:
    return lambda error: page(status, said(error) if isinstance(error, DomainError) else None)


def _http(error: Exception) -> Answer:
    if not isinstance(error, HTTPException) or error.code is None:
        raise error
    if error.code < 400:
        return error
    text, status = page(error.code)
    response = Response(text, status)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _storage(error: Exception) -> Answer:
    log.error("storage_failed", extra={"path": request.path, "error": str(error)})
    db.session.rollback()
    return page(503)


def _unstorable(error: Exception) -> Answer:
    """What no database can hold, such as a NUL in a text or a number of thirty digits."""
    log.warning("unstorable", extra={"path": request.path})
    db.session.remove()
    return page(400)


def _fault(error: Exception) -> Answer:
    log.exception("page_failed", extra={"path": request.path, "method": request.method})
    db.session.remove()
    return page(500)
