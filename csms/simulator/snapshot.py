"""What a page or a test sees of a charger: values that no longer change."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from csms.simulator.connector import Connector

if TYPE_CHECKING:
    from csms.simulator.charger import Charger


@dataclass(frozen=True)
class ConnectorState:
    """`energy_wh` is the register, `session_wh` what the transaction took; SoC is told for AC cars too."""

    number: int
    status: str
    error_code: str
    power_w: float
    energy_wh: float
    session_wh: float
    limit_a: float | None
    car: str | None
    soc_percent: float | None
    id_tag: str | None
    transaction_id: int | None


@dataclass(frozen=True)
class ChargerState:
    """`queued` counts the transaction-related messages that wait for delivery."""

    identity: str
    is_connected: bool
    is_powered: bool
    is_in_reach: bool
    registration: str | None
    failure: str
    queued: int
    clock_at: datetime
    clock_skew_s: float
    connectors: tuple[ConnectorState, ...]

    @property
    def power_w(self) -> float:
        return sum(connector.power_w for connector in self.connectors)


def connector_state(connector: Connector) -> ConnectorState:
    battery, transaction = connector.battery, connector.transaction
    energy_wh = connector.meter.register_wh
    return ConnectorState(
        number=connector.number,
        status=str(connector.status),
        error_code=connector.error_code,
        power_w=connector.meter.power_w,
        energy_wh=energy_wh,
        session_wh=energy_wh - transaction.begin.energy_wh if transaction else 0.0,
        limit_a=connector.limit_a,
        car=battery.car.name if battery else None,
        soc_percent=100 * battery.soc if battery else None,
        id_tag=transaction.id_tag if transaction else None,
        transaction_id=transaction.id if transaction else None,
    )


def state_of(charger: "Charger") -> ChargerState:
    return ChargerState(
        identity=charger.identity,
        is_connected=charger.is_connected,
        is_powered=charger.conversation.is_powered,
        is_in_reach=charger.conversation.is_in_reach,
        registration=charger.conversation.registration,
        failure=charger.conversation.failure,
        queued=len(charger.station.outbox),
        clock_skew_s=charger.station.clock.skew_s,
        clock_at=charger.station.clock.now(),
        connectors=tuple(connector_state(connector) for connector in charger.station.connectors.values()),
    )
