"""The door of other companies' platforms: OCPI 2.2.1 under /ocpi, in the role of a CPO. No rules."""

from flask import Flask

from csms.ocpi import commands, credentials, door, sender, tokens  # noqa: F401  importing hangs their views on the blueprint


def register(app: Flask) -> None:
    """Hang the door on the application."""
    door.configure(app)
