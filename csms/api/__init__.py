"""The machines' door: JSON under /api/v1, with one shape of error. No HTML, no rules."""

from flask import Flask


def register(app: Flask) -> None:
    """Hang the API on the application."""
    del app
