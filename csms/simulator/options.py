"""What makes one simulated charger differ from another."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from csms.simulator.battery import AC_22KW, Supply
from csms.simulator.mishaps import Mishap, Upload
from csms.simulator.quirks import Quirk


@dataclass(frozen=True)
class ChargerOptions:
    """Defaults are a two-connector AC wallbox in real time.

    `call_timeout_s`, `reconnect_s` and `reboot_s` are real seconds; all else runs at `speed`.
    """

    connectors: int = 2
    supply: Supply = AC_22KW
    vendor: str = "Amberline"
    model: str = "Simulator"
    serial: str = ""
    """Empty: the identity."""
    firmware: str = "1.0.0"
    user: str | None = None
    """Of Basic authentication; None means the identity, as OCPP wants."""
    password: str | bytes | None = None
    energy_unit: str = "Wh"
    """Wh or kWh, in MeterValues."""
    configuration: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    register_wh: float | tuple[float, ...] | None = None
    """Where the meters begin, all or each; None: somewhere, by seed."""
    speed: float = 1.0
    clock_skew_s: float = 0.0
    starts_at: datetime | None = None
    call_timeout_s: float = 30.0
    reconnect_s: float = 2.0
    reboot_s: float = 3.0
    quirks: frozenset[Quirk] = frozenset()
    same_id_on_resend: bool = False
    """Whether a message that is sent again keeps its message id; chargers of both kinds exist."""
    mishaps: frozenset[Mishap] = frozenset()
    """What goes wrong with firmware and logs."""
    upload: Upload = Upload.PUT
