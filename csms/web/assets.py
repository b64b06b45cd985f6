"""Addresses of static files that change with their content, so that browsers may keep them for ever."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from flask import current_app, g, url_for


def asset(filename: str) -> str:
    """The address of a file under `static/`, with a digest of its bytes.

    Raises FileNotFoundError when the name is misspelt, so that a page never ships without its style.
    """
    known: dict[str, str] = g.setdefault("assets", {})  # every icon of a page asks
    if filename not in known:
        path = Path(str(current_app.static_folder)) / filename
        known[filename] = url_for("static", filename=filename, v=digest(path, path.stat().st_mtime_ns))
    return known[filename]


@lru_cache(maxsize=256)
def digest(path: Path, modified_ns: int) -> str:
    """Short fingerprint of a file; `modified_ns` makes an edited file a new question while developing."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
