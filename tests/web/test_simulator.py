"""The page of simulated chargers, with the registry that the server has."""

import time
from datetime import timedelta

import pytest
from make import store
from sqlalchemy import select

from csms.domain import chargers
from csms.domain.accounts import Account
from csms.domain.chargers import Charger
from csms.domain.simulators import Simulator
from csms.domain.transactions import Transaction
from csms.simulator import Simulators
from tests.web.visitor import told


@pytest.fixture
def registry(app):
    simulators = app.extensions["simulators"] = Simulators()
    yield simulators
    simulators.stop_all()


def until(condition):
    give_up_at = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def test_chargers_start_under_free_names_and_are_marked_as_simulated(visitor, site, registry):
    olga = visitor().log_in()
    olga.post("/simulator/start", {"count": 3})
    assert [x.identity for x in registry.running()] == ["SIM-0001", "SIM-0002", "SIM-0003"]
    made = site.session.scalars(select(Charger).where(Charger.is_simulated)).all()
    assert len(made) == 3
    page = olga.text("/simulator")
    assert "SIM-0003" in page
    olga.post("/simulator/SIM-0002/stop")
    olga.post("/simulator/start")
    assert len(registry.running()) == 3


def test_the_buttons_do_what_they_say(visitor, site, registry):
    olga = visitor().log_in()
    olga.post("/simulator/start", {"identity": "GARAGE-1"})
    olga.post("/simulator/GARAGE-1/act", {"action": "plug", "connector": 1})
    until(lambda: registry.state("GARAGE-1").connectors[0].status == "Preparing")
    assert "Unplug" in olga.text("/simulator/live")
    olga.post("/simulator/GARAGE-1/act", {"action": "power_cut"})
    until(lambda: not registry.state("GARAGE-1").is_powered)
    assert "No power" in olga.text("/simulator/live")
    assert olga.post("/simulator/GARAGE-1/act", {"action": "skew_clock"}).status_code == 404
    assert olga.post("/simulator/GARAGE-1/act", {"action": "explode"}).status_code == 404
    gone = olga.post("/simulator/NOBODY/act", {"action": "plug"})
    assert gone.status_code == 404
    assert "NOBODY does not run: somebody has stopped it." in gone.get_data(as_text=True)


def test_a_clock_is_put_wrong_and_right_again(visitor, site, registry):
    olga = visitor().log_in()
    olga.post("/simulator/start", {"identity": "GARAGE-1"})
    assert "Clock 10 min fast" in olga.text("/simulator/live")
    olga.post("/simulator/GARAGE-1/act", {"action": "wrong_clock"})
    until(lambda: registry.state("GARAGE-1").clock_skew_s == 600)
    page = olga.text("/simulator/live")
    assert "Clock wrong" in page
    assert "Clock 10 min fast" not in page
    olga.post("/simulator/GARAGE-1/act", {"action": "right_clock"})
    until(lambda: registry.state("GARAGE-1").clock_skew_s == 0)
    assert "Clock wrong" not in olga.text("/simulator/live")


def test_a_real_chargers_identity_is_not_taken(visitor, site, registry):
    answer = visitor().log_in().post("/simulator/start", {"identity": "cp-1"})
    assert answer.status_code == 409
    assert "is a real charger" in told(answer)
    assert registry.running() == []


def test_removing_forgets_simulated_chargers_gives_their_cost_back_and_spares_real_ones(
    visitor, site, registry
):
    site.charger.is_simulated = True
    store(site.session)
    site.end(site.begin(at=site.now - timedelta(hours=1)), 3_000)
    chargers.add(site.session, "REAL", admission="accepted", policy="open", at=site.now)
    store(site.session)
    assert site.session.get_one(Account, site.account.id).balance_cents == 5_000 - 133
    olga = visitor().log_in()
    assert olga.post("/simulator/remove").status_code == 302
    site.session.rollback()
    site.session.expire_all()
    assert site.session.scalars(select(Charger.identity)).all() == ["REAL"]
    assert site.session.scalars(select(Transaction)).all() == []
    assert site.session.get_one(Account, site.account.id).balance_cents == 5_000


def test_a_process_without_simulators_says_so(visitor, app, site):
    app.extensions.pop("simulators", None)
    olga = visitor().log_in()
    assert "runs no simulated chargers" in olga.text("/simulator")
    assert olga.post("/simulator/start").status_code == 409


@pytest.mark.seed("004", "Simulator entries")
def test_a_simulator_is_set_up_on_the_page_started_and_stopped(visitor, site, registry):
    olga = visitor().log_in()
    form = {
        "name": "Garage",
        "cp_path": "ws/ocpp/GARAGE-2",
        "host": "127.0.0.1",
        "ws_port": "8000",
        "rfid": "04A2B39F",
        "duration": "600",
        "interval": "5",
        "pre_charge_delay": "0",
        "kwh_min": "2,5",
        "kwh_max": "2.5",
        "autostart": "1",
    }
    assert 'value="CPX/"' in olga.text("/simulator/entries/new")
    wrong = olga.post("/simulator/entries", form | {"kwh_max": "1"})
    assert (wrong.status_code, "at least the lesser energy" in told(wrong)) == (422, True)
    assert olga.post("/simulator/entries", form).status_code == 302
    (entry,) = site.session.scalars(select(Simulator)).all()
    address = f"/simulator/entries/{entry.id}"
    assert "2.5 to 2.5 kWh in" in olga.text("/simulator")
    assert olga.post(address, form | {"name": "Hall", "password": "a key"}).status_code == 302
    olga.post(f"{address}/start")
    assert "Starting" in olga.text("/simulator")
    assert "stop it first" in told(olga.post(address, form))
    olga.post("/simulator/start")
    olga.post("/simulator/stop-all")
    assert registry.running() == []
    assert "Off" in olga.text("/simulator")
    olga.post(f"{address}/remove")
    assert "No simulator is set up" in olga.text("/simulator")


def test_what_cannot_start_is_told_beside_the_field_with_what_was_written(visitor, site, registry):
    answer = visitor().log_in().post("/simulator/start", {"identity": "a b c"})
    assert answer.status_code == 422
    page = told(answer)
    assert 'value="a b c"' in page
    assert "An identity has 1 to 48 letters" in page
    assert "Start 10" in page


def test_as_many_start_as_there_is_room_for(visitor, site, registry, monkeypatch):
    monkeypatch.setattr("csms.web.simulator.MOST", 3)
    olga = visitor().log_in()
    olga.post("/simulator/start")
    olga.post("/simulator/start", {"count": 100})
    assert len(registry.running()) == 3
    answer = olga.post("/simulator/start", {"count": 10})
    assert answer.status_code == 409
    assert "At most 3 simulated chargers run at a time." in told(answer)
    assert "SIM-0003" in told(answer)
