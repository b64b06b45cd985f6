"""What a peer can fetch."""

from __future__ import annotations

from datetime import timedelta

from make import make_charger, store
from sqlalchemy import select

from csms import clock
from csms.domain import sites
from csms.domain.chargers import Charger, Connector
from csms.domain.sites import Site
from tests.emsp import Emsp
from tests.ocpi.conftest import EVSE_UID, PLAZA, Ours, invited


def test_a_public_site_is_a_location_with_its_evses(ours: Ours, plaza, session):
    [found] = ours.data("/2.2.1/locations")
    uuid = session.scalars(select(Site.uuid)).one()
    assert {x: found[x] for x in ("id", "country_code", "party_id", "publish", "city", "country")} == {
        "id": uuid,
        "country_code": "ES",
        "party_id": "AMB",
        "publish": True,
        "city": "Madrid",
        "country": "ESP",
    }
    assert found["coordinates"] == {"latitude": "40.416800", "longitude": "-3.703800"}
    assert found["time_zone"] == "Europe/Madrid"
    assert "CP-1" not in str(found)  # with a charger's identity somebody could connect in its name
    [evse] = found["evses"]
    assert (evse["uid"], evse["evse_id"], evse["status"]) == (EVSE_UID, "ES*AMB*EK7Q4M9", "AVAILABLE")
    [connector] = evse["connectors"]
    [tariff] = ours.data("/2.2.1/tariffs")
    assert connector["last_updated"].endswith("Z")
    assert connector | {"last_updated": ""} == {
        "id": "1",
        "standard": "IEC_62196_T2",
        "format": "SOCKET",
        "power_type": "AC_3_PHASE",
        "max_voltage": 230,
        "max_amperage": 32,
        "max_electric_power": 22_000,
        "tariff_ids": [tariff["id"]],
        "last_updated": "",
    }
    assert (tariff["country_code"], tariff["currency"]) == ("ES", "EUR")
    assert {x["type"] for e in tariff["elements"] for x in e["price_components"]} >= {"ENERGY", "FLAT"}
    assert all(isinstance(x["price"], float) for e in tariff["elements"] for x in e["price_components"])
    assert ours.data(f"/2.2.1/locations/{uuid}")["evses"] == [evse]
    assert ours.data(f"/2.2.1/locations/{uuid}/{EVSE_UID}")["uid"] == EVSE_UID
    assert ours.data(f"/2.2.1/locations/{uuid}/{EVSE_UID.upper()}/1")["id"] == "1"
    for gone in ("/x", f"/{uuid}/nothing", f"/{uuid}/{EVSE_UID}/2"):
        answer = ours.call("GET", f"/2.2.1/locations{gone}")
        assert (answer.status_code, answer.get_json()["status_code"]) == (404, 2003)


def test_the_status_is_that_of_the_connector_and_of_its_connection(ours: Ours, plaza, session):
    def status() -> str:
        [location] = ours.data("/2.2.1/locations")
        return str(location["evses"][0]["status"])

    for word, told in (("Preparing", "CHARGING"), ("Reserved", "RESERVED"), ("Faulted", "OUTOFORDER")):
        plaza.status(word)
        assert status() == told
    plaza.status("Unavailable")
    assert status() == "INOPERATIVE"
    charger = session.get_one(Charger, plaza.charger.id)
    charger.lease.online_until = clock.now() - timedelta(minutes=1)
    store(session)
    assert status() == "UNKNOWN"


def test_what_is_private_simulated_or_half_known_is_not_published(ours: Ours, plaza, session, olga):
    charger = session.get_one(Charger, plaza.charger.id)
    for name, value in (("is_public", False), ("is_simulated", True)):
        before = getattr(charger, name)
        setattr(charger, name, value)
        store(session)
        assert ours.data("/2.2.1/locations") == []
        assert ours.data("/2.2.1/tariffs") == []
        setattr(charger, name, before)
    connector = session.scalars(select(Connector)).one()
    connector.format = None
    store(session)
    assert ours.data("/2.2.1/locations") == []
    assert "No connector of it has standard" in olga.text("/integrations/ocpi")
    connector.format = "SOCKET"
    site = session.scalars(select(Site)).one()
    site.city = None
    store(session)
    assert ours.data("/2.2.1/locations") == []
    assert "lacks street, city" in olga.text("/integrations/ocpi")


def test_lists_come_in_pages_and_by_date(ours: Ours, plaza, session):
    at = clock.now()
    template = session.scalars(select(Connector)).one()
    for number in range(2, 5):
        named = {"name": f"Plaza {number}", "is_public": True}
        details = {x: getattr(PLAZA, x) for x in PLAZA.__slots__} | named
        place = sites.add(session, sites.Details(**details), at=at)
        other = make_charger(session, f"CP-{number}", at=at)
        other.site_id = place.id
        [plug] = other.connectors
        for name in ("standard", "format", "power_type", "max_power_w"):
            setattr(plug, name, getattr(template, name))
        store(session)
    first = ours.call("GET", "/2.2.1/locations?limit=3")
    assert first.headers["X-Total-Count"] == "4"
    assert len(first.get_json()["data"]) == 3
    link = first.headers["Link"]
    assert link == '<http://charging.test/ocpi/2.2.1/locations?limit=3&offset=3>; rel="next"'
    last = ours.call("GET", "/2.2.1/locations?limit=3&offset=3")
    assert [x["name"] for x in last.get_json()["data"]] == ["Plaza 4"]
    assert "Link" not in last.headers
    future, past = ((at + x).isoformat().replace("+00:00", "Z") for x in (timedelta(1), -timedelta(2)))
    assert ours.data(f"/2.2.1/locations?date_from={future}") == []
    assert len(ours.data(f"/2.2.1/locations?date_from={past}&date_to={future}")) == 4
    assert ours.data(f"/2.2.1/locations?date_to={past}") == []


def test_sessions_and_charge_records_are_those_of_the_peers_own_cards(ours: Ours, plaza, emsp: Emsp, olga):
    ours.data("/2.2.1/tokens/NL/EMP/C0FFEE01", "PUT", json=emsp.card("C0FFEE01"))
    at = clock.now() - timedelta(hours=1)
    theirs = plaza.begin("C0FFEE01", 1_000, at=at)
    plaza.measure(theirs, 3_000, at + timedelta(minutes=20))
    [running] = ours.data("/2.2.1/sessions")
    assert (running["status"], running["kwh"], running["auth_method"]) == ("ACTIVE", 2.0, "WHITELIST")
    assert running["cdr_token"] == {
        "country_code": "NL",
        "party_id": "EMP",
        "uid": "C0FFEE01",
        "type": "RFID",
        "contract_id": "NL-EMP-C12345678-X",
    }
    assert (running["evse_uid"], running["connector_id"]) == (EVSE_UID, "1")
    assert ours.data("/2.2.1/cdrs") == []
    plaza.end(theirs, 11_000, at + timedelta(minutes=50))
    ours_alone = plaza.begin("04A2B39F", 11_000)
    plaza.end(ours_alone, 12_000)
    [over] = ours.data("/2.2.1/sessions")
    assert (over["status"], over["kwh"], over["id"]) == ("COMPLETED", 10.0, str(theirs.id))
    [record] = ours.data("/2.2.1/cdrs")
    assert (record["session_id"], record["total_energy"], record["currency"]) == (str(theirs.id), 10.0, "EUR")
    assert record["cdr_token"] == running["cdr_token"]
    assert record["cdr_location"]["evse_id"] == "ES*AMB*EK7Q4M9"
    assert record["total_cost"] == over["total_cost"]
    assert record["total_cost"]["incl_vat"] > 4.9
    assert record["charging_periods"][0]["dimensions"][0]["type"] == "ENERGY"
    assert record["tariffs"][0]["party_id"] == "AMB"
    assert None not in record.values()
    assert "CP-1" not in f"{record}{over}"
    later = (clock.now() + timedelta(hours=1)).isoformat()
    assert ours.data("/2.2.1/cdrs", query_string={"date_from": later}) == []
    stranger = invited(olga, "Other Roads")
    with Emsp(party="OTH") as other:
        stranger.register(other)
    assert stranger.data("/2.2.1/cdrs") == stranger.data("/2.2.1/sessions") == []
