"""Charge detail records: what a session was, and cost, in the shape of OCPI 2.2.1 §10.

One is made when a session is billed, in the same unit of work. None is ever changed: a bill that is taken back gets a
credit CDR, and a new one when it is made anew.
"""

from csms.domain.cdrs.models import Cdr
from csms.domain.cdrs.queries import get, last_of, listed, of_transaction
from csms.domain.cdrs.rules import Facts, Place, document
from csms.domain.cdrs.service import credit, issue, place_of, preload, withdraw

__all__ = [
    "Cdr",
    "Facts",
    "Place",
    "credit",
    "document",
    "get",
    "issue",
    "last_of",
    "listed",
    "of_transaction",
    "place_of",
    "preload",
    "withdraw",
]
