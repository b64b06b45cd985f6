"""What a charger's list should say, and the next message that brings it there. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from csms.domain.accounts import TokenStatus
from csms.domain.base import digest

USUAL_CHUNK = 20  # entries in a message to a charger that does not tell its limit
LARGEST_VERSION = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Entry:
    """What a charger is told of one card."""

    uid: str
    status: TokenStatus
    expires_at: datetime | None
    parent_uid: str | None

    @property
    def fingerprint(self) -> str:
        """Eight characters that change when the entry does."""
        expires = self.expires_at.isoformat() if self.expires_at else ""
        return f"{digest(self.status.value, expires, self.parent_uid or '') & 0xFFFFFFFF:08x}"

    def to_arguments(self) -> dict[str, str | None]:
        """As a command carries it."""
        return {
            "id_tag": self.uid,
            "status": self.status.value,
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
            "parent": self.parent_uid,
        }


@dataclass(frozen=True, slots=True)
class Update:
    """One message: the whole list anew, or what has changed. What is `gone` is told without a verdict (1.6 §5.15)."""

    version: int
    is_full: bool
    entries: tuple[Entry, ...]
    gone: tuple[str, ...] = ()


def fitting(entries: Iterable[Entry], most: int | None) -> tuple[dict[str, Entry], int]:
    """(the entries that there is room for, how many there is none for); the first ones are the most useful."""
    wanted = {entry.uid: entry for entry in entries}
    if most is None or len(wanted) <= most:
        return wanted, 0
    kept = dict(list(wanted.items())[: max(most, 0)])
    return kept, len(wanted) - len(kept)


def next_update(
    wanted: Mapping[str, Entry],
    held: Mapping[str, str],
    *,
    version: int,
    is_full_due: bool,
    most: int | None,
) -> Update | None:
    """The next message to a charger that holds `held` under `version`; None when nothing differs.

    A whole list begins with one full message and goes on with changes (1.6 §9.2.3 SendLocalListMaxLength). It is sent
    when it must be, and when it is shorter than telling what has changed. Versions are above 0: 0 says "no list", and
    -1 "no such thing" (1.6 §5.10, errata 3.52).
    """
    size = max(1, most or USUAL_CHUNK)
    changed = [entry for uid, entry in wanted.items() if held.get(uid) != entry.fingerprint]
    gone = [uid for uid in held if uid not in wanted]
    following = version + 1 if 0 <= version < LARGEST_VERSION else 1
    if is_full_due or ((changed or gone) and (version <= 0 or len(changed) + len(gone) > len(wanted))):
        return Update(following, True, tuple(list(wanted.values())[:size]))
    if not changed and not gone:
        return None
    leaving = gone[:size]  # first, to make room
    return Update(following, False, tuple(changed[: size - len(leaving)]), tuple(leaving))
