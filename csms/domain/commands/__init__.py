"""Orders to chargers, each one row: what was asked, what was sent, what was answered, and what then really happened.

"Accepted" is a promise and not a fact (1.6 errata 3.32: the charger "will attempt" it), so most commands wait for their
effect: the transaction, the boot, the status. A command is sent once; after a crash its fate is `unknown`.
"""

from csms.domain.commands.effects import observe, preload
from csms.domain.commands.models import (
    FAILED_START,
    SECRET,
    Command,
    CommandState,
    Effect,
    Kind,
    outcome_topic,
)
from csms.domain.commands.queries import (
    by_message,
    chargers_with_work,
    due,
    get,
    has_work,
    next_due,
    preload_work,
    recent,
)
from csms.domain.commands.service import TOPIC, claim, expire, fail, new_id, put_away, request, settle_answer
from csms.domain.commands.welcome import welcome

__all__ = [
    "Command",
    "CommandState",
    "Effect",
    "FAILED_START",
    "Kind",
    "SECRET",
    "TOPIC",
    "by_message",
    "chargers_with_work",
    "claim",
    "due",
    "expire",
    "fail",
    "get",
    "has_work",
    "new_id",
    "next_due",
    "observe",
    "outcome_topic",
    "preload",
    "preload_work",
    "put_away",
    "recent",
    "request",
    "settle_answer",
    "welcome",
]
