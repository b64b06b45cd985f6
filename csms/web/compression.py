"""Static files go out compressed, and what is large without a secret. Pages do not: they carry secrets beside
what others may choose (BREACH)."""

from __future__ import annotations

import gzip
import re
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, request

WORTH_BYTES = 600  # below this a packet is a packet
SMALLER = frozenset(
    {"text/css", "text/javascript", "application/javascript", "image/svg+xml", "application/json"}
)
# A script's comment has a space before it, unless it begins the line, and one behind its strokes: no address has both.
REMARKS = {
    ".js": re.compile(r"(?:^|[ \t]+)// .*$", re.MULTILINE),
    ".css": re.compile(r"/\*.*?\*/", re.DOTALL),
}
INDENTATION = re.compile(r"\n\s*")
SPACING = re.compile(r"\s*([{};])\s*|(?<=[:,])\s+")  # of a style; none of ours says such a thing in quotes


@lru_cache(maxsize=64)
def compressed(path: Path, modified_ns: int) -> bytes:
    """The file's bytes, compressed once; `modified_ns` makes an edited file a new question while developing."""
    return gzip.compress(_without_remarks(path), compresslevel=9, mtime=0)


def _without_remarks(path: Path) -> bytes:
    """Scripts and styles of our own go out without comments and spacing, which are for whoever changes them."""
    remarks = REMARKS.get(path.suffix)
    if remarks is None or "vendor" in path.parts:
        return path.read_bytes()
    text = INDENTATION.sub("\n", remarks.sub("", path.read_text()))
    return (SPACING.sub(r"\1", text).replace(";}", "}") if path.suffix == ".css" else text).encode()


def squeeze(response: Response) -> Response:
    """A large answer without secrets, made anew each time: quickly, for every browser that can read it."""
    response.vary.add("Accept-Encoding")
    if request.accept_encodings["gzip"] and len(response.get_data()) >= WORTH_BYTES:
        response.set_data(gzip.compress(response.get_data(), compresslevel=1, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response


def register(app: Flask) -> None:
    """Compress what is served from `static/` for every browser that can read it."""

    @app.after_request
    def _compress(response: Response) -> Response:
        if request.endpoint != "static" or response.status_code != 200:
            return response
        response.vary.add("Accept-Encoding")
        name = (request.view_args or {}).get("filename", "")
        path = Path(str(app.static_folder)) / name
        if (
            not request.accept_encodings["gzip"]
            or (response.mimetype not in SMALLER and path.suffix != ".geojson")
            or path.stat().st_size < WORTH_BYTES
        ):
            return response
        response.direct_passthrough = False
        response.response.close()  # type: ignore[union-attr]  # the file that would have been sent
        response.set_data(compressed(path, path.stat().st_mtime_ns))
        response.headers["Content-Encoding"] = "gzip"
        response.headers.pop("ETag", None)
        return response
