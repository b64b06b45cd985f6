"""What people see when a page cannot be shown. The machines' doors answer for themselves."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import werkzeug.exceptions
from flask import Flask, Response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.routing import WebsocketMismatch

from csms.domain.base import Invalid, NotFound, Refused
from csms.extensions import db
from csms.work import StorageFailed

log = logging.getLogger(__name__)

Answer = tuple[str, int] | Response | HTTPException


@dataclass(frozen=True, slots=True)
class Explanation:
    """A title, what has happened, and what to do now."""

    title: str
    words: str
    glyph: str = "circle-help"


EXPLANATIONS = {
    400: Explanation("This request makes no sense", "Go back, and try it from the page itself.", "octagon-x"),
    403: Explanation(
        "This page was open for too long",
        "For your safety a form works only while you are logged in on the page it came from. Reload it and try again.",
        "lock",
    ),
    404: Explanation(
        "There is no such page",
        "It may have been removed, or the address is incomplete, or your role does not include it.",
        "search",
    ),
    405: Explanation("This address only takes forms", "Open the page that the form is on.", "octagon-x"),
    409: Explanation(
        "This cannot be done now", "Things have changed meanwhile. Look again, and try it then.", "info"
    ),
    413: Explanation("This is too large", "Send less at once.", "upload"),
    422: Explanation("Something is not right yet", "Go back and correct it.", "pencil"),
    429: Explanation("Too many attempts", "Wait a few minutes, then try again.", "timer"),
    500: Explanation(
        "We have made a mistake",
        "It has been noted, and chargers go on working. Try again; if it stays, tell whoever runs this server.",
        "triangle-alert",
    ),
    503: Explanation(
        "The database does not answer",
        "Nothing was changed. Chargers keep what they know and send it later. Try again in a minute.",
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
    app.register_error_handler(NotFound, for_people(lambda error: page(404, str(error))))
    app.register_error_handler(Refused, for_people(lambda error: page(409, str(error))))
    app.register_error_handler(Invalid, for_people(lambda error: page(422, str(error))))
    app.register_error_handler(StorageFailed, for_people(_storage))
    app.register_error_handler(Exception, for_people(_fault))


def is_machine() -> bool:
    """An address of the machines' doors, also one that is misspelt: they want no HTML."""
    return request.path.startswith(("/api/", "/ws/", "/ocpp/")) or request.path == "/api"


def page(status: int, words: str | None = None) -> tuple[str, int]:
    """The page of an error; for a part of a page, a toast. `words` say it better than the usual ones."""
    explanation = EXPLANATIONS.get(status, EXPLANATIONS[500] if status >= 500 else EXPLANATIONS[400])
    if "HX-Request" in request.headers:
        return render_template("errors/_toast.html", words=words or explanation.title), status
    return render_template("errors/show.html", status=status, explanation=explanation, words=words), status


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


def _fault(error: Exception) -> Answer:
    log.exception("page_failed", extra={"path": request.path, "method": request.method})
    db.session.remove()
    return page(500)
