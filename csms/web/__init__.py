"""The people's door: server-rendered pages. One blueprint per noun, templates in a folder of its name."""

from flask import Flask

from csms.web import (
    alert_channels,
    alerts,
    attempts,
    audit,
    auth,
    backups,
    basemap,
    batches,
    branding,
    bulk,
    card_files,
    cdrs,
    certificates,
    charger_import,
    charging_profiles,
    checkout,
    command_words,
    commands,
    compression,
    configuration,
    conformance,
    dashboard,
    developers,
    driving,
    energy,
    entrance,
    errors,
    filters,
    finder,
    first_steps,
    grid,
    health,
    home,
    hostnames,
    integrations,
    labels,
    languages,
    live,
    local_lists,
    mails,
    map,
    merging,
    metrics,
    nodes,
    odoo,
    payment_settings,
    payments,
    payouts,
    people,
    plans,
    profile,
    readme,
    receipt_copies,
    repairs,
    report_schedules,
    reports,
    reservations,
    retention,
    roaming,
    rollouts,
    search,
    second_factor,
    security,
    session_files,
    settings,
    setup,
    shell,
    simulator_entries,
    slots,
    sso,
    subscriptions,
    tariffs,
    tokens,
    top_ups,
    transfers,
    trouble,
    ui_kit,
    upkeep,
    vouchers,
    webhooks,
)

# Every blueprint of pages. Whatever is in here asks for a log-in, unless security.PUBLIC names it.
BLUEPRINTS = (
    merging.blueprint,  # the views of `accounts`, all of them
    alert_channels.blueprint,
    alerts.blueprint,
    attempts.blueprint,
    audit.blueprint,
    auth.blueprint,
    backups.blueprint,
    basemap.blueprint,
    batches.blueprint,
    branding.blueprint,
    bulk.blueprint,
    cdrs.blueprint,
    certificates.blueprint,
    charger_import.blueprint,  # the views of `chargers`, all of them
    charging_profiles.blueprint,
    checkout.blueprint,
    commands.blueprint,
    configuration.blueprint,
    conformance.blueprint,
    dashboard.blueprint,
    developers.blueprint,
    driving.blueprint,
    energy.blueprint,
    slots.blueprint,
    grid.blueprint,
    entrance.blueprint,
    finder.blueprint,
    first_steps.blueprint,
    rollouts.blueprint,  # the views of `firmware`, all of them
    health.blueprint,
    home.blueprint,
    hostnames.blueprint,
    integrations.blueprint,
    trouble.blueprint,  # with `paying` and the others the views of `landing`, all of them
    labels.blueprint,
    languages.blueprint,
    live.blueprint,
    local_lists.blueprint,
    mails.blueprint,
    map.blueprint,
    top_ups.blueprint,  # with `me` all its views
    metrics.blueprint,
    nodes.blueprint,
    plans.blueprint,  # the views of `sites`, all of them
    readme.blueprint,
    receipt_copies.blueprint,
    odoo.blueprint,
    payment_settings.blueprint,
    payments.blueprint,
    payouts.blueprint,
    people.blueprint,
    profile.blueprint,
    repairs.blueprint,
    report_schedules.blueprint,
    reports.blueprint,
    reservations.blueprint,
    retention.blueprint,
    roaming.blueprint,
    search.blueprint,
    second_factor.blueprint,
    settings.blueprint,
    setup.blueprint,
    simulator_entries.blueprint,  # the views of `simulator`, all of them
    sso.blueprint,
    subscriptions.blueprint,
    tariffs.blueprint,
    card_files.blueprint,  # the views of `tokens`, all of them
    session_files.blueprint,  # with `session_desk` the views of `transactions`, all of them
    transfers.blueprint,
    ui_kit.blueprint,
    vouchers.blueprint,
    webhooks.blueprint,
)


def register(app: Flask) -> None:
    """Hang the pages on the application."""
    languages.register(app)
    filters.register(app)
    labels.register(app)
    command_words.register(app)
    upkeep.register(app)
    tokens.register(app)
    shell.register(app)
    branding.register(app)
    compression.register(app)
    pages = frozenset(blueprint.name for blueprint in BLUEPRINTS)
    security.register(app, pages)
    errors.register(app, pages)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
