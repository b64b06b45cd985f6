"""Under the pseudo-locale the pages of orders and of upkeep have no word left in plain English."""

from __future__ import annotations

import io
import time

import pytest
from make import make_charger, store
from sqlalchemy import select

from csms import clock
from csms.domain import batches, chargers, commands, local_lists, simulators
from csms.domain.commands import CommandState, Kind
from csms.domain.local_lists import ListState
from csms.domain.maintenance import Job, JobState, Rollout
from csms.simulator import Simulators
from csms.web.bulk_actions import ACTIONS
from csms.web.upkeep import WORDS
from tests.web import pseudo
from tests.web.pseudo import assert_translated

pytestmark = pytest.mark.sqlite_is_enough

# What OCPP, the manufacturer and the protocols call it.
TERMS = (
    *(
        "Reset",
        "Heartbeat",
        "HeartbeatInterval",
        "AuthorizeRemoteTxRequests",
        "LocalAuthListEnabled",
        "Unlocked",
    ),
    *("Accepted", "Rejected", "Scheduled", "NotSupported", "SIM", "API", "SHA", "PEM", "Basic", "MB", "kB"),
    *("owner-0", "Acme", "Box", "SIM-0001", "GARAGE-1", "Compact", "no sign", "false"),
)


@pytest.fixture
def owner(reader, site):
    make_charger(site.session, "CP-2", at=site.now, online=True, vendor="Acme", model="Box", connectors=2)
    make_charger(site.session, "GONE", at=site.now)
    store(site.session)
    return reader.log_in()


def plain(site):
    """What people and chargers called things; stored sentences are to be translated."""
    site.session.rollback()
    return [*(x for x in pseudo.names_in(site.session) if not x.endswith(".")), *TERMS]


def look(owner, site, *pages):
    names = plain(site)
    for page in pages:
        answer = owner.get(page)
        assert answer.status_code == 200, page
        assert_translated(answer, *names)


def change(site, row, **values):
    for name, value in values.items():
        setattr(row, name, value)
    store(site.session)


def test_orders_and_what_became_of_them(owner, site):
    look(owner, site, "/commands", "/commands/list")
    here = f"/chargers/{site.charger.id}/commands"
    asked = [
        {"kind": "reset", "type": "Hard"},
        {"kind": "unlock", "evse": "1"},
        {"kind": "availability", "type": "Inoperative", "evse": "1"},
        {"kind": "availability", "type": "Operative", "evse": ""},
        {"kind": "trigger", "message": "Heartbeat"},
        {"kind": "change_configuration", "name": "HeartbeatInterval", "value": "900"},
        {"kind": "get_configuration"},
        {"kind": "clear_cache"},
        {"kind": "data_transfer", "vendor_id": "Acme"},
    ]
    for form in asked:
        assert owner.post(here, form).status_code == 302
    order = commands.recent(site.session, limit=1)[0]
    look(owner, site, "/commands", f"/commands/{order.id}")
    names = plain(site)
    for state in CommandState:
        change(site, order, state=state, detail="Not sent: quiet mode has begun.", is_late=True)
        change(site, order, answered_at=site.now)
        assert_translated(owner.get(f"/commands/{order.id}", headers={"HX-Request": "true"}), *names)
    for form in ({"kind": "stop"}, {"kind": "nothing"}, {"kind": "trigger", "message": ""}):
        answer = owner.post(here, form, headers={"HX-Request": "true"})
        assert answer.status_code == 409
        assert_translated(answer, *names)


def test_every_kind_of_order_has_a_name(owner, site):
    order = commands.request(site.session, site.charger, Kind.RESET, {"is_hard": False}, by=None, at=site.now)
    given = {"profile": 2, "message": "Heartbeat", "name": "HeartbeatInterval"}
    names = plain(site)
    for kind in Kind:
        for more in ({}, {"evse": 1}):
            change(site, order, kind=kind, arguments=given | more)
            answer = owner.get(f"/commands/{order.id}", headers={"HX-Request": "true"})
            assert_translated(answer, *names)


def test_one_order_to_many(owner, site):
    look(owner, site, "/commands/batches", "/chargers/bulk?all=1")
    ids = "&".join(f"id={x.id}" for x in site.session.scalars(select(chargers.Charger)))
    look(owner, site, *(f"/chargers/bulk/{name}?{ids}" for name in ACTIONS))
    wrong = owner.post(f"/chargers/bulk/reset-soft?{ids}", {"what": "begin", "typed": "0", "per_minute": "1"})
    assert wrong.status_code == 422
    assert_translated(wrong, *plain(site))
    begun = owner.post(f"/chargers/bulk/reset-soft?{ids}", {"what": "begin", "typed": "2", "per_minute": "1"})
    here = begun.location
    look(owner, site, here, "/commands", "/commands/batches")
    site.session.rollback()
    site.session.connection(execution_options={"writes": True})
    batches.advance(site.session, clock.now())
    store(site.session)
    look(owner, site, here, f"{here}?outcome=offline")
    owner.post(f"{here}/cancel")
    look(owner, site, here)


def test_templates_and_what_differs_from_them(owner, site):
    look(owner, site, "/configuration", "/configuration/drift", "/configuration/new")
    keys = [("HeartbeatInterval", "300", False), ("AuthorizeRemoteTxRequests", "TRUE", True)]
    chargers.store_configuration(site.session, site.charger, keys, at=site.now)
    store(site.session)
    wrong = owner.post("/configuration/new", {"name": "Duo", "wanted": "no sign"})
    assert_translated(wrong, *plain(site))
    form = {"name": "Duo", "wanted": "HeartbeatInterval = 900\nAuthorizeRemoteTxRequests = false"}
    here = owner.post("/configuration/new", form).location
    look(owner, site, here, "/configuration", "/configuration/drift")
    apply = f"/configuration/apply?charger={site.charger.id}"
    look(owner, site, apply)
    owner.post("/configuration/apply", {"charger": str(site.charger.id)})
    look(owner, site, "/configuration/drift")
    assert_translated(owner.post("/configuration/budget", {"writes_per_day": "0"}), *plain(site))


def test_lists_of_cards(owner, site):
    look(owner, site, "/local-lists")
    local_lists.choose(site.session, site.charger, True, by="olga", at=site.now)
    row = local_lists.queries.find(site.session, site.charger.id)
    for state in ListState:
        change(site, row, state=state, detail="The charger says that it keeps no list (version -1).")
        look(owner, site, "/local-lists")


def test_firmware_and_its_rollouts(owner, site):
    look(owner, site, "/firmware", "/firmware/rollouts")
    form = {"version": "2.0", "vendor": "Acme", "file": (io.BytesIO(b""), "box.bin")}
    assert_translated(owner.post("/firmware", form), *plain(site))
    form["file"] = (io.BytesIO(b"new firmware"), "box.bin")
    here = owner.post("/firmware", form).location
    look(owner, site, here, f"{here}/rollout", "/firmware")
    given = {"name": "Spring", "stages": "50, 100", "gate_min": "5", "most_failures": "0"}
    assert_translated(owner.post(f"{here}/rollout", given | {"stages": "1"}), *plain(site))
    rollout = owner.post(f"{here}/rollout", given | {"what": "begin"}).location
    assert rollout, "nobody takes part"
    job = site.session.scalars(select(Job)).one()
    names = plain(site)
    for word, state in [(x, JobState.RUNNING) for x in WORDS] + [(None, x) for x in JobState]:
        change(site, job, word=word, state=state, detail="Nothing was heard after the order.")
        assert_translated(owner.get(f"{rollout}/live"), *names, *WORDS)
    row = site.session.scalars(select(Rollout)).one()
    change(site, row, reason="CP-2 is offline since its update.")
    look(owner, site, rollout, "/firmware/rollouts")
    owner.post(f"{rollout}/cancel")
    look(owner, site, rollout)


@pytest.fixture
def registry(app):
    made = app.extensions["simulators"] = Simulators()
    yield made
    made.stop_all()


def test_simulated_chargers(owner, site, registry):
    look(owner, site, "/simulator", "/simulator/entries/new")
    assert_translated(owner.post("/simulator/entries", {"name": "Garage", "kwh_min": "x"}), *plain(site))
    recipe = simulators.Recipe("Garage", cp_path="ws/ocpp/GARAGE-2", repeat=True)
    row = simulators.add(site.session, recipe, password_sealed=None, at=site.now)
    store(site.session)
    look(owner, site, f"/simulator/entries/{row.id}")
    owner.post("/simulator/start")
    owner.post("/simulator/SIM-0001/act", {"action": "plug", "connector": 1})
    while not registry.state("SIM-0001").connectors[0].car:
        time.sleep(0.02)
    assert_translated(owner.get("/simulator"), *plain(site), registry.state("SIM-0001").failure)
    owner.post("/simulator/SIM-0001/stop")
    look(owner, site, "/simulator")
