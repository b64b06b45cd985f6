"""A charger's talk with its central system: dialling, booting, telling, delivering. Version 1.6.

Driven by the charger's own thread; only `vanish` and `close` may be called from others.
"""

import time
import uuid
from collections.abc import Callable
from itertools import count

from csms.simulator import local_list, reservations, v16
from csms.simulator.connector import Status, StopReason
from csms.simulator.frames import Call, Direction, FrameLog, Payload
from csms.simulator.maintenance import Maintenance
from csms.simulator.quirks import Quirk, apply
from csms.simulator.security import Security
from csms.simulator.station import ACCEPTED, Station
from csms.simulator.v16_answers import Orders
from csms.simulator.wire import CallFailed, DialFailed, Line, Link, LinkLost, NoAnswer

MOST_RECONNECT_S = 30.0
OFFLINE = "Offline"
"""The verdict on a card when nobody could be asked and nobody remembers it."""


class Conversation:
    """`later` queues work to the charger's thread."""

    def __init__(
        self, identity: str, url: str, station: Station, later: Callable[[Callable[[], None]], None]
    ) -> None:
        self.identity = identity
        self.station = station
        self.options = station.options
        self.clock = station.clock
        self.frames = FrameLog()
        self.registration: str | None = None
        """None until BootNotification has been answered since the power came."""
        self.failure = ""
        """Why the last dial failed, in words."""
        self.is_powered = True
        self.is_in_reach = True
        self.is_over = False
        self.reported: dict[int, tuple[Status, str]] = {}
        self.notes: dict[int, str] = {}
        """The info of the next StatusNotifications, by connector."""
        self._password = self.options.password
        self._line = Line(url, identity, v16.SUBPROTOCOL)
        self._link: Link | None = None
        self.maintenance = Maintenance(
            identity, station, ask=self.ask, reboot=self.reset, journal=self._journal
        )
        self.security = Security(identity, station, self._line.is_secure, ask=self.ask, rejoin=self.rejoin)
        self.orders = Orders(station, self, later)
        self.orders.handlers |= (
            self.maintenance.handlers
            | self.security.handlers
            | reservations.handlers(station)
            | local_list.handlers(station)
        )
        self._numbers = count(1)
        self._is_fresh = True
        is_slow = Quirk.SLOW_TO_CONNECT in self.options.quirks
        self._dial_at = time.monotonic() + self.options.reboot_s if is_slow else 0.0
        self._was_connected = False
        self._dial_failures = 0
        self._boot_due_s = 0.0
        self._heartbeat_due_s = 0.0

    @property
    def is_connected(self) -> bool:
        return self._link is not None and self._link.is_open

    def next_due_s(self) -> float | None:
        """When there will be something to do, on the charger's clock."""
        station_due_s = self.station.next_due_s()
        if self.registration != ACCEPTED or not self.is_connected:
            return station_due_s
        return min(self._heartbeat_due_s, station_due_s or self._heartbeat_due_s)

    def tick(self) -> None:
        self.station.advance()
        if not self.is_powered or not self.is_in_reach or self.is_over:
            return
        if not self.is_connected and time.monotonic() >= self._dial_at and not self._is_sulking:
            self._dial()
        if not self.is_connected:
            return
        if self.registration != ACCEPTED and self.clock.seconds() >= self._boot_due_s:
            self.boot()
        if self.registration == ACCEPTED:
            if self._is_fresh:  # before the queue: that is the order after a boot and after a time offline
                self._is_fresh = False
                self._report_statuses()
            self._deliver()
            self._report_statuses()
            if self.clock.seconds() >= self._heartbeat_due_s:
                self.heartbeat()
            self.maintenance.tick()

    def _journal(self) -> str:
        """Its own log: the last frames."""
        return "".join(f"{x.at.isoformat()} {x.direction} {x.text}\n" for x in self.frames.frames())

    @property
    def _is_sulking(self) -> bool:
        return self._was_connected and Quirk.NO_REDIAL in self.options.quirks

    def _dial(self) -> None:
        ping_s = self.station.configuration.number("WebSocketPingInterval") or None
        user = self.options.user or self.identity
        try:
            tls = self.security.tls() if self._line.is_secure else None
            password = None if self.security.shows_certificate else self._password
            connection = self._line.dial(user, password, ping_s, tls)
        except DialFailed as error:
            self.failure = str(error)
            self.frames.add(Direction.NOTE, f"could not connect: {error}")
            wait_s = min(MOST_RECONNECT_S, self.options.reconnect_s * 2**self._dial_failures)
            self._dial_failures = min(self._dial_failures + 1, 10)
            self._dial_at = time.monotonic() + wait_s
            return
        self.failure = ""
        self._is_fresh = self._was_connected = True
        self._dial_failures = 0
        self._dial_at = time.monotonic() + self.options.reconnect_s
        self.frames.add(Direction.NOTE, f"connected to {self._line.address}")
        self._link = Link(connection, self.orders.answer, self.frames, name=self.identity)
        if self.is_over or not self.is_powered or not self.is_in_reach:
            self.vanish()  # the world changed while we dialled

    def dial_soon(self) -> None:
        self._dial_at = 0.0
        self._dial_failures = 0

    def vanish(self) -> None:
        link = self._link
        if link is not None:
            link.drop()

    def close(self) -> None:
        """Say goodbye for good, also in the middle of a dial."""
        self.is_over = True
        self._line.hang_up()
        link = self._link
        if link is not None:
            link.close()
            link.join(0.5)

    def boot(self) -> None:
        """1.6 §4.2: after Pending and Rejected, again after the interval; until then, nothing else."""
        options = self.options
        serial = options.serial or self.identity
        reply = self.ask(
            "BootNotification",
            v16.boot_notification(options.vendor, options.model, serial, self.maintenance.firmware),
        )
        if reply is None:
            self._boot_due_s = self.clock.seconds() + 5
            return
        interval_s = int(reply.get("interval") or 0)
        self.registration = str(reply.get("status"))
        self._boot_due_s = self.clock.seconds() + (interval_s or 10)
        if self.registration == ACCEPTED:
            self.reported.clear()
            if interval_s > 0:
                self.station.configuration.set("HeartbeatInterval", str(interval_s))
            self.plan_heartbeat()

    def tell_upkeep(self, name: str, noun: str) -> None:
        """What it does for its `log` or its `firmware`, because somebody has triggered it (1.6 §5.17)."""
        self.ask(f"{name}StatusNotification", self.maintenance.status(noun))

    def sign_certificate(self) -> None:
        self.security.sign()

    def may_rise_to(self, profile: int) -> bool:
        return self.security.may_rise_to(profile)

    def heartbeat(self) -> None:
        self.plan_heartbeat()
        self.ask("Heartbeat", {})

    def plan_heartbeat(self) -> None:
        interval_s = self.station.configuration.number("HeartbeatInterval")
        self._heartbeat_due_s = self.clock.seconds() + interval_s if interval_s else float("inf")

    def _call(self, action: str, payload: Payload, message_id: str | None = None) -> Call:
        if message_id is None:
            numbered = Quirk.NUMBERED_MESSAGES in self.options.quirks
            message_id = str(next(self._numbers)) if numbered else str(uuid.uuid4())
        return Call(message_id, action, apply(self.options.quirks, action, payload))

    def ask(self, action: str, payload: Payload) -> Payload | None:
        """Send a CALL from the charger's thread; None when no good answer came (the frames tell why)."""
        link = self._link
        if link is None:
            return None
        try:
            return link.call(self._call(action, payload), self.options.call_timeout_s)
        except LinkLost:
            return None
        except (NoAnswer, CallFailed) as error:
            self.frames.add(Direction.NOTE, f"{action}: {error or 'no answer'}")
            return None

    def report_status(self, number: int) -> None:
        """StatusNotification of a connector, changed or not. Sent once, however it is answered."""
        status, error_code = self.station.status(number)
        info = self.notes.get(number, "")
        now = self.clock.now()
        sent = v16.status_notification(number, status, error_code, now, info)
        if self.ask("StatusNotification", sent) is not None or self.is_connected:
            self.reported[number] = (status, error_code)

    def _report_statuses(self) -> None:
        """1.6 §4.9: what has changed since it was last told, also over a time without network."""
        for number in range(self.options.connectors + 1):
            if self.reported.get(number) != self.station.status(number):
                self.report_status(number)

    def _deliver(self) -> None:
        """Send the queue as far as it goes (1.6 §3.7)."""
        outbox, configuration = self.station.outbox, self.station.configuration
        while self.is_connected and (entry := outbox.head(self.clock.seconds())) and self._link:
            try:
                call = self._call(entry.action, entry.build(), entry.message_id)
                entry.message_id = call.message_id
                reply = self._link.call(call, self.options.call_timeout_s)
            except LinkLost:
                outbox.interrupted(entry)
            except (NoAnswer, CallFailed) as error:
                given_up = outbox.failed(
                    entry,
                    now_s=self.clock.seconds(),
                    attempts=configuration.number("TransactionMessageAttempts"),
                    retry_interval_s=configuration.number("TransactionMessageRetryInterval"),
                )
                note = "given up" if given_up else "will be sent again"
                self.frames.add(Direction.NOTE, f"{entry.action} failed ({error}), {note}")
            else:
                outbox.settle(entry, reply)

    def swipe(self, number: int, id_tag: str) -> str:
        connector = self.station.connector(number)
        transaction = connector.transaction
        if transaction is None and Quirk.REMOTE_START_ONLY in self.options.quirks:
            return "Invalid"
        if transaction is not None and transaction.id_tag.lower() == id_tag.lower():
            self.station.end(connector, StopReason.LOCAL, id_tag)
            return ACCEPTED
        if transaction is None and not self.station.is_usable(connector):
            return str(connector.status)
        status, parent_id_tag = self.authorize(id_tag)
        if status != ACCEPTED:
            return status
        if transaction is None and self.station.turns_away(connector, id_tag, parent_id_tag):
            return str(Status.RESERVED)
        if transaction is None:
            self.station.permit(connector, id_tag, parent_id_tag)
        elif parent_id_tag is not None and parent_id_tag == transaction.parent_id_tag:
            self.station.end(connector, StopReason.LOCAL, id_tag)  # 1.6 §3.10
        else:
            return "Invalid"
        return ACCEPTED

    def authorize(self, id_tag: str) -> tuple[str, str | None]:
        """The verdict and the parent, asked or remembered (1.6 §3.5)."""
        configuration = self.station.configuration
        known = self.station.known(id_tag)
        if known is not None and known.status == ACCEPTED and configuration.flag("LocalPreAuthorize"):
            return known.status, known.parent_id_tag
        online = self.is_in_reach and self.is_powered and self.registration == ACCEPTED
        reply = self.ask("Authorize", {"idTag": id_tag}) if online else None
        if reply is not None:
            verdict = self.station.remember(id_tag, reply)
            return verdict.status, verdict.parent_id_tag
        if known is not None and configuration.flag("LocalAuthorizeOffline"):
            return known.status, known.parent_id_tag
        if known is None and configuration.flag("AllowOfflineTxForUnknownId"):
            return ACCEPTED, None
        return OFFLINE, None

    def send_raw(self, text: str) -> None:
        """Raises LinkLost."""
        if self._link is None:
            raise LinkLost
        self._link.send(text)

    def die(self, reason: StopReason) -> None:
        self.station.end_all(reason)
        self.registration = None
        self._was_connected = False
        self._boot_due_s = 0.0
        self._numbers = count(1)

    def reset(self, reason: StopReason) -> None:
        """1.6 §5.14: soft tells the stops before it goes, hard tells them after it has come back."""
        if reason is StopReason.HARD_RESET:
            self.vanish()
        self.station.end_all(reason)
        if reason is not StopReason.HARD_RESET:
            self._deliver()
            if self._link is not None:
                self._link.close()
        self.die(reason)
        self._dial_at = time.monotonic() + self.options.reboot_s

    def change_password(self, password: str | bytes) -> None:
        """AuthorizationKey was changed: leave, and come back with the new one."""
        self._password = password
        self.rejoin()

    def rejoin(self) -> None:
        """Leave, and come back with what has changed of its security."""
        if self._link is not None:
            self._link.close()
        self.dial_soon()
