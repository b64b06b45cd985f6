"""The charger's own clock. It may run fast, begin in the past and be wrong, as real ones are."""

import time
from datetime import UTC, datetime, timedelta


def real_now() -> datetime:
    """The wall clock, aware, in UTC."""
    return datetime.fromtimestamp(time.time(), UTC)


class SimulatedClock:
    """Seconds and moments as one charger feels them.

    `speed` 60 makes every real second a minute, also in the messages; `starts_at` (aware, UTC) lets such a
    story begin in the past, so that its times do not lie in the future. `skew_s` falsifies the moments only.
    """

    def __init__(self, speed: float = 1.0, *, skew_s: float = 0.0, starts_at: datetime | None = None) -> None:
        if speed <= 0:
            raise ValueError("speed must be above zero")
        self.speed = speed
        self.skew_s = skew_s
        self._origin = time.monotonic()
        self._starts_at = starts_at or real_now()

    def seconds(self) -> float:
        """Simulated seconds since the clock was made; never goes back, knows no skew."""
        return (time.monotonic() - self._origin) * self.speed

    def now(self) -> datetime:
        """The moment that the charger believes it is, aware, in UTC."""
        return self._starts_at + timedelta(seconds=self.seconds() + self.skew_s)

    def real_s(self, simulated_s: float) -> float:
        """How long to wait in the real world for `simulated_s` to pass."""
        return simulated_s / self.speed
