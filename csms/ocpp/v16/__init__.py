"""OCPP 1.6 edition 2, JSON."""

from csms.ocpp.v16 import accounts, chargers, maintenance, transactions
from csms.ocpp.v16.actions import actions as version

__all__ = ["accounts", "chargers", "maintenance", "transactions", "version"]
