"""The addresses of Arthexis: chargers under `/ocpp`, accounts, nodes, in the shapes that its scripts read."""

from csms.compat.arthexis import accounts, chargers, nodes, odoo, subscriptions  # noqa: F401  importing them hangs their views on the blueprint
from csms.compat.arthexis.door import blueprint

__all__ = ["blueprint"]
