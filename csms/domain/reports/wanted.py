"""Which sessions a report is about, and what it has a line for."""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

NOBODY, EVERYWHERE = 0, -1  # keys of what has no site or account, and of everything


class Grouping(enum.StrEnum):
    """What a report has a line for."""

    DAY = "day"
    MONTH = "month"
    SITE = "site"
    CHARGER = "charger"
    DRIVER = "driver"


TIMES = (Grouping.DAY, Grouping.MONTH)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The sessions that ended from `since` to before `until`; days and months are those of `zone`.

    `site_ids`: only what happened there. Simulated chargers are left out unless `is_simulated`.
    """

    since: datetime
    until: datetime
    grouping: Grouping
    zone: ZoneInfo
    site_ids: Collection[int] | None = None
    is_simulated: bool = False


Period = tuple[datetime, datetime]  # from the first to before the second
