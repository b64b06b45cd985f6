"""A new key for a charger that is connected (whitepaper A01): the old one is let go only when it is sure to be unused.

Accepted: the new key alone counts. Rejected: the old one stays. No answer: both count until one of them is used.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from csms.domain import commands
from csms.domain.base import Refused, announce
from csms.domain.chargers import Charger, keys
from csms.domain.commands import SECRET, Command, CommandState, Kind

# An order in one of these states may have changed the charger's key, and nobody knows.
_DOUBTFUL = (CommandState.SENT, CommandState.TIMEOUT, CommandState.UNKNOWN, CommandState.ACCEPTED)


def rotate_key(
    session: Session, charger: Charger, pepper: bytes, *, by: str | None, at: datetime
) -> tuple[Command, str]:
    """Send the charger a new key. Returns the order and the key, which is shown once; its hash alone is kept.

    Raises Refused when the charger is offline, or when it is not known yet which of two keys it has.
    """
    previous = _order(session, charger)
    if previous is not None and previous.state is CommandState.QUEUED:
        raise Refused("A new key is on its way already.")
    if previous is not None and previous.state in _DOUBTFUL:
        raise Refused(
            "Which key the charger has is not known yet: reset it. The key with which it then comes is the one."
        )
    key = keys.new_key()
    command = commands.request(session, charger, Kind.ROTATE_KEY, {SECRET: key}, by=by, at=at)
    follow_key(charger, command, key, pepper)
    return command, key


def follow_key(charger: Charger, command: Command, key: str, pepper: bytes) -> None:
    """`command` brings this key to the charger: from now on it may come with it. Raises Invalid for an unsafe one."""
    charger.next_key_hash = keys.hash_key(key, pepper)
    charger.key_command_id = command.id


def key_answered(session: Session, charger: Charger, command: Command) -> None:
    """A01.FR.03 and .04. A key that waits for a reboot, or is the first one, counts when it is used."""
    if charger.next_key_hash is None or charger.key_command_id != command.id:
        return
    if command.state is CommandState.REJECTED:
        _settle(session, charger, charger.key_hash)
    elif command.answer_status == "Accepted" and charger.key_hash is not None:
        _settle(session, charger, charger.next_key_hash)


def pin_key(session: Session, charger: Charger, *, is_next: bool) -> None:
    """A connection was opened with one of two keys: it is the one, unless the other has not been sent yet."""
    if is_next:
        _settle(session, charger, charger.next_key_hash)
        charger.security_profile = max(charger.security_profile, 1)
        return
    order = _order(session, charger)
    if order is None or order.state is not CommandState.QUEUED:
        _settle(session, charger, charger.key_hash)


def _order(session: Session, charger: Charger) -> Command | None:
    """The order that brings, or brought, the key that is not settled; None if there is no such key."""
    if charger.next_key_hash is None or charger.key_command_id is None:
        return None
    return session.get(Command, charger.key_command_id)


def _settle(session: Session, charger: Charger, key_hash: str | None) -> None:
    charger.key_hash = key_hash
    charger.next_key_hash = charger.key_command_id = None
    announce(session, charger.topic)
