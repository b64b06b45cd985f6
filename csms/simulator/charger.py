"""A charger in software: it dials, boots, tells and obeys as a real one does, over a real websocket.

Its own thread (a greenlet when threads are patched) is the only one that changes its state; everything
that is done to it from outside is queued to that thread and gives a Future.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from csms.simulator.battery import Car
from csms.simulator.connector import StopReason
from csms.simulator.conversation import Conversation
from csms.simulator.frames import LoggedFrame, Payload
from csms.simulator.options import ChargerOptions
from csms.simulator.snapshot import ChargerState, state_of
from csms.simulator.station import ACCEPTED, Station

log = logging.getLogger(__name__)

LONGEST_WAIT_S = 0.2
SHORTEST_WAIT_S = 0.005

Result = TypeVar("Result")


class Charger:
    """`url` is what stands before the identity: ws://localhost:8000/ws/ocpp."""

    def __init__(self, identity: str, url: str, options: ChargerOptions | None = None) -> None:
        self.identity = identity
        self.url = url
        self.options = options or ChargerOptions()
        self.station = Station(self.options)
        self.conversation = Conversation(identity, url, self.station, self._later)
        self._jobs: queue.Queue[tuple[Callable[[], Any], Future[Any]]] = queue.Queue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._live, name=f"charger {identity}", daemon=True)

    # What a test, a page or a driver does to it.

    def start(self) -> "Charger":
        """Plug it into the wall: it dials and boots by itself."""
        self._thread.start()
        self._later(_nothing)
        return self

    def connect(self, timeout_s: float = 10.0) -> "Charger":
        """Start, and wait until BootNotification has been accepted. Raises TimeoutError."""
        self.start()
        return self.wait_until(lambda charger: charger.conversation.registration == ACCEPTED, timeout_s)

    def stop(self) -> None:
        """End for good, with a close frame and without a word about transactions; within two seconds."""
        self.leave()
        self.conversation.close()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(2.0)

    def leave(self) -> None:
        """Begin to stop, and return at once."""
        self._stopping.set()
        self._later(_nothing)

    def frames(self, after: int = 0) -> list[LoggedFrame]:
        """The last 200 frames, oldest first; only those numbered above `after`."""
        return self.conversation.frames.frames(after)

    def plug(self, connector: int, car: Car | None = None) -> Future[None]:
        return self._do(partial(self.station.plug, connector, car or Car()))

    def unplug(self, connector: int) -> Future[None]:
        return self._do(partial(self.station.unplug, connector))

    def swipe(self, connector: int, id_tag: str) -> Future[str]:
        """A card: begins, or ends what it began. The result is the verdict: Accepted, Blocked, Offline…"""
        return self._do(partial(self.conversation.swipe, connector, id_tag))

    def fault(self, connector: int, error_code: str = "GroundFailure", info: str = "") -> Future[None]:
        """`error_code` of 1.6 §7.6; connector 0 is the whole charger."""
        self.conversation.notes[connector] = info
        return self._do(partial(self.station.set_fault, connector, error_code))

    def clear_fault(self, connector: int) -> Future[None]:
        self.conversation.notes.pop(connector, None)
        return self._do(partial(self.station.clear_fault, connector))

    def power_cut(self) -> Future[None]:
        """The socket vanishes without a close; the stop is told after the next boot, with its true time."""
        self.conversation.is_powered = False
        self.conversation.vanish()
        return self._do(partial(self.conversation.die, StopReason.POWER_LOSS))

    def power_on(self) -> Future[None]:
        self.conversation.is_powered = True
        return self._do(self.conversation.dial_soon)

    def go_offline(self) -> Future[None]:
        """The network is away, charging goes on; what happens is queued."""
        self.conversation.is_in_reach = False
        self.conversation.vanish()
        return self._do(_nothing)

    def come_back(self) -> Future[None]:
        """The network is there again: no boot, changed statuses, then the queue in order."""
        self.conversation.is_in_reach = True
        return self._do(self.conversation.dial_soon)

    def boot(self) -> Future[None]:
        """Send BootNotification now."""
        return self._do(self.conversation.boot)

    def reset(self, reason: StopReason = StopReason.REBOOT) -> Future[None]:
        """Restart as if by itself; SoftReset and HardReset are the central system's."""
        return self._do(partial(self.conversation.reset, reason))

    def skew_clock(self, seconds: float) -> Future[None]:
        """Falsify the clock by so many seconds, also negative."""
        return self._do(partial(setattr, self.station.clock, "skew_s", seconds))

    def send_raw(self, text: str) -> Future[None]:
        """Write anything at all, such as broken JSON."""
        return self._do(partial(self.conversation.send_raw, text))

    def tell(self, action: str, payload: Payload) -> Future[Payload | None]:
        """Send any CALL, for instance DataTransfer; None when no good answer came."""
        return self._do(partial(self.conversation.ask, action, payload))

    def answer_with(self, action: str, reply: Payload | str | None) -> None:
        """From now on answer this order with a payload, a CALLERROR code, or silence, and do nothing."""
        self.conversation.orders.scripted[action] = reply

    def answer_by_itself(self, action: str) -> None:
        self.conversation.orders.scripted.pop(action, None)

    @property
    def is_connected(self) -> bool:
        return self.conversation.is_connected

    def state(self) -> ChargerState:
        """A look from any thread."""
        return state_of(self)

    def wait_until(self, condition: Callable[["Charger"], bool], timeout_s: float = 5.0) -> "Charger":
        """Raises TimeoutError when `condition` has not come true after so many real seconds."""
        deadline = time.monotonic() + timeout_s
        while not condition(self):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.identity}: {self.state()}")
            time.sleep(0.01)
        return self

    def wait_until_status(self, connector: int, status: str, timeout_s: float = 5.0) -> "Charger":
        """Until that status has been told to the central system."""
        return self.wait_until(lambda c: c.reported_status(connector) == status, timeout_s)

    def reported_status(self, connector: int) -> str | None:
        told = self.conversation.reported.get(connector)
        return told[0] if told else None

    # Its life.

    def _do(self, work: Callable[[], Result]) -> Future[Result]:
        """Queue `work` to the charger's thread. The Future ends after the messages it causes were tried."""
        outcome: Future[Result] = Future()
        self._jobs.put((work, outcome))
        return outcome

    def _later(self, work: Callable[[], None]) -> None:
        self._do(work).add_done_callback(_complain)

    def _live(self) -> None:
        while not self._stopping.is_set():
            try:
                work, outcome = self._jobs.get(timeout=self._wait_s())
            except queue.Empty:
                self._later(_nothing)
            else:
                self._run(work, outcome)
        self.conversation.close()
        while not self._jobs.empty():
            self._jobs.get()[1].cancel()

    def _run(self, work: Callable[[], Result], outcome: Future[Result]) -> None:
        try:
            result = work()
            self.conversation.tick()
        except Exception as error:  # handed to whoever asked, not swallowed
            outcome.set_exception(error)
        else:
            outcome.set_result(result)

    def _wait_s(self) -> float:
        due_s = self.conversation.next_due_s()
        if due_s is None:
            return LONGEST_WAIT_S
        wait_s = self.station.clock.real_s(due_s - self.station.clock.seconds())
        return min(LONGEST_WAIT_S, max(SHORTEST_WAIT_S, wait_s))


def _nothing() -> None:
    """Work that only wakes the thread."""


def _complain(outcome: Future[None]) -> None:
    """Nobody waits for what the central system ordered, so a failure of it is logged."""
    if not outcome.cancelled() and (error := outcome.exception()) is not None:
        log.error("simulated_charger_failed", exc_info=error)
