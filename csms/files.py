"""Large files on their way through Flask: where they lie, forms that bring them, and downloads."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from flask import Response, current_app, request
from werkzeug.formparser import FormDataParser

from config import Config
from csms.shelf import CutOff, Draft, Patient, Reader, Shelf, Stored

log = logging.getLogger(__name__)


def settings() -> Config:
    config: Config = current_app.extensions["settings"]
    return config


def logs() -> Shelf:
    """Where this installation keeps chargers' logs."""
    return Shelf(settings().instance_dir / "logs")


def firmware() -> Shelf:
    """Where it keeps firmware."""
    return Shelf(settings().instance_dir / "firmware")


def form_file(shelf: Shelf, most_bytes: int) -> tuple[Stored, Any, str | None]:
    """The first file of a form, on disk, with the form's fields and the file's name. Others are dropped.

    Raises TooLarge, CutOff, RequestEntityTooLarge. A form without a file gives an empty one.
    """
    request.max_content_length = most_bytes + 1_000_000
    drafts: list[Draft] = []

    def begin(*_: object, **__: object) -> Any:
        drafts.append(shelf.draft(most_bytes))
        return drafts[-1]

    parser = FormDataParser(
        stream_factory=begin, max_form_memory_size=100_000, max_form_parts=50, silent=False
    )
    try:
        _, fields, files = parser.parse(
            Patient(request.stream),  # type: ignore[arg-type]  # all that is asked of it is to be read
            request.mimetype,
            request.content_length,
            request.mimetype_params,
        )
        if not drafts:
            begin()
        stored = drafts[0].keep()
    except ValueError as error:
        _drop(drafts)
        raise CutOff from error
    except BaseException:
        _drop(drafts)
        raise
    _drop(drafts[1:])
    first = next(iter(files.values()), None)
    return stored, fields, first.filename if first else None


def _drop(drafts: list[Draft]) -> None:
    for draft in drafts:
        draft.drop()


def attachment(
    shelf: Shelf,
    stored_as: str,
    name: str,
    size_bytes: int,
    sha256: str,
    on_end: Callable[[], None] | None = None,
) -> Response | None:
    """A file as a download that is never shown in the browser; in pieces if it is asked for so.

    None: it is not on this machine's disk. `on_end` is called when it has been read to its end.
    """
    try:
        content: Reader = shelf.open(stored_as)
    except FileNotFoundError:
        log.error("file_missing", extra={"file": stored_as})
        return None
    response = in_pieces(content, size_bytes, sha256, "application/octet-stream")
    if on_end is not None:
        response.call_on_close(lambda: on_end() if content.place >= size_bytes else None)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def in_pieces(content: Reader, size_bytes: int, etag: str, mimetype: str) -> Response:
    """A file of so many bytes, or that piece of it which the request asks for (RFC 9110 §14)."""
    response = Response(content, mimetype=mimetype)
    response.content_length = size_bytes
    response.set_etag(etag)
    response.make_conditional(request.environ, accept_ranges=True, complete_length=size_bytes)
    return response
