"""The server, but one that kills itself: `python -m tests.flows.crashing_server CP-1:after_commit:StartTransaction:2`.

The product knows nothing of this: its lane and its links are wrapped here, before it serves. Points, each met by the
n-th message of one action from one charger: `before_commit` (the unit has run), `after_commit` (stored, and nobody has
been told), and `before_send` (the reply is made, and not written).
"""

from __future__ import annotations

# First of all, as it patches.
import wsgi  # isort: skip

import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from csms import work
from csms.ocpp import link, units
from csms.serve import serve

POINTS = ("before_commit", "after_commit", "before_send")


class AtHand(threading.local):
    """The units that the lane is about to commit: of each greenlet its own, as jobs commit beside the lane."""

    units: Sequence[object] = ()


class Fuse:
    """Ends the process when a point has been met so often."""

    def __init__(self, identity: str, point: str, action: str, times: int) -> None:
        assert point in POINTS
        self.place = (identity, point, action)
        self.times = times
        self.at_hand = AtHand()

    def meet(self, point: str, unit: units.Received) -> None:
        if (unit.station.identity, point, unit.call.action) == self.place:
            self.times -= 1
            if self.times == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def meet_all(self, point: str) -> None:
        for unit in self.at_hand.units:
            if isinstance(unit, units.Received):
                self.meet(point, unit)


def lay(fuse: Fuse) -> None:
    """Wrap what is to die."""

    class Lane(work.Lane):
        def _once(self, batch: list[work.Unit[Any]]) -> tuple[list[Any], set[str]]:
            fuse.at_hand.units = batch
            return super()._once(batch)

    class CrashingSession(Session):
        def commit(self) -> None:
            fuse.meet_all("before_commit")
            super().commit()
            fuse.meet_all("after_commit")

    answered = link.answered

    def answered_or_dead(lane: work.Lane, unit: units.Received) -> str:
        text = answered(lane, unit)
        fuse.meet("before_send", unit)
        return text

    work.Session = CrashingSession  # type: ignore[misc]
    _replace("csms.ocpp.door", "Lane", Lane)
    _replace("csms.ocpp.link", "answered", answered_or_dead)


def _replace(module: str, name: str, value: object) -> None:
    assert hasattr(sys.modules[module], name)
    setattr(sys.modules[module], name, value)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        *place, times = sys.argv[1].split(":")
        lay(Fuse(*place, times=int(times)))
    serve(wsgi.app, wsgi.config)
