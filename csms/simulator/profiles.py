"""Charging profiles in the charger: what limit holds now (1.6 §3.13). Limits here are A per phase."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from csms.simulator.battery import AC_VOLTAGE
from csms.simulator.connector import Connector
from csms.simulator.frames import Payload
from csms.simulator.quirks import Quirk

DAY_S = 86_400
CHARGER_MAX = "ChargePointMaxProfile"
DEFAULT = "TxDefaultProfile"
TRANSACTION = "TxProfile"


STEPS_A = (6, 8, 10, 13, 16)


def obeys(quirks: Collection[Quirk], raw: Payload) -> bool:
    """Whether a charger with these habits takes such a profile at all."""
    schedule = raw["chargingSchedule"]
    is_amps = schedule["chargingRateUnit"] == "A"
    limits = [float(period["limit"]) for period in schedule["chargingSchedulePeriod"]]
    refusals = {
        Quirk.WATTS_ONLY: is_amps,
        Quirk.STACK_ZERO: int(raw["stackLevel"]) > 0,
        Quirk.RELATIVE_ONLY: raw["chargingProfileKind"] != "Relative",
        Quirk.AMP_STEPS: not is_amps or any(limit not in (0, *STEPS_A) for limit in limits),
        Quirk.LEAST_7_A: is_amps and any(limit % 1 or 0 < limit < 7 for limit in limits),
    }
    return not any(refusals[quirk] for quirk in quirks if quirk in refusals)


def moment(text: str) -> datetime:
    """An RFC 3339 text, aware; one without an offset is UTC."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Profile:
    """As it came, with the connector it is for (0: the charger)."""

    connector_id: int
    raw: Payload

    @property
    def id(self) -> int:
        return int(self.raw["chargingProfileId"])

    @property
    def level(self) -> int:
        return int(self.raw["stackLevel"])

    @property
    def purpose(self) -> str:
        return str(self.raw["chargingProfilePurpose"])

    def period_at(self, at: datetime, started_at: datetime | None) -> Payload | None:
        """None when it says nothing about this moment."""
        if "validFrom" in self.raw and at < moment(self.raw["validFrom"]):
            return None
        if "validTo" in self.raw and at >= moment(self.raw["validTo"]):
            return None
        elapsed_s = self._elapsed_s(at, started_at)
        if elapsed_s is None or elapsed_s >= self.raw["chargingSchedule"].get("duration", float("inf")):
            return None
        periods = self.raw["chargingSchedule"]["chargingSchedulePeriod"]
        current: list[Payload] = [p for p in periods if p["startPeriod"] <= elapsed_s]
        return current[-1] if current else None

    def rate(
        self, at: datetime, started_at: datetime | None, connector: Connector, unit: str
    ) -> float | None:
        """The limit at this moment in A per phase or in W; None when it says nothing about it."""
        period = self.period_at(at, started_at)
        if period is None:
            return None
        return _converted(period, self.raw["chargingSchedule"]["chargingRateUnit"], unit, connector)

    def _elapsed_s(self, at: datetime, started_at: datetime | None) -> float | None:
        begin = self._begin(started_at)
        if begin is None or at < begin:
            return None
        return (at - begin) / timedelta(seconds=1) % (self._turn_s or float("inf"))

    def _begin(self, started_at: datetime | None) -> datetime | None:
        schedule = self.raw["chargingSchedule"]
        if self.raw["chargingProfileKind"] == "Relative" or "startSchedule" not in schedule:
            return started_at
        return moment(schedule["startSchedule"])

    @property
    def _turn_s(self) -> int | None:
        """1.6 errata 3.78: every 24 hours or 7 days, from the start of the schedule on."""
        if self.raw["chargingProfileKind"] != "Recurring":
            return None
        return 7 * DAY_S if self.raw.get("recurrencyKind") == "Weekly" else DAY_S

    def changes(self, begin: datetime, end: datetime, started_at: datetime | None) -> set[datetime]:
        """The moments between at which it may say something else."""
        found = {moment(self.raw[name]) for name in ("validFrom", "validTo") if name in self.raw}
        schedule, origin = self.raw["chargingSchedule"], self._begin(started_at)
        offsets = [p["startPeriod"] for p in schedule["chargingSchedulePeriod"]]
        offsets += [schedule["duration"]] if "duration" in schedule else []
        if origin is not None:
            turn = timedelta(seconds=self._turn_s or 0)
            skipped = max(0, (begin - origin) // turn) if turn else 0
            turns = (end - begin) // turn + 2 if turn else 1
            starts = [origin + (skipped + number) * turn for number in range(turns)]
            found |= {start + timedelta(seconds=offset) for start in starts for offset in [0, *offsets]}
        return {at for at in found if begin < at < end}


def _converted(period: Payload, given: str, unit: str, connector: Connector) -> float:
    """Watts are those of all phases together (1.6 §7.12); a DC connector gives its current in proportion."""
    limit = float(period["limit"])
    if given == unit:
        return limit
    supply = connector.supply
    if supply.is_dc:
        volts = supply.max_dc_w / supply.max_current_a
    else:
        car_phases = connector.battery.car.phases if connector.battery else supply.phases
        volts = AC_VOLTAGE * min(int(period.get("numberPhases", 3)), supply.phases, car_phases)
    return limit * volts if unit == "W" else limit / volts


def most(connector: Connector, unit: str) -> float:
    """What the connector gives without any profile."""
    supply = connector.supply
    if unit == "A":
        return supply.max_current_a
    return supply.max_dc_w if supply.is_dc else supply.max_current_a * AC_VOLTAGE * supply.phases


class ChargingProfiles:
    """The installed profiles: of each purpose the highest level holds, of the purposes the lowest limit."""

    def __init__(self) -> None:
        self._profiles: list[Profile] = []
        self._lock = Lock()  # orders come on the reader's thread, a session ends on the charger's

    def install(self, connector_id: int, raw: dict[str, Any]) -> None:
        """Replaces one of the same id, or of the same level and purpose on the connector (1.6 §5.16)."""
        new = Profile(connector_id, raw)
        slot = (connector_id, new.level, new.purpose)
        with self._lock:
            self._profiles = [
                old
                for old in self._profiles
                if old.id != new.id and (old.connector_id, old.level, old.purpose) != slot
            ] + [new]

    def matching(self, request: Payload) -> list[Profile]:
        """Those that a ClearChargingProfile request means."""
        return [profile for profile in self._profiles if _matches(profile, request)]

    def remove(self, profiles: list[Profile]) -> None:
        with self._lock:
            self._profiles = [profile for profile in self._profiles if profile not in profiles]

    def transaction_ended(self, connector_id: int) -> None:
        over = (connector_id, TRANSACTION)
        with self._lock:
            self._profiles = [p for p in self._profiles if (p.connector_id, p.purpose) != over]

    def __len__(self) -> int:
        return len(self._profiles)

    def holds(self, raw: Payload, connector_id: int) -> bool:
        """Would this profile take the place of one that is there?"""
        new = Profile(connector_id, raw)
        slot = (connector_id, new.level, new.purpose)
        return any(p.id == new.id or (p.connector_id, p.level, p.purpose) == slot for p in self._profiles)

    def limit_a(self, connector: Connector, at: datetime, sharing: int = 1) -> float | None:
        """None is no limit. The ChargePointMaxProfile is shared by all that charge (1.6 §3.13.3)."""
        own = self._own(connector, at, "A")
        cap = self._strongest(CHARGER_MAX, (0,), connector, at, "A")
        limits = [own] if own is not None else []
        limits += [cap / sharing] if cap is not None else []
        return min(limits, default=None)

    def _own(self, connector: Connector, at: datetime, unit: str) -> float | None:
        """TxProfile overrules TxDefaultProfile."""
        own = self._strongest(TRANSACTION, (connector.number,), connector, at, unit)
        return self._strongest(DEFAULT, (connector.number, 0), connector, at, unit) if own is None else own

    def _strongest(
        self, purpose: str, connector_ids: tuple[int, ...], connector: Connector, at: datetime, unit: str
    ) -> float | None:
        started_at = connector.transaction.started_at if connector.transaction else None
        candidates = [p for p in self._profiles if p.purpose == purpose and p.connector_id in connector_ids]
        for profile in sorted(candidates, key=lambda p: (p.level, p.connector_id), reverse=True):
            limit = profile.rate(at, started_at, connector, unit)
            if limit is not None:
                return limit
        return None

    def composite(
        self, connectors: list[Connector], begin: datetime, duration_s: int, unit: str
    ) -> list[Payload]:
        """The chargingSchedulePeriods of GetCompositeSchedule: what these connectors draw together at most (§5.7)."""
        end = begin + timedelta(seconds=duration_s)
        moments = {begin}
        for profile in self._profiles:
            for connector in connectors:
                started_at = connector.transaction.started_at if connector.transaction else None
                moments |= profile.changes(begin, end, started_at)
        periods: list[Payload] = []
        for at in sorted(moments):
            limit = round(self._together(connectors, at, unit), 1)
            if not periods or periods[-1]["limit"] != limit:
                periods.append({"startPeriod": int((at - begin) / timedelta(seconds=1)), "limit": limit})
        return periods

    def _together(self, connectors: list[Connector], at: datetime, unit: str) -> float:
        total = 0.0
        for connector in connectors:
            own = self._own(connector, at, unit)
            total += most(connector, unit) if own is None else min(own, most(connector, unit))
        cap = self._strongest(CHARGER_MAX, (0,), connectors[0], at, unit)
        return total if cap is None else min(total, cap)


def _matches(profile: Profile, request: Payload) -> bool:
    """1.6 §5.5: an id alone decides; otherwise every criterion that is given has to fit."""
    if "id" in request:
        return bool(profile.id == request["id"])
    own = {
        "connectorId": profile.connector_id,
        "chargingProfilePurpose": profile.purpose,
        "stackLevel": profile.level,
    }
    return all(request.get(name, value) == value for name, value in own.items())
