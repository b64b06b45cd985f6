"""One server for all cases of a file, in the mode for certification; a charger and a card for each case.

Not for all of a run: it would be at work, for nobody, until the last test of all.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import pki
from tests.certification.v16.charge_point import ChargePoint
from tests.certification.v16.operators import CARDS, Operator
from tests.desk import Desk
from tests.live import LiveServer, free_port
from tests.nursery import ForkedServer, Nursery


@pytest.fixture(scope="module")
def server(
    nursery: Nursery, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    """A server as it is certified: no lab mode, unknown chargers are refused, with TLS and without."""
    directory = tmp_path_factory.mktemp("certification")
    file = directory / "amberline.db"
    shutil.copy(sqlite_template, file)
    tls = pki.server_files(directory) | {"TLS_PORT": str(free_port())}
    server = ForkedServer(
        nursery, directory, f"sqlite:///{file}", CSMS_LAB="0", UNKNOWN_CHARGERS="refuse", **tls
    )
    server.start()
    yield server
    server.stop()
    assert server.faults() == []


@pytest.fixture(scope="module")
def office(server: LiveServer) -> Iterator[Desk]:
    """The operators' desk: quiet mode is on, and the cards that the cases use are known."""
    desk = Desk(server)
    desk.call("PATCH", "/settings", json={"is_quiet": True})
    for card in CARDS:
        desk.call("POST", "/id-tokens", 201, json=card)
    yield desk
    desk.close()


@pytest.fixture
def operator(office: Desk, request: pytest.FixtureRequest) -> Operator:
    """The operator of a charger that is registered and has not connected yet; it lets known cards charge."""
    case = re.fullmatch(r"test_tc_(\d{3}(?:_\d)?)_csms_.+", request.node.name)
    assert case is not None, "a case is named by its id"
    identity = f"TC-{case[1].replace('_', '-')}"
    office.call("POST", "/chargers", 201, json={"identity": identity, "policy": "known"})
    return Operator(office, identity)


@pytest.fixture
def new_cp(server: LiveServer, operator: Operator) -> Iterator[ChargePoint]:
    """A charger that has not connected yet. What nobody has ordered must not come to it."""
    charge_point = ChargePoint(server, operator.identity)
    yield charge_point
    charge_point.is_left_in_peace()
    if charge_point.is_connected:
        charge_point.disconnects()


@pytest.fixture
def cp(new_cp: ChargePoint) -> ChargePoint:
    """A charger that has booted and is free."""
    new_cp.boots()
    return new_cp
