"""ov2xmp-django: charge points, connectors and locations."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient
from make import make_charger, store
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import chargers, tariffs
from csms.domain.accounts import Role
from csms.domain.chargers import ConnectorStatus
from csms.domain.commands import Command, Kind
from csms.domain.tariffs import simple
from tests.api.caller import begin
from tests.compat.test_ov2xmp_resources import Old

PLAZA: dict[str, Any] = {
    "country_code": "MX",
    "party_id": "SOL",
    "name": "Plaza Mayor",
    "address": "Zaragoza 1",
    "city": "Monterrey",
    "postal_code": "64000",
    "state": "Nuevo León",
    "country": "MEX",
    "coordinates": {"latitude": 25.6866, "longitude": -100.3161},
    "parking_type": "PARKING_LOT",
    "time_zone": "America/Monterrey",
    "substation_id": "T-17",
}


@pytest.fixture
def operator(client: FlaskClient, session: Session) -> Old:
    return Old(client, session, Role.OPERATOR)


@pytest.fixture
def charger(session: Session) -> int:
    """CP-1 with two connectors, the first of them free."""
    begin(session)
    made = make_charger(session, at=clock.now(), online=True, connectors=2, vendor="Volta")
    connector = chargers.connector_of(session, made.id, 1)
    assert connector is not None
    connector.status = ConnectorStatus.AVAILABLE
    store(session)
    return made.id


@pytest.mark.seed("000", "/api/location/", "/api/location/<uuid>/")
def test_location_is_kept_in_the_form_of_ocpi(operator: Old) -> None:
    added = operator.call("POST", "/api/location/", PLAZA)
    assert added.status_code == 201, added.text
    assert added.json | PLAZA == added.json
    address = f"/api/location/{added.json['uuid']}/"
    assert operator.get(address) == operator.get("/api/location")[0] == added.json
    assert operator.get("/api/location/?fields=name,city") == [{"name": "Plaza Mayor", "city": "Monterrey"}]
    changed = operator.call("PATCH", address, {"city": "San Pedro"}).json
    assert (changed["city"], changed["coordinates"]) == ("San Pedro", PLAZA["coordinates"])
    replaced = operator.call("PUT", address, {"name": "Plaza"}).json
    assert (replaced["name"], replaced["city"], replaced["coordinates"]) == ("Plaza", None, None)
    [site] = operator.get("/api/v1/sites")["data"]
    assert (site["name"], site["uuid"]) == ("Plaza", added.json["id"])
    for wrong, field in (
        ({"name": ""}, "name"),
        ({"parking_type": "ROOF"}, "parking_type"),
        ({"time_zone": "Mars"}, "time_zone"),
        ({"country": "Mexico"}, "country"),
        ({"coordinates": {"latitude": 95, "longitude": 0}}, "coordinates"),
    ):
        answer = operator.call("POST", "/api/location/", PLAZA | wrong)
        assert (answer.status_code, list(answer.json)) == (400, [field])
    assert operator.call("DELETE", address).status_code == 204
    assert operator.call("GET", address).json == {"detail": "Not found."}


@pytest.mark.seed("000", "/api/chargepoint/", "/api/chargepoint/<chargepoint_id>/")
def test_chargepoint_is_registered_found_changed_and_removed(operator: Old, charger: int) -> None:
    site = operator.call("POST", "/api/location/", PLAZA).json
    given = {"chargepoint_id": "CP-2", "chargepoint_vendor": "Volta", "chargepoint_model": "Duo"}
    added = operator.call("POST", "/api/chargepoint/", given | {"location": site["uuid"]})
    assert added.status_code == 201, added.text
    assert added.json == given | {
        "chargebox_serial_number": None,
        "chargepoint_serial_number": None,
        "firmware_version": None,
        "ip_address": None,
        "websocket_port": None,
        "connected": False,
        "chargepoint_status": "Available",
        "ocpp_version": None,
        "last_heartbeat": None,
        "location": operator.get(f"/api/location/{site['uuid']}"),
    }
    one = operator.get("/api/chargepoint/cp-1/")
    assert (one["connected"], one["ocpp_version"], one["ip_address"]) == (True, "ocpp16", "127.0.0.1")
    listed = operator.get("/api/chargepoint?chargepoint_status=Available&fields=chargepoint_id")
    assert listed == [{"chargepoint_id": "CP-1"}, {"chargepoint_id": "CP-2"}]
    assert operator.get("/api/chargepoint/?chargepoint_status=Faulted") == []
    assert operator.call("GET", "/api/chargepoint/?chargepoint_status=Lost").status_code == 400
    again = operator.call("PUT", "/api/chargepoint/CP-2/", added.json)
    assert again.json == added.json
    changed = operator.call("PATCH", "/api/chargepoint/CP-2", {"firmware_version": "1.2", "location": None})
    assert (changed.json["firmware_version"], changed.json["chargepoint_model"]) == ("1.2", "Duo")
    assert changed.json["location"] is None
    state = operator.call("PATCH", "/api/chargepoint/CP-2/", {"chargepoint_status": "Faulted"})
    assert (state.status_code, list(state.json)) == (400, ["chargepoint_status"])
    wrong = operator.call("PATCH", "/api/chargepoint/CP-2/", {"location": "nowhere"})
    assert (wrong.status_code, list(wrong.json)) == (400, ["location"])
    assert "chargepoint_id" in operator.call("POST", "/api/chargepoint/", given).json
    assert "chargepoint_id" in operator.call("POST", "/api/chargepoint/", {}).json
    assert operator.call("DELETE", "/api/chargepoint/CP-1/").status_code == 409  # it is connected
    assert operator.call("DELETE", "/api/chargepoint/CP-2/").status_code == 204
    assert operator.call("GET", "/api/chargepoint/CP-2/").status_code == 404


@pytest.mark.seed("000", "/api/connector/", "/api/connector/<uuid>/")
def test_connector_is_found_by_its_uuid_and_described(operator: Old, charger: int, session: Session) -> None:
    first, second = operator.get("/api/connector/?chargepoint_id=CP-1")
    assert (first["connectorid"], first["connector_status"], first["evse_id"]) == (1, "Available", 0)
    assert (second["connector_status"], second["availability_status"]) == ("Unavailable", "Operative")
    address = f"/api/connector/{first['uuid']}/"
    assert operator.get(address) == [first]
    for asked, numbers in (
        ("connector_status=Available", [1]),
        ("connector_status=Unavailable", [2]),
        ("connector_id=2", [2]),
        ("availability_status=Inoperative", []),
        ("chargepoint_id=CP-9", []),
    ):
        found = operator.get(f"/api/connector?{asked}&fields=connectorid")
        assert [x["connectorid"] for x in found] == numbers, asked
    given = {"standard": "IEC_62196_T1_COMBO", "format": "CABLE", "power_type": "DC"}
    changed = operator.call("PATCH", address, given).json
    assert changed == first | given
    [told, _] = operator.get("/api/v1/connectors")["data"]
    assert (told["uuid"], told["standard"]) == (first["uuid"], "IEC_62196_T1_COMBO")
    assert operator.call("PUT", address, changed).json == changed  # as it was read
    assert "standard" in operator.call("PATCH", address, {"standard": "PLUG"}).json
    assert operator.call("GET", "/api/connector/?connector_status=Lost").status_code == 400
    assert operator.call("GET", "/api/connector/9").status_code == 404


@pytest.mark.seed("000", "/api/connector/<uuid>/")
def test_connector_tells_prices_and_capacity_in_slots_and_takes_them(
    operator: Old, charger: int, session: Session
) -> None:
    begin(session)
    tariffs.create(session, "Day", simple("EUR", Decimal("0.49")), at=clock.now(), is_default=True)
    store(session)
    address = f"/api/connector/{operator.get('/api/connector?connector_id=1')[0]['uuid']}/"
    [before] = operator.get(address)
    assert (len(before["tariff_history"]), len(before["capacity_history"])) == (288, 288)
    assert set(before["tariff_history"].values()) == {0.49}
    operator.call("PATCH", address, {"tariff_time_range": "23:50-00:10", "tariff": 0.09})
    capped = {"capacity_history": before["capacity_history"] | {"12:00-12:05": 7.4}}
    told = operator.call(
        "PATCH", address, capped | {"capacity_time_range": "13:00-13:10", "capacity": 3}
    ).json
    cheap = [slot for slot, price in told["tariff_history"].items() if price == 0.09]
    assert cheap == ["00:00-00:05", "00:05-00:10", "23:50-23:55", "23:55-00:00"]
    capacity = told["capacity_history"]
    assert (capacity["12:00-12:05"], capacity["13:05-13:10"]) == (7.4, 3.0)
    assert capacity["12:05-12:10"] == before["capacity_history"]["12:05-12:10"]
    slots = operator.get("/api/v1/chargers/CP-1/connectors/1/slots")["slots"]
    assert (slots[0]["price_per_kwh"], slots[144]["limit_w"]) == ("0.09", 7400)
    assert operator.call("PATCH", address, {"tariff_time_range": "22:00-23:00"}).status_code == 400
    assert operator.call("PATCH", address, {"tariff_history": {"noon": 1}}).status_code == 400
    support = Old(operator.client, session, Role.SUPPORT)
    assert (
        support.call("PATCH", address, {"tariff_time_range": "22:00-23:00", "tariff": 1}).status_code == 403
    )


def test_connector_takes_a_tariff_and_charging_profiles(
    operator: Old, charger: int, session: Session
) -> None:
    begin(session)
    tariff = tariffs.create(session, "Own", simple("EUR", Decimal("0.20")), at=clock.now()).id
    store(session)
    profile = operator.call(
        "POST",
        "/api/chargingprofile16/",
        {
            "stack_level": 1,
            "chargingprofile_purpose": "TxDefaultProfile",
            "chargingprofile_kind": "Relative",
            "charging_rate_unit": "A",
            "chargingschedule_period": [{"startPeriod": 0, "limit": 16.0}],
        },
    ).json["chargingprofile_id"]
    address = f"/api/connector/{operator.get('/api/connector?connector_id=1')[0]['uuid']}/"
    told = operator.call("PATCH", address, {"tariff_ids": [tariff], "charging_profile": [profile]}).json
    assert (told["tariff_ids"], told["charging_profile"]) == ([tariff], [profile])
    assert set(told["tariff_history"].values()) == {0.20}
    session.rollback()
    assert session.scalars(select(Command.kind)).all() == [Kind.SET_PROFILE]
    again = operator.call("PATCH", address, {"charging_profile": [profile]}).json
    assert again["charging_profile"] == [profile]
    session.rollback()
    assert len(session.scalars(select(Command)).all()) == 1
    gone = operator.call("PATCH", address, {"tariff_ids": [], "charging_profile": []}).json
    assert (gone["tariff_ids"], gone["charging_profile"]) == ([], [])
    for wrong in ({"tariff_ids": [99]}, {"charging_profile": [99]}, {"tariff_ids": [1, 2]}):
        answer = operator.call("PATCH", address, wrong)
        assert (answer.status_code, list(answer.json)) == (400, list(wrong))


def test_the_other_systems_addresses_tell_where_the_site_is(
    operator: Old, charger: int, session: Session
) -> None:
    site = operator.call("POST", "/api/location/", PLAZA).json["uuid"]
    operator.call("PATCH", "/api/chargepoint/CP-1/", {"location": site})
    told = operator.get("/api/chargers/CP-1/")
    assert told["location"] == "Plaza Mayor, Zaragoza 1, 64000 Monterrey"
    [told] = operator.get("/ocpp/chargers/")["chargers"]
    assert (told["latitude"], told["longitude"]) == (25.6866, -100.3161)
