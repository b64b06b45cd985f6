"""A trace played back against an empty database, through the units that handle a charger's frames on the wire."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from csms.bus import LocalBus
from csms.domain import accounts, chargers, commands, tariffs
from csms.domain.base import Base
from csms.domain.chargers import Admission
from csms.domain.commands import Kind
from csms.domain.frames import Direction
from csms.domain.security import Offer, Proof
from csms.domain.tariffs import Plain, Terms, from_json, simple
from csms.domain.transactions import recalled
from csms.ocpp import message, orders, units
from csms.ocpp.arrival import Opening, Peer
from csms.ocpp.dispatch import Actions, Station
from csms.ocpp.door import Door
from csms.ocpp.link import answered, settled
from csms.ocpp.message import Call, CallError, CallResult
from csms.ocpp.trace.recording import session_lines
from csms.ocpp.trace.shapes import CardLine, ChargerLine, FrameLine, Line, SessionLine, TariffLine, Unreadable

REFERENCE = "transactionId"
HEARTBEAT_S, TIMEOUT_S = 300, 30


def replayed(lines: Sequence[Line], versions: dict[str, Actions], directory: Path) -> list[SessionLine]:
    """What becomes of a trace's sessions when it is played in `directory`. Raises Unreadable."""
    told = [line for line in lines if isinstance(line, ChargerLine)]
    if len(told) != 1 or told[0].protocol not in versions:
        raise Unreadable(
            "A trace begins with the line of its charger, which speaks a version that is known here."
        )
    with _door(directory) as door:
        player = _Player(door, versions[told[0].protocol], lines, told[0])
        for line in lines:
            if isinstance(line, FrameLine):
                player.play(line)
        return player.outcome()


@contextmanager
def _door(directory: Path) -> Iterator[Door]:
    url = f"sqlite:///{directory / 'replay.db'}"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA synchronous=OFF")  # nobody will miss it after a power cut
        Base.metadata.create_all(connection)
    engine.dispose()
    door = Door(
        url,
        LocalBus(),
        heartbeat_interval_s=HEARTBEAT_S,
        ping_interval_s=20,
        command_timeout_s=TIMEOUT_S,
        versions={},
    )
    try:
        yield door
    finally:
        door.lane.stop()


class _Player:
    """The charger of a trace. What was numbered anew here goes by its old number in what is told of it."""

    def __init__(self, door: Door, actions: Actions, lines: Sequence[Line], told: ChargerLine) -> None:
        self.door, self.actions = door, actions
        first = next((x.at for x in lines if isinstance(x, FrameLine)), None)
        if first is None:
            raise Unreadable("The trace holds no frames.")
        self.began_at = first
        self.tariffs: dict[int, int] = {}  # a tariff line's number → the tariff here
        self.charger_id = door.lane.run(lambda session: self._set_up(session, lines, told))
        self.station = door.lane.run(self._station)
        self.tariff_at = {x.received_at: x.tariff for x in lines if isinstance(x, SessionLine)}
        self.epoch = self.old_epoch = 0
        self.message_ids: dict[str, str] = {}  # of our CALLs, old → new
        self.references: dict[str, int] = {}  # of transactions, old → new

    def _set_up(self, session: Session, lines: Sequence[Line], told: ChargerLine) -> int:
        at = self.began_at
        charger = chargers.add(
            session, told.identity, admission=Admission.ACCEPTED, policy=told.policy, at=at
        )
        charger.is_strict, charger.quirks_choice = told.is_strict, told.quirks
        rich = accounts.open_account(session, "Credit", at=at, is_service=True)
        for line in lines:
            if isinstance(line, TariffLine):
                self.tariffs[line.id] = tariffs.create(session, str(line.id), _terms(line), at=at).id
            elif isinstance(line, CardLine):
                given = line.model_dump(exclude={"line", "has_credit"})
                account_id = rich.id if line.has_credit else None
                accounts.add_token(session, at=at, account_id=account_id, **given)
        return charger.id

    def _station(self, session: Session) -> Station:
        return self.door.station_of(chargers.get(session, self.charger_id), self.actions.protocol)

    def play(self, line: FrameLine) -> None:
        """Do what was done when this frame went over the wire."""
        if line.epoch != self.old_epoch:
            self._connect(line)
        received = message.parse(line.frame)
        if line.direction is Direction.OUT:
            if isinstance(received, Call):
                self._order(line, received)
            return
        incoming = (self.actions, self.station, self.epoch, line.frame, line.at, time.perf_counter())
        if isinstance(received, Call):
            if line.at in self.tariff_at:
                self._price(self.tariff_at[line.at])
            self._hear(line, received)
        elif isinstance(received, (CallResult, CallError)):
            ours = self.message_ids.get(str(received.id), received.id)
            settled(self.door.lane, units.Answered(*incoming, replace(received, id=ours)))
        else:
            self.door.lane.run(units.Noise(*incoming, received, None))

    def _connect(self, line: FrameLine) -> None:
        self.old_epoch = line.epoch
        peer = Peer("replay", "/", Offer(Proof.NOTHING, is_secure=False, transport="replay"))
        until = line.at + timedelta(days=1)
        self.epoch, _ = self.door.lane.run(Opening(self.station, peer, self.door.node, line.at, until))

    def _price(self, tariff: int | None) -> None:
        """The next session begins with the prices that it began with."""
        chosen = None if tariff is None else self.tariffs.get(tariff)

        def choose(session: Session) -> None:
            chargers.get(session, self.charger_id).tariff_id = chosen

        self.door.lane.run(choose)
        self.station = self.door.lane.run(self._station)

    def _order(self, line: FrameLine, call: Call) -> None:
        arguments = {"action": call.action, "payload": self._renamed(call.payload)}
        until = line.at + timedelta(seconds=TIMEOUT_S)

        def ask(session: Session) -> None:
            charger = chargers.get(session, self.charger_id)
            commands.request(
                session, charger, Kind.RAW, arguments, by="replay", at=line.at, deliver_until=until
            )

        self.door.lane.run(ask)
        claim = orders.Claim(self.actions, self.station, self.epoch, line.at, TIMEOUT_S)
        outgoing = self.door.lane.run(claim)
        if outgoing is not None:
            self.message_ids[str(call.id)] = outgoing.message_id

    def _hear(self, line: FrameLine, call: Call) -> None:
        text = line.frame
        payload = self._renamed(call.payload)
        if payload != call.payload:
            call = replace(call, payload=payload)
            text = orjson.dumps([message.CALL, call.id, call.action, payload]).decode()
        began = time.perf_counter()
        unit = units.Received(self.actions, self.station, self.epoch, text, line.at, began, call)
        old, new = _reference(line.reply), _reference(answered(self.door.lane, unit))
        if old is not None and new is not None:
            self.references[str(old)] = new

    def _renamed(self, value: Any) -> Any:
        """A payload in which transactions have the numbers that they were given here, as numbers or as texts."""
        if isinstance(value, list):
            return [self._renamed(x) for x in value]
        if not isinstance(value, dict):
            return value
        renamed = {name: self._renamed(x) for name, x in value.items()}
        named = value.get(REFERENCE)
        if isinstance(named, (int, str)) and str(named) in self.references:
            renamed[REFERENCE] = type(named)(self.references[str(named)])
        return renamed

    def outcome(self) -> list[SessionLine]:
        """What has become of the sessions, by their old numbers and with their old tariffs' names."""
        old_numbers = {new: int(old) for old, new in self.references.items()}
        old_tariffs = self.door.lane.run(self._versions)

        def tell(session: Session) -> list[SessionLine]:
            return session_lines(recalled.between(session, self.charger_id, None, None))

        return [
            x.model_copy(
                update={
                    "id": old_numbers.get(x.id, x.id),
                    "tariff": None if x.tariff is None else old_tariffs[x.tariff],
                }
            )
            for x in self.door.lane.run(tell)
        ]

    def _versions(self, session: Session) -> dict[int, int]:
        old = {new: old for old, new in self.tariffs.items()}
        rows = session.scalars(select(tariffs.TariffVersion))
        return {version.id: old[version.tariff_id] for version in rows}


def _reference(reply: str | None) -> int | None:
    """The number of the transaction that an answer gives; None if it gives none."""
    answer = message.parse(reply) if reply else None
    payload = answer.payload if isinstance(answer, CallResult) else None
    number = payload.get(REFERENCE) if isinstance(payload, dict) else None
    return number if isinstance(number, int) else None


def _terms(line: TariffLine) -> Terms:
    names = Plain.__slots__ if line.elements is None else set(Terms.__slots__) - {"currency", "elements"}
    given = {name: getattr(line, name) for name in names}
    if line.elements is None:
        return simple(line.currency, **given)
    return Terms(line.currency, from_json(line.elements), **given)
