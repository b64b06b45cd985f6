"""What real chargers do otherwise than they should, by vendor, model and firmware: one file of data for each family.

Read once and checked whole. Knows nothing of the rest: whoever reads a charger, or asks something of it, asks here.
"""

import functools
import tomllib
from importlib import resources

from csms.quirks.model import (
    Address,
    Cards,
    Charging,
    Connection,
    Field,
    Key,
    Match,
    Meter,
    Profile,
    QuirkError,
    Refused,
    Register,
    read,
)

__all__ = [
    "NONE",
    "Address",
    "Cards",
    "Charging",
    "Connection",
    "Field",
    "Key",
    "Match",
    "Meter",
    "Profile",
    "QuirkError",
    "Refused",
    "Register",
    "fitting",
    "of",
    "profiles",
    "read",
]

# What holds for a charger that keeps to the specification, and for one whose operator wants no profile.
NONE = Profile("none", "None", "It is taken as the specification has it.")


@functools.cache
def profiles() -> dict[str, Profile]:
    """Every profile, by its key. Raises QuirkError for a file that is wrong."""
    found = {}
    for file in sorted(resources.files(__name__).iterdir(), key=lambda x: x.name):
        if file.name.endswith(".toml"):
            key = file.name.removesuffix(".toml")
            try:
                table = tomllib.loads(file.read_text(encoding="utf-8"))
            except tomllib.TOMLDecodeError as error:
                raise QuirkError(f"{file.name}: {error}") from None
            found[key] = read(key, table)
    return found


@functools.lru_cache(maxsize=1024)
def fitting(vendor: str | None, model: str | None, firmware: str | None) -> tuple[Profile, Match] | None:
    """The profile that fits closest what a charger says of itself, and by which of its patterns; None: none does."""
    if not vendor and not model:
        return None
    found = []
    for profile in profiles().values():
        match = profile.match_of(vendor or "", model or "", firmware or "")
        if match is not None:
            found.append((profile, match))
    return max(found, key=lambda x: x[1].weight, default=None)


def of(choice: str | None, vendor: str | None, model: str | None, firmware: str | None) -> Profile:
    """The profile that holds: the one that was chosen, or else the one that fits. A choice that is gone is none."""
    if choice is not None:
        return profiles().get(choice, NONE)
    found = fitting(vendor, model, firmware)
    return found[0] if found else NONE
