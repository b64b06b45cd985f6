"""The versions of the protocol in which a second backend can be told."""

from csms.ocpp import v16
from csms.ocpp.relay import Relay
from csms.ocpp.v16 import forwarding

RELAYS: dict[str, Relay] = {v16.version.protocol: forwarding.relay}
