"""A charger's second backend: who it is, what it is told and may ask, how far it has been told, and what it answered.

The journal of frames is the queue: a forwarder holds the id of the last entry that is settled, and nothing is written
for it when a charger speaks. What is told, and in which words, is the protocol's affair (`ocpp.forwarding`).
"""

from csms.domain.forwarding.models import (
    ForwardedTransaction,
    Forwarder,
    ForwardState,
    Permit,
    Traffic,
)
from csms.domain.forwarding.queue import following, newest_id, waiting
from csms.domain.forwarding.rules import Wish, address, pause_s
from csms.domain.forwarding.service import (
    TOPIC,
    away,
    change,
    claim,
    compare,
    end_pair,
    find,
    is_cut_off,
    note_state,
    ours_of,
    pair,
    release,
    remove,
    resume,
    set_up,
    suspend,
    theirs_of,
    wants,
)

__all__ = [
    "ForwardState",
    "ForwardedTransaction",
    "Forwarder",
    "Permit",
    "TOPIC",
    "Traffic",
    "Wish",
    "address",
    "away",
    "change",
    "end_pair",
    "claim",
    "compare",
    "find",
    "is_cut_off",
    "following",
    "newest_id",
    "note_state",
    "ours_of",
    "pair",
    "pause_s",
    "release",
    "remove",
    "resume",
    "set_up",
    "suspend",
    "theirs_of",
    "waiting",
    "wants",
]
