"""OCPP 1.6 edition 2, JSON."""

from csms.ocpp.v16 import (
    accounts,
    chargers,
    commands,
    configuration,
    data_transfers,
    energy,
    local_lists,
    maintenance,
    reservations,
    security,
    transactions,
)
from csms.ocpp.v16.actions import actions as version

__all__ = [
    "accounts",
    "chargers",
    "commands",
    "configuration",
    "data_transfers",
    "energy",
    "local_lists",
    "maintenance",
    "reservations",
    "security",
    "transactions",
    "version",
]
