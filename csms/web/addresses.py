"""Addresses with what a person has filtered by. Words of theirs never become arguments of url_for itself."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from flask import url_for


def with_query(endpoint: str, query: Mapping[str, str], **parts: int | str) -> str:
    """The address of `endpoint` with `query` behind it; what is empty in `query` is left out."""
    kept = {name: value for name, value in query.items() if value}
    address = url_for(endpoint, **parts)  # type: ignore[arg-type]
    return f"{address}?{urlencode(kept)}" if kept else address
