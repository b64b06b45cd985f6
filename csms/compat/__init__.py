"""The addresses of the systems that Amberline replaces: thin blueprints over the API, without rules of their own."""

from flask import Flask

from csms.compat import admin, arthexis, evbackend, feeds, ocppbackend, ov2xmp, tokens

BLUEPRINTS = (
    admin.blueprint,
    arthexis.blueprint,
    evbackend.blueprint,
    feeds.blueprint,
    ocppbackend.blueprint,
    ov2xmp.blueprint,
    tokens.blueprint,
)


def register(app: Flask) -> None:
    """Hang the old addresses on the application."""
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
