"""Under the pseudo-locale the pages of chargers, and of what keeps them away, have no word left in plain English."""

from __future__ import annotations

from datetime import timedelta

import pytest
from make import store

from csms import clock, quirks
from csms.domain import chargers, forwarding, nodes, security
from csms.domain.chargers import Admission, ConfigurationKey, RefusalCause
from csms.domain.chargers.sheets import FIELDS
from csms.domain.forwarding import ForwardState
from csms.domain.security import EventReport
from csms.web.charger_import import EXAMPLE
from tests import pki
from tests.web import pseudo
from tests.web.pseudo import assert_translated

pytestmark = pytest.mark.sqlite_is_enough

TABS = (
    "",
    "/sessions",
    "/readings",
    "/messages",
    "/configuration",
    "/conformance",
    "/firmware",
    "/security",
    "/settings",
    "/second-backend",
)
PARTS = ("/head", "/identity", "/live", "/log", "/day", "/security/body", "/ask/stop", "/ask/reset")
HOUR = timedelta(hours=1)
# Names of actions, measurands and connectors as the specification writes them, and of products.
TERMS = (
    "OCPP", "TLS", "SHA", "ms", "SIM", "owner-", "CCS", "NACS", "CHAdeMO", "GB/T", "AC", "DC", "Schuko", "JSONL",
    "charging.test", "chargePointVendor", "interval", "connectorId", "transactionId", "idTag", "meterStart", "Accepted",
    "Charging", "Keba", "HTTP", "Amberline Charger CA", "known", "credit", "open", "Voltage",
    "PEM", "Base64", "BEGIN CERTIFICATE", "END CERTIFICATE", "CA_FILE", "NODE_TOKEN", "Odoo", "identity", "ws", "wss",
    "Energy.Active.Import.Register", "Wh", "A7", "A6", "A5", "mm", "localhost",
    "connector", "connectors", "chargers", "nodes",
)  # fmt: skip


def standards():
    """What connectors are called where no words of ours stand for it."""
    return tuple(x.value for x in chargers.ConnectorStandard) + tuple(
        x.value.replace("_", " ") for x in chargers.ConnectorStandard
    )


@pytest.fixture
def olga(reader):
    return reader.log_in()


@pytest.fixture
def known(site):
    """What people, chargers and products are called here."""
    made = [x for x in quirks.profiles().values() if x.match]
    terms = [x.name for x in made] + [x.label for y in made for x in y.address.fields]
    terms += [x.name for y in made for x in y.keys] + [x.action for y in made for x in y.refuses]

    def found(*more: str) -> tuple[str, ...]:
        theirs = pseudo.names_in(site.session)
        return (*theirs, *terms, *TERMS, *FIELDS, *standards(), EXAMPLE.strip(), *more)

    return found


def test_a_charger_that_charges(olga, site, known):
    begun_at = site.now - timedelta(minutes=30)
    transaction = site.begin(at=begun_at)
    for minutes, meter_wh in ((10, 3_000), (20, 6_000)):
        site.measure(transaction, meter_wh, begun_at + timedelta(minutes=minutes))
    site.tell("BootNotification", {"chargePointVendor": "Keba", "chargePointModel": "", "x": 1}, site.now)
    charger_id = site.charger.id
    site.session.add(
        ConfigurationKey(
            charger_id=charger_id, name="HeartbeatInterval", value="300", is_readonly=False, read_at=site.now
        )
    )
    site.session.flush()
    for value in ("900", "300"):
        told = [("HeartbeatInterval", value, False)]
        chargers.store_configuration(
            site.session, site.charger, told, at=site.now, is_set=value == "300", by="olga"
        )
    store(site.session)
    for path in (*TABS, *PARTS, "/messages?q=nowhere", "/readings?measurand=Voltage"):
        assert_translated(olga.get(f"/chargers/{charger_id}{path}"), *known())


def test_a_second_backend_in_each_of_its_states(olga, site, known):
    here = f"/chargers/{site.charger.id}/second-backend"
    wish = forwarding.Wish("ws://csms.example.org", "THERE-7", cards=("04A2B39F",))
    row = forwarding.set_up(site.session, site.charger, wish, password_sealed="x", at=site.now)
    row.refused, row.last_refusal = 2, "MeterValues: GenericError"
    for ours in ("Accepted", "Invalid"):
        forwarding.compare(row, frame_id=7, action="Authorize", ours=ours, theirs="Invalid", at=site.now)
    why = "csms.example.org does not let us in: look at identity and password."
    told = ("Authorize", "MeterValues", "GenericError", "Accepted", "Invalid", "csms.example.org", "THERE-7")
    for state in ForwardState:
        forwarding.note_state(
            site.session, row, state, at=site.now, detail=why, next_try_at=clock.now() + HOUR
        )
        store(site.session)
        assert_translated(olga.get(here), *known(*told))
    forwarding.note_state(site.session, row, ForwardState.CONNECTED, at=site.now)
    forwarding.note_state(site.session, row, ForwardState.AWAY, at=clock.now() - 2 * HOUR, detail=why)
    store(site.session)
    assert_translated(olga.get("/"), *known(*told))
    olga.post(f"{here}/pause")
    assert_translated(olga.get(here), *known(*told))
    assert_translated(olga.get(f"/chargers/{site.charger.id}/settings"), *known(*told))
    assert_translated(olga.post(here, {"url": "nowhere", "cards": "04A2B39F"}), *known(*told, "nowhere"))


@pytest.mark.parametrize("admission", [Admission.PENDING, Admission.REJECTED])
def test_a_charger_that_is_not_let_in_and_has_told_nothing(olga, site, known, admission):
    charger = chargers.add(
        site.session, "NEW-1", admission=admission, policy=site.charger.policy, at=site.now
    )
    store(site.session)
    for path in TABS:
        assert_translated(olga.get(f"/chargers/{charger.id}{path}"), *known())


def test_lists_and_forms(olga, site, known):
    for path in (
        "/chargers?status=all",
        "/chargers?look=tiles",
        "/chargers?q=nowhere&status=all",
        "/chargers?cols=connectors.power.site.model.serial.firmware.protocol.security.tariff.tags.heard.drivers",
        "/chargers/new",
        "/chargers/import",
        "/labels",
        "/nodes",
        "/conformance",
        "/certificates",
        "/certificates/events",
        "/attempts",
    ):
        assert_translated(olga.get(path), *known())


def test_what_is_answered(olga, site, known):
    charger = f"/chargers/{site.charger.id}"
    for form, given in (
        ("/chargers/new", {"identity": "a/b"}),
        ("/chargers/import", {"text": "identity,policy\nA-1,nobody\nA-1,known\n"}),
        ("/chargers/import", {"text": "identity,colour\nA-1,red\n"}),
        ("/chargers/import", {"text": "identity,name\nA-1,Known\n"}),
        (f"{charger}/settings", {"policy": "known", "latitude": "north"}),
        (f"{charger}/quirks", {"quirks": "nonsense"}),
        (f"{charger}/key", {}),
        ("/certificates/roots", {"certificate": "nothing"}),
        ("/nodes", {"hostname": "-", "address": "1.2.3.4", "port": "80"}),
    ):
        assert_translated(olga.post(form, given), *known("Known", "nobody", "red", "colour", "nothing"))
    for form, given, then in (
        (f"{charger}/settings", {"policy": "known"}, f"{charger}/settings"),
        (f"{charger}/connectors/1", {"type": "Type 2", "max_power": "22"}, f"{charger}/settings"),
        (f"{charger}/quirks", {"quirks": "abb-terra-ac-before-1-8-22"}, f"{charger}/conformance"),
        (f"{charger}/quirks", {"quirks": "en-plus"}, f"{charger}/conformance"),
        (f"{charger}/quirks", {"quirks": "none"}, f"{charger}/conformance"),
        ("/nodes", {"hostname": "two", "address": "1.2.3.4", "port": "80"}, "/nodes"),
        ("/chargers/views", {"name": "Mine", "query": "status=all"}, "/chargers?status=all"),
    ):
        assert olga.post(form, given).status_code == 302
        assert_translated(olga.get(then), *known("Type 2"))


@pytest.mark.parametrize("cause", RefusalCause)
def test_every_refused_connection(olga, site, known, cause):
    chargers.note_attempt(
        site.session,
        identity="BOX-9",
        address="192.0.2.7",
        cause=cause,
        path="/ocpp/BOX-9",
        detail="",
        remedy="",
        status_code=401,
        at=clock.now(),
    )
    store(site.session)
    assert_translated(olga.get("/attempts/1"), *known())


def test_security_and_what_is_told_of_it(olga, site, known):
    security.add_root(site.session, pki.rsa_authority().pem, at=site.now)
    for kind in ("FirmwareUpdated", "InvalidMessages"):
        report = EventReport(kind, None, site.now, kind)
        security.note_event(site.session, site.charger.id, report, at=site.now)
    nodes.register(site.session, hostname="one", address="1.2.3.4", port=80, at=site.now - timedelta(days=2))
    store(site.session)
    for path in ("/certificates", "/certificates/events", f"/chargers/{site.charger.id}/security", "/nodes"):
        assert_translated(olga.get(path), *known())


def test_a_stored_refusal_is_told_in_the_readers_language(olga, site):
    chargers.note_attempt(
        site.session,
        identity="BOX-9",
        address="192.0.2.7",
        cause=RefusalCause.UNKNOWN_CHARGER,
        path="/ocpp/BOX-9",
        detail="No charger is called BOX-9.",
        remedy="Give each charger an identity of its own.",
        status_code=404,
        at=clock.now(),
    )
    store(site.session)
    page = olga.text("/attempts")
    assert "No charger is called" not in page
    assert "BOX-9.⟧" in page
