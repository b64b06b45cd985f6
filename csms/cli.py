"""What an administrator does from a shell."""

from flask import Flask


def register(app: Flask) -> None:
    """Hang the commands on the application."""
    del app
