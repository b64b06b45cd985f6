"""What file names, versions and stages mean. Pure."""

import enum
import hashlib
import math
import re
from collections.abc import Sequence
from datetime import timedelta

from csms.domain.base import Invalid

LONGEST_NAME = 120
LONGEST_LOCATION = 512
SCHEMES = ("http", "https", "ftp", "ftps", "sftp")
LOG_WITHIN = timedelta(minutes=30)
STEP_WITHIN = timedelta(hours=4)  # between two words about firmware
PROOF_WITHIN = timedelta(minutes=15)  # for the second of two proofs, when the first is there


def patience(is_log: bool, retries: int | None, retry_interval_s: int | None) -> timedelta:
    """How long to wait for the next word of a charger that may try again."""
    retrying = timedelta(seconds=min((retries or 0) * (retry_interval_s or 0), 90 * 86_400))
    return (LOG_WITHIN if is_log else STEP_WITHIN) + retrying


class Progress(enum.StrEnum):
    """What a charger's status word means, in any version."""

    IDLE = "idle"
    UNDERWAY = "underway"
    UPLOADED = "uploaded"
    INSTALLED = "installed"
    FAILED = "failed"


def safe_name(given: str | None, otherwise: str) -> str:
    """The last part of a name that somebody gave, without what a file system or a header could stumble over."""
    last = re.split(r"[/\\]", (given or "").strip())[-1]
    cleaned = re.sub(r"[^\w.()+ -]", "_", last, flags=re.ASCII).lstrip(". ").rstrip(". ")
    if len(cleaned) > LONGEST_NAME:
        stem, dot, suffix = cleaned.rpartition(".")
        cleaned = f"{stem[: LONGEST_NAME - 12]}.{suffix[:11]}" if dot else cleaned[:LONGEST_NAME]
    return cleaned or otherwise


def hash_of(token: str) -> str:
    """What is kept of the secret part of an address."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def without_password(location: str) -> str:
    """An address that can be shown."""
    return re.sub(r"(://[^/@\s:]*:)[^/\s]*(@)", r"\1…\2", location)


def check_location(location: str, field: str = "location") -> str:
    """An address that somebody typed. Raises Invalid."""
    scheme, separator, rest = location.strip().partition("://")
    if not separator or scheme.lower() not in SCHEMES or not rest.strip("/"):
        raise Invalid("Write an address that begins with http://, https://, ftp:// or ftps://.", field)
    if len(location) > LONGEST_LOCATION or not location.isprintable() or " " in location.strip():
        raise Invalid(
            "At most %(longest_location)s characters, without blanks.",
            field,
            longest_location=LONGEST_LOCATION,
        )
    return location.strip()


def same_version(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one.strip().casefold() == other.strip().casefold()


def order_of(version: str) -> tuple[int, ...]:
    """By what versions are told older and newer: their numbers."""
    return tuple(int(x) for x in re.findall(r"\d{1,9}", version))


def is_downgrade(before: str | None, after: str | None) -> bool:
    """Whether `after` is older, as far as numbers in the versions tell: 1.10 is newer than 1.9."""
    if not before or not after:
        return False
    return order_of(after) < order_of(before)


def check_stages(stages: Sequence[int]) -> list[int]:
    """Rising percentages that end with 100. Raises Invalid."""
    rising = all(a < b for a, b in zip(stages, stages[1:], strict=False))
    if not stages or len(stages) > 10 or not rising or stages[0] < 1 or stages[-1] != 100:
        raise Invalid("Write rising percentages that end with 100, such as 5, 25, 100.", "stages")
    return list(stages)


def split(count: int, stages: Sequence[int]) -> list[int]:
    """How many of `count` chargers each stage takes: never none in the first."""
    ends = [min(count, max(1, math.ceil(count * percent / 100))) for percent in stages]
    return [end - begin for begin, end in zip([0, *ends], ends, strict=False)]
