"""The machines' door: JSON under /api/v1, with one shape of error. No rules."""

from flask import Flask

import csms.api.accounts
import csms.api.chargers
import csms.api.commands
import csms.api.frames
import csms.api.id_tokens
import csms.api.tariffs
import csms.api.tokens
import csms.api.transactions  # noqa: F401  importing a noun hangs its views on the blueprint
from csms.api import document, errors, guard
from csms.api.blueprint import blueprint
from csms.extensions import csrf, limiter


def register(app: Flask) -> None:
    """Hang the API on the application. It knows no cookies, so a forged form cannot use it."""
    guard.configure(app)
    errors.catch_unrouted(app)
    csrf.exempt(blueprint)
    limiter.exempt(blueprint)  # the guard counts by token; nothing else need be looked for
    app.register_blueprint(blueprint)
    app.register_blueprint(document.blueprint)
