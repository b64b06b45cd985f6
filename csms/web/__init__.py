"""The people's door: server-rendered pages. One blueprint per noun, templates in a folder of its name."""

from flask import Flask

from csms.web import filters, health


def register(app: Flask) -> None:
    """Hang the pages on the application."""
    filters.register(app)
    app.register_blueprint(health.blueprint)
