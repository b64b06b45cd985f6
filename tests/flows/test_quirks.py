"""Every quirk profile with a charger that has just these habits, over a real socket: the session comes out right."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from make import make_charger
from sqlalchemy import select

from csms import clock, quirks
from csms.domain import accounts, chargers, tariffs
from csms.domain.chargers import AuthorizationPolicy, Charger
from csms.domain.tariffs import simple
from csms.domain.transactions import Reading, Transaction, TransactionState
from csms.domain.verify import verify
from csms.simulator import MODELS, Quirk
from csms.simulator import Charger as Simulated
from tests.desk import Desk, wait_for
from tests.nursery import ForkedServer, Nursery
from tests.simulated import simulated

CARD = "04A2B39F"
PRICE = simple("EUR", price_per_kwh=Decimal("0.50"))
BEGIN_WH = 512_345
PATIENCE_S = 30.0


@dataclass
class Told:
    """What the charger itself knows of its session, in Wh."""

    energy_wh: int


@pytest.fixture(scope="module")
def desk(nursery: Nursery, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    directory = tmp_path_factory.mktemp("quirks")
    shutil.copy(sqlite_template, directory / "amberline.db")
    server = ForkedServer(nursery, directory, f"sqlite:///{directory / 'amberline.db'}")
    desk = Desk(server)
    arrange(desk)
    server.start()
    desk.call("GET", "/chargers")  # logged in before many ask at once
    yield desk
    desk.close()
    server.stop()
    assert server.faults() == []


def arrange(desk: Desk) -> None:
    """A price, a card with an account, and a charger for each profile that lets only known cards in."""
    now = clock.now()
    with desk.writing() as session:
        tariffs.create(session, "Public", PRICE, at=now, is_default=True)
        account = accounts.open_account(session, "Olga", at=now)
        accounts.add_token(session, CARD, at=now, account_id=account.id)
    with desk.writing() as session:
        for key, profile in quirks.profiles().items():
            charger = make_charger(session, key, at=now, policy=AuthorizationPolicy.KNOWN)
            if not profile.match:
                chargers.choose_quirks(session, charger, key)


@pytest.fixture(scope="module")
def told(desk: Desk) -> dict[str, Told | BaseException]:
    """All their sessions, at once; what went wrong with one is told by its own test."""
    with ThreadPoolExecutor(len(MODELS)) as pool:
        running = {key: pool.submit(charge, desk, key) for key in quirks.profiles() if key in MODELS}
        return {key: future.exception() or future.result() for key, future in running.items()}


def charge(desk: Desk, key: str) -> Told:
    model = MODELS[key]
    options = model.options(
        connectors=1,
        speed=1800.0,
        register_wh=BEGIN_WH,
        reboot_s=0.3,
        configuration={"MeterValueSampleInterval": "300"},
    )
    with simulated(desk.server, key, options) as charger:
        charger.plug(1).result(PATIENCE_S)
        begin(desk, charger)
        charger.wait_until(lambda x: x.state().connectors[0].session_wh > 6_000, PATIENCE_S)
        if Quirk.REMOTE_START_ONLY in model.quirks:
            charger.unplug(1).result(PATIENCE_S)
        else:
            assert charger.swipe(1, CARD).result(PATIENCE_S) == "Accepted"
        charger.wait_until(lambda x: x.state().queued == 0, PATIENCE_S)
        stop_wh = int(charger.state().connectors[0].energy_wh)
    if Quirk.KWH_CALLED_WH in model.quirks:  # it tells whole kWh in its start and stop
        return Told(1000 * (stop_wh // 1000 - BEGIN_WH // 1000))
    return Told(stop_wh - BEGIN_WH)


def begin(desk: Desk, charger: Simulated) -> None:
    if Quirk.REMOTE_START_ONLY not in charger.options.quirks:
        assert charger.swipe(1, CARD).result(PATIENCE_S) == "Accepted"
        return
    command_id = desk.order("RemoteStartTransaction", {"idTag": CARD, "connectorId": 1}, charger.identity)
    assert desk.command_when(command_id, lambda x: not x["is_waiting"])["observed_at"] is not None


@pytest.mark.parametrize("key", quirks.profiles())
def test_a_session_at_a_charger_with_these_habits_comes_out_right(
    desk: Desk, told: dict[str, Told | BaseException], key: str
) -> None:
    assert key in MODELS, f"{key}.toml has no simulated twin in csms/simulator/models.py"
    known = told[key]
    assert isinstance(known, Told), known
    with desk.reading() as session:
        charger = session.scalars(select(Charger).where(Charger.identity == key)).one()
        assert chargers.quirks_of(charger).key == key
        transaction = session.scalars(select(Transaction).where(Transaction.charger_id == charger.id)).one()
        assert transaction.state is TransactionState.ENDED
        # A start and a stop in whole kWh say a little less than the meter values between them.
        is_coarse = Quirk.KWH_CALLED_WH in MODELS[key].quirks
        assert set(transaction.flags) <= ({"meter_backwards"} if is_coarse else set())
        assert transaction.energy_wh == known.energy_wh
        assert transaction.id_token_id is not None
        assert transaction.account is not None
        assert transaction.account.name == "Olga"
        assert transaction.cost_cents == pytest.approx(known.energy_wh / 1000 * 50, abs=0.5)
        query = select(Reading.energy_wh).where(Reading.transaction_id == transaction.id)
        registers = [
            x for x in session.scalars(query.order_by(Reading.measured_at, Reading.id)) if x is not None
        ]
        assert len(registers) >= 3
        steps = [after - before for before, after in zip(registers, registers[1:], strict=False)]
        assert min(steps) >= -1  # of the same register the one message rounds what the other cuts
        assert BEGIN_WH - 1_000 <= registers[0] <= registers[-1] <= BEGIN_WH + known.energy_wh + 1_000


def test_every_model_of_the_simulator_has_its_profile() -> None:
    assert set(MODELS) == set(quirks.profiles())


def test_all_adds_up_after_all_of_them(desk: Desk, told: dict[str, object]) -> None:
    assert told
    with desk.reading() as session:
        wait_for(lambda: verify(session), lambda faults: faults == [])
