"""How a 1.6 charger answers about charging profiles (§5.5, §5.7, §5.16, §9.4).

Profiles are taken and dropped before the answer goes, so that the next order finds them so; power follows after it.
"""

from collections.abc import Callable

from csms.simulator import v16
from csms.simulator.connector import Connector
from csms.simulator.frames import Payload
from csms.simulator.profiles import CHARGER_MAX, DEFAULT, TRANSACTION, obeys
from csms.simulator.station import ACCEPTED, Station

REJECTED = "Rejected"
_UNITS = {"A": "Current", "W": "Power"}

Work = Callable[[], None]
Reply = tuple[Payload, Work | None]


class BadValue(Exception):
    """A value that no charger has: PropertyConstraintViolation (1.6 errata 3.24, 3.38, 3.39)."""


class ChargingOrders:
    """One method per action, found by its name in `handlers`."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self.handlers: dict[str, Callable[[Payload], Reply]] = {
            "ClearChargingProfile": self._clear,
            "GetCompositeSchedule": self._composite,
            "SetChargingProfile": self._set,
        }

    def is_fit(self, profile: Payload) -> bool:
        """Does it keep to what this charger can, by its configuration and by its quirks?"""
        configuration, schedule = self._station.configuration, profile["chargingSchedule"]
        periods = schedule["chargingSchedulePeriod"]
        if schedule["chargingRateUnit"] not in _UNITS:
            raise BadValue("chargingRateUnit")
        allowed = configuration.items("ChargingScheduleAllowedChargingRateUnit")
        phases = {period.get("numberPhases", 3) for period in periods}
        return (
            obeys(self._station.options.quirks, profile)
            and _UNITS[schedule["chargingRateUnit"]] in allowed
            and profile["stackLevel"] <= configuration.number("ChargeProfileMaxStackLevel")
            and 0 < len(periods) <= configuration.number("ChargingScheduleMaxPeriods")
            and periods[0]["startPeriod"] == 0
            and (len(phases) == 1 or configuration.flag("ConnectorSwitch3to1PhaseSupported"))
        )

    def _set(self, request: Payload) -> Reply:
        """A TxProfile needs its transaction, a ChargePointMaxProfile the whole charger."""
        number, profile = int(request["connectorId"]), request["csChargingProfiles"]
        connector = self._station.connectors.get(number)
        if number != 0 and connector is None:
            raise BadValue("connectorId")
        profiles, most = (
            self._station.profiles,
            self._station.configuration.number("MaxChargingProfilesInstalled"),
        )
        has_room = profiles.holds(profile, number) or len(profiles) < most
        if not (has_room and self.is_fit(profile) and _is_in_place(profile, number, connector)):
            return {"status": REJECTED}, None
        profiles.install(number, profile)
        return {"status": ACCEPTED}, self._station.advance

    def _clear(self, request: Payload) -> Reply:
        profiles = self._station.profiles
        meant = profiles.matching(request)
        if not meant:
            return {"status": "Unknown"}, None
        profiles.remove(meant)
        return {"status": ACCEPTED}, self._station.advance

    def _composite(self, request: Payload) -> Reply:
        """Connector 0 is what all of them draw together. Without a unit it is told in A."""
        number, duration_s = int(request["connectorId"]), int(request["duration"])
        connectors, unit = self._station.connectors, request.get("chargingRateUnit", "A")
        if unit not in _UNITS:
            raise BadValue("chargingRateUnit")
        meant = (
            list(connectors.values()) if number == 0 else [connectors[n] for n in connectors if n == number]
        )
        if not meant:
            return {"status": REJECTED}, None
        now = self._station.clock.now()
        periods = self._station.profiles.composite(meant, now, duration_s, unit)
        schedule = {"duration": duration_s, "chargingRateUnit": unit, "chargingSchedulePeriod": periods}
        return {
            "status": ACCEPTED,
            "connectorId": number,
            "scheduleStart": v16.timestamp(now),
            "chargingSchedule": schedule,
        }, None


def _is_in_place(profile: Payload, number: int, connector: Connector | None) -> bool:
    purpose = profile["chargingProfilePurpose"]
    if purpose == CHARGER_MAX:
        return number == 0
    if purpose != TRANSACTION:
        return bool(purpose == DEFAULT)
    transaction = connector.transaction if connector is not None else None
    named = profile.get("transactionId")
    return transaction is not None and named in (None, transaction.id)
