"""Whatever a charger answers to an order, the order comes to an end, and the connection does not."""

from __future__ import annotations

import json
import random

from sqlalchemy import select

from csms import clock
from csms.domain import commands
from csms.domain.chargers import Charger
from csms.domain.commands import Command, CommandState, Kind
from tests.desk import Desk
from tests.flows.peer import Peer, dial
from tests.fuzz.answers import ORDERS, bent

SEED = 20261121
TIMES = 2
PENDING = (CommandState.QUEUED, CommandState.SENT)


def give_orders(desk: Desk) -> None:
    """Each order as often as it will be answered in another way."""
    with desk.writing() as session:
        charger = session.scalars(select(Charger)).one()
        for action, payload, _ in ORDERS * TIMES:
            arguments = {"action": action, "payload": payload}
            commands.request(session, charger, Kind.RAW, arguments, by="olga", at=clock.now())


def answer_all(desk: Desk, peer: Peer, dice: random.Random) -> None:
    good = {action: answer for action, _, answer in ORDERS}
    while _pending(desk):
        for _ in range(len(ORDERS)):
            try:
                order = peer.order(0.5)
            except TimeoutError:
                break
            peer.send(json.dumps([3, order.id, bent(dice, good[order.action])]))


def _pending(desk: Desk) -> int:
    with desk.reading() as session:
        return len(session.scalars(select(Command.id).where(Command.state.in_(PENDING))).all())


def test_no_answer_to_an_order_ends_a_connection_or_leaves_a_fault_in_the_log(desk: Desk) -> None:
    peer = dial(desk.server, "/ws/ocpp/CP-1")
    peer.boot()
    give_orders(desk)
    desk.order("ClearCache", {})  # and the server has heard of them
    answer_all(desk, peer, random.Random(SEED))
    peer.tell("Heartbeat", {})
    peer.hang_up()
    assert desk.server.faults() == []
