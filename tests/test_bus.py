"""The bus: names of what has changed, within a process and between them."""

from __future__ import annotations

import queue
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis
import services

from csms.bus import LocalBus

HERE = Path(__file__).parent
PATIENCE_S = 20


def test_a_listener_hears_its_topics_and_no_others() -> None:
    bus, heard = LocalBus(), list[str]()
    bus.subscribe(["a", "b"], heard.append)
    bus.publish(["a", "x", "b", "a"])
    assert heard == ["a", "b", "a"]


def test_who_has_left_hears_nothing_and_the_others_still_do() -> None:
    bus, stays, leaves = LocalBus(), list[str](), list[str]()
    bus.subscribe(["a"], stays.append)
    bus.subscribe(["a"], leaves.append)
    bus.unsubscribe(["a", "never"], leaves.append)
    bus.publish(["a"])
    assert (stays, leaves) == (["a"], [])


def test_a_listener_may_leave_while_it_is_being_told() -> None:
    bus, heard = LocalBus(), list[str]()

    def once(topic: str) -> None:
        heard.append(topic)
        bus.unsubscribe(["a"], once)

    bus.subscribe(["a"], once)
    bus.subscribe(["a"], heard.append)
    bus.publish(["a"])
    bus.publish(["a"])
    assert heard == ["a", "a", "a"]


@dataclass
class Process:
    """A process on the bus."""

    running: subprocess.Popen[str]
    lines: queue.Queue[str] = field(default_factory=queue.Queue)

    def __post_init__(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.running.stdout is not None
        for line in self.running.stdout:
            self.lines.put(line.strip())

    def publish(self, *topics: str) -> None:
        assert self.running.stdin is not None
        self.running.stdin.write(" ".join(topics) + "\n")
        self.running.stdin.flush()

    def heard(self) -> str:
        return self.lines.get(timeout=PATIENCE_S)

    def stop(self) -> None:
        self.running.kill()
        self.running.communicate()


@pytest.fixture
def channel() -> str:
    """A channel of this run's own: the server may be serving others."""
    return f"amberline-test:{secrets.token_hex(8)}"


@pytest.fixture
def pair(channel: str) -> Iterator[tuple[Process, Process]]:
    """Two processes on one channel; each listens to `a` and `b`."""
    url = services.redis_server()
    if url.url is None:
        pytest.skip(url.reason)
    address = f"{url.url}?client_name={channel}"
    command = [sys.executable, str(HERE / "bus_peer.py"), address, channel, "a", "b"]
    two = [
        Process(
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                cwd=HERE.parent,
                env={"PYTHONPATH": str(HERE.parent)},
            )
        )
        for _ in range(2)
    ]
    for process in two:
        assert process.heard() == "ready"
    _wait_for_listeners(url.url, channel)
    yield two[0], two[1]
    for process in two:
        process.stop()


def _wait_for_listeners(url: str, channel: str) -> None:
    with redis.Redis.from_url(url) as client:
        give_up_at = time.monotonic() + PATIENCE_S
        while client.pubsub_numsub(channel)[0][1] < 2:
            assert time.monotonic() < give_up_at, "the processes do not listen"
            time.sleep(0.05)


@pytest.mark.redis
def test_what_one_process_publishes_is_heard_in_both_and_once(pair: tuple[Process, Process]) -> None:
    one, other = pair
    one.publish("a", "nobody's")
    assert (one.heard(), other.heard()) == ("a", "a")
    other.publish("b")
    assert (one.heard(), other.heard()) == ("b", "b")
    time.sleep(0.2)
    assert one.lines.empty()
    assert other.lines.empty()


@pytest.mark.redis
def test_a_lost_connection_comes_back_and_what_is_local_never_stops(  # F11
    pair: tuple[Process, Process], channel: str
) -> None:
    one, other = pair
    url = services.redis_server().url
    assert url is not None
    with redis.Redis.from_url(url) as client:
        for connection in client.client_list():
            if connection["name"] == channel:
                client.client_kill_filter(_id=connection["id"])
    one.publish("a")
    assert one.heard() == "a"
    _wait_for_listeners(url, channel)
    one.publish("b")
    assert one.heard() == "b"
    while other.heard() != "b":
        pass
