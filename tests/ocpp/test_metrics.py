"""What an operator's monitoring is told, of a server with chargers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import requests

from tests.flows.peer import dial
from tests.live import LiveServer

TOKEN = "made-up-for-tests-0123"  # noqa: S105


def numbers(live: LiveServer) -> dict[str, float]:
    answer = requests.get(f"{live.url}/metrics", timeout=10)
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = [x for x in answer.text.splitlines() if not x.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_it_counts_chargers_frames_and_batches_and_tells_of_stalls(live: LiveServer) -> None:
    assert numbers(live)["amberline_chargers_connected"] == 0
    with closing(dial(live)) as peer:
        peer.boot()
        peer.exchange("Heartbeat", {})
        peer.exchange("MadeUpByAStranger", {})
        found = numbers(live)
    assert found["amberline_chargers_connected"] == 1
    assert found['amberline_frames_total{action="Heartbeat",verdict="valid"}'] == 1
    assert found['amberline_frames_total{action="unknown",verdict="invalid"}'] == 1
    assert found["amberline_lane_units_total"] >= 5  # the knock, the opening and three messages
    assert found["amberline_lane_batch_seconds_count"] > 0
    assert found["amberline_database_errors_total"] == 0
    assert 0 <= found['amberline_event_loop_longest_stall_seconds{within="10s"}'] < 10
    assert found["amberline_event_loop_lag_seconds_count"] > 0


def test_what_a_proxy_hands_on_is_not_there(live: LiveServer) -> None:
    handed_on = {"X-Forwarded-For": "192.0.2.7"}
    assert requests.get(f"{live.url}/metrics", headers=handed_on, timeout=10).status_code == 404


def test_with_a_token_only_who_shows_it_may_look(servers: Callable[..., LiveServer]) -> None:
    server = servers(METRICS_TOKEN=TOKEN)
    server.start()
    assert [asked(server, given).status_code for given in (None, "something-else-012", TOKEN)] == [
        404,
        404,
        200,
    ]


def asked(server: LiveServer, token: str | None) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.get(f"{server.url}/metrics", headers=headers, timeout=10)
