"""What a charger is told when a fault of ours keeps its transaction message from being handled.

Without an answer it would send the message again and again, and everything behind it would wait (1.6 §3.7.1).
"""

from typing import Any

from csms.domain import transactions
from csms.domain.base import digest
from csms.ocpp.dispatch import Context, Payload
from csms.ocpp.message import Call


def last_resort(context: Context, call: Call) -> Payload | None:
    """A transaction for a StartTransaction, a plain confirmation for the others; None: this message can wait.

    The frame itself is in the journal, so that a person can put right what is missing.
    """
    if call.action == "StartTransaction":
        payload: Any = call.payload if isinstance(call.payload, dict) else {}
        key = digest("salvage", context.station.charger_id, sorted(payload.items(), key=str))
        transaction_id = transactions.salvage(
            context.session, context.station.charger_id, key, at=context.now
        )
        return {"transactionId": transaction_id, "idTagInfo": {"status": "Accepted"}}
    return {} if call.action in ("StopTransaction", "MeterValues") else None
