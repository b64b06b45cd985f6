"""What a charger is when nobody talks to it: connectors, keys, cards it remembers, and what it has to tell.

No thread and no socket. Its charger's own thread is the only one that changes it.
"""

from dataclasses import dataclass, replace
from random import Random

from csms.simulator import v16
from csms.simulator.battery import Car, Meter
from csms.simulator.clock import SimulatedClock
from csms.simulator.configuration import Configuration
from csms.simulator.connector import NO_ERROR, Connector, Permission, Status, StopReason, Transaction
from csms.simulator.frames import Payload
from csms.simulator.local_list import LocalList
from csms.simulator.options import ChargerOptions
from csms.simulator.outbox import Outbox
from csms.simulator.profiles import ChargingProfiles
from csms.simulator.quirks import Quirk
from csms.simulator.reservations import FREE, Reservations

ACCEPTED = "Accepted"
ENERGY = "Energy.Active.Import.Register"


@dataclass(frozen=True)
class CachedTag:
    """A remembered verdict on a card (1.6 §3.5.1)."""

    status: str
    parent_id_tag: str | None


class Station:
    """Connectors are numbered from 1; the error of connector 0 is the charger's own."""

    def __init__(self, options: ChargerOptions) -> None:
        self.options = options
        self.clock = SimulatedClock(options.speed, skew_s=options.clock_skew_s, starts_at=options.starts_at)
        self.configuration = Configuration(options.connectors, dict(options.configuration))
        self.outbox = Outbox(same_id_on_resend=options.same_id_on_resend)
        self.profiles = ChargingProfiles()
        self.reservations = Reservations()
        self.local_list = LocalList()
        self.cache: dict[str, CachedTag] = {}
        self.error_code = NO_ERROR
        self.is_operative = True
        random = Random(options.seed)  # noqa: S311 - where the meters begin
        self.connectors = {
            number: Connector(number, options.supply, self._new_meter(number, random))
            for number in range(1, options.connectors + 1)
        }
        self._next_sample_s: dict[int, float] = {}
        self._aligned_slot = 0

    def _new_meter(self, number: int, random: Random) -> Meter:
        begin_wh = self.options.register_wh
        if isinstance(begin_wh, tuple):
            begin_wh = begin_wh[number - 1]
        elif begin_wh is None:
            begin_wh = float(random.randrange(10_000, 2_000_000))
        return Meter(self.options.supply, register_wh=begin_wh, seed=random.randrange(2**31))

    def connector(self, number: int) -> Connector:
        """Raises ValueError for a number that this charger has not."""
        if number not in self.connectors:
            raise ValueError(f"no connector {number}")
        return self.connectors[number]

    def status(self, number: int) -> tuple[Status, str]:
        """Status and error code; connector 0 knows Available, Unavailable and Faulted only (1.6 §7.7)."""
        if number == 0:
            if self.error_code != NO_ERROR:
                return Status.FAULTED, self.error_code
            return (Status.AVAILABLE if self.is_operative else Status.UNAVAILABLE), NO_ERROR
        connector = self.connectors[number]
        status = connector.status
        if status in FREE and connector.permission is None and self.reservations.at(number):
            status = Status.RESERVED  # 1.6 §4.9 G2: until the card comes that it is kept for
        return status, connector.error_code

    def free_connectors(self) -> int:
        """How many anybody could use, were it not for reservations of no connector in particular."""
        idle = [x for x in self.connectors.values() if x.status in FREE and x.permission is None]
        return sum(1 for x in idle if not self.reservations.at(x.number))

    def turns_away(self, connector: Connector, id_tag: str, parent_id_tag: str | None) -> bool:
        """Is the place kept for another card (1.6 §5.13)?"""
        return self.reservations.bars(connector, self.free_connectors(), id_tag, parent_id_tag)

    def advance(self) -> None:
        """Bring physics up to now, and queue the meter values that have become due."""
        now_s = self.clock.seconds()
        sharing = max(1, sum(connector.contactor_closed for connector in self.connectors.values()))
        self.reservations.expire(self.clock.now())
        for connector in self.connectors.values():
            connector.limit_a = self.profiles.limit_a(connector, self.clock.now(), sharing)
            connector.advance_to(now_s)
            if connector.permission is not None and connector.permission.expires_s <= now_s:
                connector.permission = None  # 1.6 §9.1.6 ConnectionTimeOut
            self._sample_if_due(connector, now_s)
        self._sample_by_the_clock()

    def plug(self, number: int, car: Car) -> None:
        connector = self.connector(number)
        connector.plug(car)
        if connector.permission is not None:
            self.begin(connector, connector.permission.id_tag, connector.permission.parent_id_tag)

    def unplug(self, number: int) -> None:
        """1.6 §4.10: what becomes of the transaction is StopTransactionOnEVSideDisconnect's to say."""
        connector = self.connector(number)
        self.advance()
        if connector.transaction and self.configuration.flag("StopTransactionOnEVSideDisconnect"):
            self.end(connector, StopReason.EV_DISCONNECTED)
        connector.unplug()

    def is_usable(self, connector: Connector) -> bool:
        return connector.transaction is None and connector.is_operative and not connector.is_faulted

    def permit(self, connector: Connector, id_tag: str, parent_id_tag: str | None) -> None:
        """Begin now if a car is there, else wait for it until ConnectionTimeOut."""
        if connector.battery is not None:
            self.begin(connector, id_tag, parent_id_tag)
            return
        expires_s = self.clock.seconds() + self.configuration.number("ConnectionTimeOut")
        connector.permission = Permission(id_tag, parent_id_tag, expires_s)

    def begin(self, connector: Connector, id_tag: str, parent_id_tag: str | None = None) -> Transaction:
        self.advance()
        transaction = connector.begin(id_tag, parent_id_tag, self.clock.now())
        transaction.reservation_id = self.reservations.take(connector.number, id_tag, parent_id_tag)
        self._next_sample_s[connector.number] = self.clock.seconds()
        self._plan_next_sample(connector.number)
        self.outbox.add(
            "StartTransaction",
            lambda: v16.start_transaction(transaction),
            lambda reply: self._started(transaction, reply),
        )
        return transaction

    def _started(self, transaction: Transaction, reply: Payload) -> None:
        """1.6 §4.8: the verdict may come late, and against the card."""
        identifier = reply.get("transactionId")
        transaction.id = identifier if isinstance(identifier, int) else None
        verdict = self.remember(transaction.id_tag, reply)
        transaction.parent_id_tag = verdict.parent_id_tag
        if verdict.status == ACCEPTED:
            return
        transaction.is_allowed = False
        connector = self.connectors[transaction.connector_id]
        if connector.transaction is transaction and self.configuration.flag("StopTransactionOnInvalidId"):
            self.end(connector, StopReason.DE_AUTHORIZED)

    def end(self, connector: Connector, reason: StopReason, id_tag: str | None = None) -> None:
        """Nothing happens when no transaction is going on."""
        transaction = connector.transaction
        if transaction is None:
            return
        self.advance()
        reading, at = connector.read(), self.clock.now()
        closing = self.meter_values(connector.number, v16.END, "MeterValuesSampledData")
        self._next_sample_s.pop(connector.number, None)
        connector.end()
        self.profiles.transaction_ended(connector.number)
        measurands = self.configuration.items("StopTxnSampledData")
        unit = self.options.energy_unit
        self.outbox.add(
            "StopTransaction",
            lambda: v16.stop_transaction(
                transaction,
                end=reading,
                at=at,
                reason=reason,
                id_tag=id_tag,
                measurands=measurands,
                energy_unit=unit,
            ),
            lambda reply: self._stopped(id_tag, reply),
        )
        if Quirk.CLOSES_LATE in self.options.quirks and closing is not None:
            self.outbox.add(
                "MeterValues", lambda: closing | {"transactionId": v16.transaction_id(transaction)}
            )

    def _stopped(self, id_tag: str | None, reply: Payload) -> None:
        if id_tag is not None and "idTagInfo" in reply:
            self.remember(id_tag, reply)

    def end_all(self, reason: StopReason) -> None:
        for connector in self.connectors.values():
            self.end(connector, reason)
            connector.permission = None

    def next_due_s(self) -> float | None:
        """When `advance` will have something to sample, or the outbox something to send."""
        due = [*self._next_sample_s.values()]
        if (end := self.reservations.next_end()) is not None:
            due.append(self.clock.seconds() + max(0.0, (end - self.clock.now()).total_seconds()))
        outbox_due_s = self.outbox.next_due_s()
        return min(due if outbox_due_s is None else [*due, outbox_due_s], default=None)

    def transaction_connector(self, transaction_id: int) -> Connector | None:
        for connector in self.connectors.values():
            if connector.transaction is not None and connector.transaction.id == transaction_id:
                return connector
        return None

    def set_fault(self, number: int, error_code: str) -> None:
        """Zero is the whole charger. A fault ends what is going on; a soft error does not."""
        if number == 0:
            self.error_code = error_code
        for connector in self.connectors.values() if number == 0 else [self.connector(number)]:
            self.advance()
            connector.error_code = error_code
            if connector.is_faulted:
                self.end(connector, StopReason.OTHER)
                self.reservations.drop(number)

    def clear_fault(self, number: int) -> None:
        if number == 0:
            self.error_code = NO_ERROR
        for connector in self.connectors.values() if number == 0 else [self.connector(number)]:
            connector.error_code = NO_ERROR

    def remember(self, id_tag: str, reply: Payload) -> CachedTag:
        """Keep the idTagInfo of a reply; one without it counts as a refusal."""
        info = reply.get("idTagInfo") or {}
        tag = CachedTag(str(info.get("status", "Invalid")), info.get("parentIdTag"))
        is_listed = (
            id_tag.lower() in self.local_list.tags
        )  # 1.6 §3.5.3: then it is never remembered beside it
        if self.configuration.flag("AuthorizationCacheEnabled") and not is_listed:
            self.cache[id_tag.lower()] = tag
        return tag

    def known(self, id_tag: str) -> CachedTag | None:
        """What it can say of a card without asking; the list comes before the cache (1.6 §3.5.3)."""
        listed = self.local_list.tags.get(id_tag.lower())
        if listed is None or not self.configuration.flag("LocalAuthListEnabled"):
            return self.cache.get(id_tag.lower())
        return CachedTag(listed.status_at(self.clock.now()), listed.parent_id_tag)

    def meter_values(self, number: int, context: str, key: str) -> Payload | None:
        """MeterValues of the measurands that the configuration key names; None when none can be told."""
        connector = self.connectors[number]
        unit, quirks, transaction = self.options.energy_unit, self.options.quirks, connector.transaction
        reading, measurands = connector.read(), self.configuration.items(key)
        if Quirk.SESSION_REGISTER in quirks and transaction is not None:
            reading = replace(reading, energy_wh=reading.energy_wh - transaction.begin.energy_wh)
        value = v16.meter_value(reading, self.clock.now(), measurands, context, unit)
        if not value["sampledValue"]:
            return None
        if Quirk.BEGIN_REPEATED in quirks and transaction is not None:
            begin = v16.meter_value(transaction.begin, transaction.started_at, (ENERGY,), v16.BEGIN, unit)
            value["sampledValue"] += begin["sampledValue"]
        return v16.meter_values(number, connector.transaction, value)

    def _queue_sample(self, connector: Connector, context: str, key: str) -> None:
        """Built now, as the meter stands now, but with the transaction's id as it will be when it is sent."""
        payload = self.meter_values(connector.number, context, key)
        transaction = connector.transaction
        if payload is None:
            return

        def build() -> Payload:
            late = {} if transaction is None else {"transactionId": v16.transaction_id(transaction)}
            return payload | late

        self.outbox.add("MeterValues", build)

    def _sample_if_due(self, connector: Connector, now_s: float) -> None:
        due_s = self._next_sample_s.get(connector.number)
        if due_s is None or due_s > now_s:
            return
        self._plan_next_sample(connector.number)
        self._queue_sample(connector, v16.PERIODIC, "MeterValuesSampledData")

    def _plan_next_sample(self, number: int) -> None:
        """1.6 §9.1.19: zero means no samples."""
        now_s = self.clock.seconds()
        interval_s = self.configuration.number("MeterValueSampleInterval")
        if interval_s and Quirk.LEAST_30_S in self.options.quirks:
            interval_s = max(interval_s, 30)
        if interval_s == 0:
            self._next_sample_s.pop(number, None)
            return
        self._next_sample_s[number] = max(self._next_sample_s.get(number, now_s) + interval_s, now_s)

    def replan_samples(self) -> None:
        """After MeterValueSampleInterval has been changed."""
        for connector in self.connectors.values():
            if connector.transaction is not None:
                self._next_sample_s[connector.number] = self.clock.seconds()
                self._plan_next_sample(connector.number)

    def _sample_by_the_clock(self) -> None:
        """1.6 §9.1.5: slots are counted from midnight, and one that was missed is not made up for."""
        interval_s = self.configuration.number("ClockAlignedDataInterval")
        if interval_s == 0:
            self._aligned_slot = 0
            return
        slot = int(self.clock.now().timestamp()) // interval_s
        if self._aligned_slot and slot > self._aligned_slot:
            for connector in self.connectors.values():
                self._queue_sample(connector, v16.CLOCK, "MeterValuesAlignedData")
        self._aligned_slot = slot
