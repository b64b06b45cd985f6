"""The people's door: server-rendered pages. One blueprint per noun, templates in a folder of its name."""

from flask import Flask

from csms.web import (
    accounts,
    attempts,
    auth,
    charger_settings,
    commands,
    compression,
    dashboard,
    driving,
    errors,
    filters,
    health,
    landing,
    live,
    map,
    security,
    settings,
    setup,
    shell,
    simulator,
    tariffs,
    tokens,
    transactions,
)

# Every blueprint of pages. Whatever is in here asks for a log-in, unless security.PUBLIC names it.
BLUEPRINTS = (
    accounts.blueprint,
    attempts.blueprint,
    auth.blueprint,
    charger_settings.blueprint,  # the views of `chargers`, all of them
    commands.blueprint,
    dashboard.blueprint,
    driving.blueprint,
    health.blueprint,
    landing.blueprint,
    live.blueprint,
    map.blueprint,
    settings.blueprint,
    setup.blueprint,
    simulator.blueprint,
    tariffs.blueprint,
    tokens.blueprint,
    transactions.blueprint,
)


def register(app: Flask) -> None:
    """Hang the pages on the application."""
    filters.register(app)
    commands.register(app)
    shell.register(app)
    compression.register(app)
    pages = frozenset(blueprint.name for blueprint in BLUEPRINTS)
    security.register(app, pages)
    errors.register(app, pages)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
