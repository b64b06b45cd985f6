"""The machines' door: JSON under /api/v1, with one shape of error. No rules."""

from flask import Flask

import csms.api.accounts
import csms.api.alert_channels
import csms.api.alerts
import csms.api.api_keys
import csms.api.attempts
import csms.api.audit
import csms.api.branding
import csms.api.card_scans
import csms.api.cdrs
import csms.api.chargers
import csms.api.charging_profiles
import csms.api.command_batches
import csms.api.commands
import csms.api.configuration
import csms.api.conformance
import csms.api.connectors
import csms.api.desk
import csms.api.dso_signals
import csms.api.energy
import csms.api.entrance
import csms.api.firmware
import csms.api.forwarder
import csms.api.frames
import csms.api.hostnames
import csms.api.id_tokens
import csms.api.installation
import csms.api.local_lists
import csms.api.mails
import csms.api.maintenance
import csms.api.me
import csms.api.messages
import csms.api.meters
import csms.api.nodes
import csms.api.odoo
import csms.api.payments
import csms.api.payouts
import csms.api.quirks
import csms.api.repairs
import csms.api.reports
import csms.api.reservations
import csms.api.rollouts
import csms.api.security
import csms.api.settings
import csms.api.simulators
import csms.api.sites
import csms.api.slots
import csms.api.status_history
import csms.api.subscriptions
import csms.api.tariffs
import csms.api.tokens
import csms.api.transactions
import csms.api.users
import csms.api.vehicles
import csms.api.vouchers  # noqa: F401  importing a noun hangs its views on the blueprint
import csms.api.webhooks  # noqa: F401  importing a noun hangs its views on the blueprint
from csms.api import document, guard
from csms.api.blueprint import blueprint
from csms.extensions import csrf, limiter


def register(app: Flask) -> None:
    """Hang the API on the application. It knows no cookies, so a forged form cannot use it."""
    guard.configure(app)
    guard.catch_unrouted(app)
    csrf.exempt(blueprint)
    limiter.exempt(blueprint)  # the guard counts by token; nothing else need be looked for
    app.register_blueprint(blueprint)
    app.register_blueprint(document.blueprint)
