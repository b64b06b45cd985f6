"""`/admin`, where the old systems showed their objects: it leads to the page that shows the same ones here."""

from __future__ import annotations

from flask import redirect, url_for
from werkzeug.wrappers import Response

from csms.compat import door

blueprint = door.blueprint("admin")

# By the name of the Django model; the name of its application does not matter.
PAGES = {
    "account": "accounts.index",
    "cdr": "cdrs.index",
    "charger": "chargers.index",
    "chargepoint": "chargers.index",
    "chargingprofile": "charging_profiles.index",
    "chargingprofile16": "charging_profiles.index",
    "connector": "chargers.index",
    "dsosignal": "grid.index",
    "idtag": "tokens.index",
    "instance": "odoo.index",
    "location": "sites.index",
    "node": "nodes.index",
    "product": "subscriptions.index",
    "profile": "people.index",
    "reservation": "reservations.index",
    "rfid": "tokens.index",
    "sampledvalue": "transactions.index",
    "simulator": "simulator.index",
    "site": "hostnames.index",
    "statusnotification": "chargers.index",
    "subscription": "subscriptions.index",
    "tariff": "tariffs.index",
    "tariffelement": "tariffs.index",
    "taskresult": "commands.index",
    "transaction": "transactions.index",
    "user": "people.index",
    "vehicle": "accounts.vehicles",
}


@blueprint.get("/admin/", strict_slashes=False)
def home() -> Response:
    """Each page asks for a log-in by itself."""
    return redirect(url_for("dashboard.show"))


@blueprint.get("/admin/<application>/<model>/", strict_slashes=False)
def objects(application: str, model: str) -> Response:
    return redirect(url_for(PAGES.get(model.lower(), "dashboard.show")))
