"""A connector: what is plugged, who charges, what may flow, and the status that follows (1.6 §4.9, §7.7)."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from csms.simulator.battery import Battery, Car, Meter, Reading, Supply


class Status(StrEnum):
    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EVSE = "SuspendedEVSE"
    SUSPENDED_EV = "SuspendedEV"
    FINISHING = "Finishing"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


class StopReason(StrEnum):
    DE_AUTHORIZED = "DeAuthorized"
    EMERGENCY_STOP = "EmergencyStop"
    EV_DISCONNECTED = "EVDisconnected"
    HARD_RESET = "HardReset"
    LOCAL = "Local"
    OTHER = "Other"
    POWER_LOSS = "PowerLoss"
    REBOOT = "Reboot"
    REMOTE = "Remote"
    SOFT_RESET = "SoftReset"
    UNLOCK_COMMAND = "UnlockCommand"


NO_ERROR = "NoError"
SOFT_ERRORS = frozenset({"EVCommunicationError", "LocalListConflict", "WeakSignal"})
"""Error codes that are reported without going to Faulted (1.6 §7.6)."""

NOT_KNOWN_TO_CSMS = -1
"""The transactionId when the StartTransaction had to be given up (1.6 errata 3.18)."""


@dataclass
class Transaction:
    """A charging as the charger knows it. `id` is None until StartTransaction has been answered."""

    connector_id: int
    id_tag: str
    started_at: datetime
    begin: Reading
    parent_id_tag: str | None = None
    id: int | None = None
    is_allowed: bool = True
    reservation_id: int | None = None

    @property
    def meter_start_wh(self) -> int:
        return int(self.begin.energy_wh)


@dataclass(frozen=True)
class Permission:
    """A card that was accepted before the cable came, or a remote start."""

    id_tag: str
    parent_id_tag: str | None
    expires_s: float


@dataclass
class Connector:
    """Changed by its charger's own thread alone."""

    number: int
    supply: Supply
    meter: Meter
    battery: Battery | None = None
    transaction: Transaction | None = None
    permission: Permission | None = None
    error_code: str = NO_ERROR
    is_operative: bool = True
    operative_afterwards: bool | None = None
    is_finishing: bool = False
    limit_a: float | None = None
    """Smart charging: A per phase, None means no limit."""

    _advanced_to_s: float = field(default=0.0, repr=False)

    @property
    def is_faulted(self) -> bool:
        return self.error_code != NO_ERROR and self.error_code not in SOFT_ERRORS

    @property
    def contactor_closed(self) -> bool:
        return (
            self.transaction is not None
            and self.transaction.is_allowed
            and self.battery is not None
            and self.error_code != "EVCommunicationError"
            and not self.is_faulted
        )

    @property
    def status(self) -> Status:
        if self.is_faulted:
            return Status.FAULTED
        if self.transaction is not None:
            return self._transaction_status()
        if not self.is_operative:
            return Status.UNAVAILABLE
        if self.is_finishing and self.battery is not None:
            return Status.FINISHING
        if self.battery is not None or self.permission is not None:
            return Status.PREPARING
        return Status.AVAILABLE

    def _transaction_status(self) -> Status:
        if self.battery is None or self.battery.is_full:
            return Status.SUSPENDED_EV
        if not self.contactor_closed or self.meter.offered_w <= 0:
            return Status.SUSPENDED_EVSE
        return Status.CHARGING

    def plug(self, car: Car) -> None:
        """Raises ValueError when there is a car already."""
        if self.battery is not None:
            raise ValueError(f"a car is plugged into connector {self.number}")
        self.battery = Battery(car)
        self.is_finishing = False

    def unplug(self) -> None:
        self.battery = None
        self.is_finishing = False
        self.permission = None

    def advance_to(self, seconds: float) -> None:
        """Let energy flow until the moment `seconds` of the charger's clock."""
        passed_s = seconds - self._advanced_to_s
        self._advanced_to_s = seconds
        self.meter.advance(passed_s, self.battery if self.contactor_closed else None, self.limit_a)

    def read(self) -> Reading:
        return self.meter.read(self.battery)

    def begin(self, id_tag: str, parent_id_tag: str | None, at: datetime) -> Transaction:
        self.permission = None
        self.transaction = Transaction(self.number, id_tag, at, self.read(), parent_id_tag)
        self.advance_to(self._advanced_to_s)
        return self.transaction

    def end(self) -> None:
        """The car stays where it is; a change of availability that had to wait takes place."""
        self.transaction = None
        self.limit_a = None
        self.is_finishing = True
        if self.operative_afterwards is not None:
            self.is_operative = self.operative_afterwards
            self.operative_afterwards = None
        self.advance_to(self._advanced_to_s)
