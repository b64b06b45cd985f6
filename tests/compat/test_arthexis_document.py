"""Arthexis: the examples of its two documents, as they stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from websockets.sync.client import connect

import manage
from csms.domain.chargers import Charger
from csms.domain.transactions import Transaction
from tests.compat import documents
from tests.desk import Desk, wait_for
from tests.flows.peer import dial
from tests.live import LiveServer

ECHO = "ws://localhost:8000/ws/echo/"
ENDPOINT = "ws://<host>/ws/ocpp/<charger_id>/"
ANY_PATH = "ws://127.0.0.1:8000/<path>/<charger_id>/"
SIMULATOR = """
import asyncio
from ocpp.simulator import SimulatorConfig, ChargePointSimulator

config = SimulatorConfig(host="localhost", ws_port=8000, cp_path="SIM1")
sim = ChargePointSimulator(config)
asyncio.run(sim._run_session())
"""
SIMULATOR_OF_THE_OCPP_APP = """
import asyncio
from ocpp.simulator import SimulatorConfig, ChargePointSimulator

config = SimulatorConfig(host="127.0.0.1", ws_port=8000, cp_path="SIM1/")
sim = ChargePointSimulator(config)
asyncio.run(sim._run_session())
"""


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    (tmp_path / "amberline.db").write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{tmp_path / 'amberline.db'}"


@pytest.mark.seed("003", "SimulatorConfig")
@pytest.mark.parametrize("example", [SIMULATOR, SIMULATOR_OF_THE_OCPP_APP], ids=["003", "004"])
def test_the_simulator_of_the_example_charges(
    live: LiveServer, desk: Desk, tmp_path: Path, example: str
) -> None:
    def begun() -> Transaction | None:
        with desk.reading() as session:
            found = session.scalars(select(Transaction).join(Charger).where(Charger.identity == "SIM1"))
            return found.one_or_none()

    with documents.program(example, live, tmp_path):
        transaction = wait_for(begun, lambda x: x is not None)
        assert transaction is not None
        wait_for(begun, lambda x: x is not None and x.meter_last_wh > x.meter_start_wh, 30)


@pytest.mark.seed("003", "WS /ws/echo/", "WS /ws/ocpp/<charger_id>/")
@pytest.mark.seed("004", "WS /<path>/<charger_id>/", "last_path")
def test_the_websockets_are_where_the_documents_say(live: LiveServer, desk: Desk) -> None:
    ws = connect(documents.here(ECHO, live), close_timeout=1, legacy=True)
    ws.send("any text you send")
    assert ws.recv(20) == "any text you send"
    ws.close()
    for pattern, identity, path in (
        (ENDPOINT, "CP2", ""),
        (ANY_PATH, "CP1", ""),
        (ANY_PATH, "CP1", "foo/bar"),
    ):
        address = pattern.replace("<charger_id>", identity).replace("<path>", path).replace("8000//", "8000/")
        address = documents.here(address.replace("<host>", "localhost:8000"), live)
        peer = dial(live, address.removeprefix(live.ws_url), offered=None)
        assert peer.boot()["status"] == "Accepted"
        peer.hang_up()
        wait_for(lambda name=identity: desk.is_online(name), lambda is_online: not is_online)
    assert desk.charger("CP1").last_path == "/foo/bar/CP1/"


def test_the_commands_of_the_documents_are_those_of_flask() -> None:
    for written in (["create_chargers"], ["create_user"], ["build_readme"], ["importer_dso", "--all"]):
        assert manage.command(written, {}) == ["-m", "flask", "--app", "wsgi", *written]
    assert manage.command(["migrate"], {}) == ["-m", "flask", "--app", "wsgi", "db", "upgrade"]
    environ = {"DJANGO_DEV_RELOAD": "1"}
    assert manage.command(["runserver", "0.0.0.0:8080"], environ)[0].endswith("wsgi.py")
    assert environ == {"CSMS_LAB": "1", "DEV_RELOAD": "1", "HOST": "0.0.0.0", "PORT": "8080"}
