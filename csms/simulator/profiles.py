"""Charging profiles in the charger: what limit holds now (1.6 §3.13). Limits here are A per phase."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from csms.simulator.battery import AC_VOLTAGE
from csms.simulator.connector import Connector
from csms.simulator.frames import Payload

DAY_S = 86_400
CHARGER_MAX = "ChargePointMaxProfile"
DEFAULT = "TxDefaultProfile"
TRANSACTION = "TxProfile"


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

    def limit_a(self, at: datetime, started_at: datetime | None, connector: Connector) -> float | None:
        """None when it says nothing about this moment."""
        if "validFrom" in self.raw and at < moment(self.raw["validFrom"]):
            return None
        if "validTo" in self.raw and at >= moment(self.raw["validTo"]):
            return None
        schedule = self.raw["chargingSchedule"]
        elapsed_s = self._elapsed_s(schedule, at, started_at)
        if elapsed_s is None or elapsed_s < 0 or elapsed_s >= schedule.get("duration", float("inf")):
            return None
        current = [p for p in schedule["chargingSchedulePeriod"] if p["startPeriod"] <= elapsed_s]
        return _amps(schedule["chargingRateUnit"], current[-1], connector) if current else None

    def _elapsed_s(self, schedule: Payload, at: datetime, started_at: datetime | None) -> float | None:
        begin = moment(schedule["startSchedule"]) if "startSchedule" in schedule else started_at
        kind = self.raw["chargingProfileKind"]
        if kind == "Relative":
            begin = started_at
        if begin is None:
            return None
        elapsed_s = (at - begin) / timedelta(seconds=1)
        if kind == "Recurring":
            elapsed_s %= 7 * DAY_S if self.raw.get("recurrencyKind") == "Weekly" else DAY_S
        return elapsed_s


def _amps(unit: str, period: Payload, connector: Connector) -> float:
    """Watts are those of all phases together (1.6 §7.12)."""
    limit = float(period["limit"])
    if unit == "A":
        return limit
    if connector.supply.is_dc:
        return limit / connector.supply.max_dc_w * connector.supply.max_current_a
    car_phases = connector.battery.car.phases if connector.battery else connector.supply.phases
    phases = min(int(period.get("numberPhases", 3)), connector.supply.phases, car_phases)
    return limit / (AC_VOLTAGE * phases)


class ChargingProfiles:
    """The installed profiles: of each purpose the highest level holds, of the purposes the lowest limit."""

    def __init__(self) -> None:
        self._profiles: list[Profile] = []

    def install(self, connector_id: int, raw: dict[str, Any]) -> None:
        """Replaces one of the same id, or of the same level and purpose on the connector (1.6 §5.16)."""
        new = Profile(connector_id, raw)
        slot = (connector_id, new.level, new.purpose)
        self._profiles = [
            old
            for old in self._profiles
            if old.id != new.id and (old.connector_id, old.level, old.purpose) != slot
        ] + [new]

    def matching(self, request: Payload) -> list[Profile]:
        """Those that a ClearChargingProfile request means."""
        return [profile for profile in self._profiles if _matches(profile, request)]

    def remove(self, profiles: list[Profile]) -> None:
        self._profiles = [profile for profile in self._profiles if profile not in profiles]

    def transaction_ended(self, connector_id: int) -> None:
        self._profiles = [
            p for p in self._profiles if (p.connector_id, p.purpose) != (connector_id, TRANSACTION)
        ]

    def limit_a(self, connector: Connector, at: datetime) -> float | None:
        """None is no limit. TxProfile overrules TxDefaultProfile; ChargePointMaxProfile caps both."""
        own = self._strongest(TRANSACTION, (connector.number,), connector, at)
        if own is None:
            own = self._strongest(DEFAULT, (connector.number, 0), connector, at)
        cap = self._strongest(CHARGER_MAX, (0,), connector, at)
        limits = [limit for limit in (own, cap) if limit is not None]
        return min(limits) if limits else None

    def _strongest(
        self, purpose: str, connector_ids: tuple[int, ...], connector: Connector, at: datetime
    ) -> float | None:
        started_at = connector.transaction.started_at if connector.transaction else None
        candidates = [p for p in self._profiles if p.purpose == purpose and p.connector_id in connector_ids]
        for profile in sorted(candidates, key=lambda p: (p.level, p.connector_id), reverse=True):
            limit = profile.limit_a(at, started_at, connector)
            if limit is not None:
                return limit
        return None


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
