"""What needs a person: counted for the frame of every page, and listed for the dashboard. It can be put off."""

from csms.domain.attention.matters import AT_PLACES, Item, attempts, items
from csms.domain.attention.snoozes import Matter, Snooze, put_off, put_off_now, take_up
from csms.domain.attention.tallying import Tally, tally

__all__ = [
    "AT_PLACES",
    "Item",
    "Matter",
    "Snooze",
    "Tally",
    "attempts",
    "items",
    "put_off",
    "put_off_now",
    "take_up",
    "tally",
]
