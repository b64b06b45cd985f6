"""ov2xmp-django: its description, its records and what is kept there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from flask_jwt_extended import create_access_token, decode_token
from make import make_charger, make_wire, store
from sqlalchemy.orm import Session
from story import Story, energy
from werkzeug.test import TestResponse

from csms import clock
from csms.domain import accounts, reservations
from csms.domain import energy as smart
from csms.domain.accounts import Role
from csms.domain.energy import Meant, Period, Profile, ProfileKind, Purpose, RateUnit, Schedule
from csms.domain.reservations import Reservation, ReservationState
from csms.extensions import db
from tests.api.caller import begin


class Old:
    """A script with somebody's token."""

    def __init__(
        self, client: FlaskClient, session: Session, role: Role, account_id: int | None = None
    ) -> None:
        begin(session)
        user = accounts.create_user(session, role.value, "no password", role, at=clock.now())
        user.email, user.account_id = "script@example.org", account_id
        store(session)
        self.client, self.session, self.token = client, session, create_access_token(user)

    def call(self, method: str, path: str, json: Any = None) -> TestResponse:
        self.session.rollback()
        db.session.remove()
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.client.open(path, method=method, json=json, headers=headers)

    def get(self, path: str) -> Any:
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json


@pytest.fixture
def operator(client: FlaskClient, session: Session) -> Old:
    return Old(client, session, Role.OPERATOR)


@pytest.fixture
def story(session: Session) -> Story:
    begin(session)
    charger = make_charger(session, at=clock.now(), online=True, protocol="ocpp1.6")
    return Story(make_wire(session, charger))


@pytest.mark.seed("000", "GET /api", "GET /api/schema/", "GET /api/redoc/")
@pytest.mark.parametrize("slash", ["", "/"])
def test_swagger_is_at_api_and_knows_the_old_addresses(client: FlaskClient, slash: str) -> None:
    page = client.get(f"/api{slash}")
    assert (page.status_code, 'data-spec="/api/schema/"' in page.text) == (200, True)
    document = client.get(f"/api/schema{slash}").json
    assert document["components"]["securitySchemes"]["jwtAuth"]["scheme"] == "bearer"
    reset = document["paths"]["/api/ocpp16/reset/"]["post"]
    assert (reset["tags"], reset["security"]) == (["ocpp16"], [{"jwtAuth": []}])
    body = reset["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["reset_type"]["enum"] == ["Hard", "Soft"]
    assert {"/api/task/{task_id}/", "/api/idtag/", "/api/v1/commands"} <= set(document["paths"])
    served = client.get(f"/api/schema{slash}").text
    names = set(document["components"]["schemas"])
    assert {x.split('"')[0] for x in served.split("#/components/schemas/")[1:]} <= names
    tags = [x["name"] for x in document["tags"]]
    assert (len(tags), {"ocpp16", "task", "idtag"} - set(tags)) == (len(set(tags)), set())
    redoc = client.get(f"/api/redoc{slash}")
    assert (redoc.status_code, redoc.location) == (302, "/api/")


@pytest.mark.seed("000", "POST /api/token/")
def test_the_access_token_carries_username_and_email(operator: Old) -> None:
    claims = decode_token(operator.token)
    assert (claims["username"], claims["email"]) == ("operator", "script@example.org")


@pytest.mark.seed("000", "/api/idtag/", "fields, paginate, limit, offset")
def test_idtag_is_kept_found_by_its_number_changed_and_removed(operator: Old, session: Session) -> None:
    begin(session)
    account = accounts.open_account(session, "Ada", at=clock.now())
    store(session)
    driver = Old(operator.client, session, Role.DRIVER, account.id)
    given = {
        "idToken": "CARD1",
        "friendly_name": "Blue",
        "expiry_date": "2030-01-01T00:00:00Z",
        "user": "driver",
    }
    added = operator.call("POST", "/api/idtag/", given)
    assert (added.status_code, added.json) == (201, given | {"revoked": False})
    assert "idToken" in operator.call("POST", "/api/idtag", given).json
    operator.call("POST", "/api/idtag/", {"idToken": "CARD2"})
    assert [x["idToken"] for x in operator.get("/api/idtag/")] == ["CARD1", "CARD2"]
    assert operator.get("/api/idtag/?username=driver&fields=idToken") == [{"idToken": "CARD1"}]
    assert operator.get("/api/idtag/?friendly_name=Green") == []
    page = operator.get("/api/idtag/?paginate=true&limit=1&fields=idToken")
    assert (page["count"], page["results"], page["previous"]) == (2, [{"idToken": "CARD1"}], None)
    last = operator.get(page["next"].removeprefix("http://localhost"))
    assert (last["results"], last["next"]) == ([{"idToken": "CARD2"}], None)
    assert [x["idToken"] for x in driver.get("/api/idtag/")] == ["CARD1"]
    assert driver.call("GET", "/api/idtag/CARD2/").status_code == 404
    assert driver.call("DELETE", "/api/idtag/CARD1/").status_code == 403
    changed = operator.call("PATCH", "/api/idtag/card1/", {"revoked": True}).json
    assert changed == given | {"revoked": True}
    replaced = operator.call("PUT", "/api/idtag/CARD1", {"user": None}).json
    assert replaced == {
        "idToken": "CARD1",
        "friendly_name": None,
        "expiry_date": None,
        "revoked": False,
        "user": None,
    }
    assert operator.call("DELETE", "/api/idtag/CARD1/").status_code == 204
    assert operator.call("GET", "/api/idtag/CARD1/").status_code == 404
    assert operator.call("POST", "/api/idtag/", {"idToken": "X", "user": "nobody"}).status_code == 400
    assert operator.call("GET", "/api/idtag/?limit=many").json == {"limit": ["A valid integer is required."]}


@pytest.mark.seed("000", "/api/chargingprofile16/")
@pytest.mark.parametrize("name", ["chargingprofile16", "chargingprofile"])
def test_chargingprofile16_is_kept_under_its_id(operator: Old, name: str) -> None:
    given = {
        "stack_level": 1,
        "chargingprofile_purpose": "TxDefaultProfile",
        "chargingprofile_kind": "Relative",
        "charging_rate_unit": "A",
        "chargingschedule_period": [{"startPeriod": 0, "limit": 16.0, "number_phases": 3}],
    }
    added = operator.call("POST", f"/api/{name}/", given)
    assert added.status_code == 201, added.text
    address = f"/api/{name}/{added.json['chargingprofile_id']}/"
    assert operator.get(address) | given == operator.get(address) == added.json
    assert operator.get(f"/api/{name}")[0] == added.json
    changed = operator.call("PATCH", address, {"stack_level": 3}).json
    assert changed == added.json | {"stack_level": 3}
    (stored,) = operator.get("/api/v1/charging-profiles")["data"]
    assert stored["profile"]["stack_level"] == 3
    wrong = operator.call("PUT", address, {"stack_level": 1, "chargingschedule_period": []})
    assert (wrong.status_code, list(wrong.json)) == (400, ["chargingschedule_period"])
    assert operator.call("PUT", address, {}).json["stack_level"] == ["This field is required."]
    assert operator.call("DELETE", address).status_code == 204
    assert operator.call("GET", address).status_code == 404


@pytest.mark.seed("000", "/api/transaction/", "/api/transaction/<id>/", "/api/sampledvalue/<transaction_id>/")
def test_transaction_and_sampledvalue_tell_what_has_happened(
    operator: Old, story: Story, session: Session
) -> None:
    begin(session)
    transaction_id = story.start()
    story.read(
        "2026-11-20T10:10:00Z", energy("1500"), energy("7.5", measurand="Power.Active.Import", unit="kW")
    )
    told = operator.get(f"/api/transaction/{transaction_id}/")
    assert (told["transaction_status"], told["chargepoint_id"], told["connector"]) == ("Started", "CP-1", 1)
    assert (told["wh_meter_last"], told["wh_meter_stop"], told["stop_transaction_timestamp"]) == (
        1500,
        None,
        None,
    )
    begin(session)
    story.stop(transaction_id)
    (told,) = operator.get("/api/transaction?chargepoint_id=CP-1&transaction_status=Finished&connector_id=1")
    assert (told["transaction_id"], told["wh_meter_stop"]) == (transaction_id, 4500)
    for nothing in (
        "chargepoint_id=CP-2",
        "transaction_status=Started",
        "connector_id=2",
        "username=x",
        "id_token=Y",
    ):
        assert operator.get(f"/api/transaction/?{nothing}") == [], nothing
    assert operator.get(f"/api/transaction/?id_token={told['id_tag']}&fields=uuid") == [
        {"uuid": told["uuid"]}
    ]
    assert operator.call("GET", "/api/transaction/?transaction_status=Lost").status_code == 400
    assert operator.call("DELETE", f"/api/transaction/{transaction_id}/").status_code == 409
    values = operator.get(f"/api/sampledvalue/{transaction_id}/?unit=kW&fields=value,measurand,unit")
    assert values == [{"value": "7.5", "measurand": "Power.Active.Import", "unit": "kW"}]
    (reading, *_) = operator.get(f"/api/v1/transactions/{transaction_id}/readings")["data"]
    assert [x["raw"] for x in reading["samples"]] == ["1500", "7.5"]
    driver = Old(operator.client, session, Role.DRIVER)
    assert driver.get("/api/transaction/") == []
    assert driver.call("GET", f"/api/sampledvalue/{transaction_id}/").status_code == 404


@pytest.mark.seed("000", "Snapshots")
def test_transaction_keeps_the_profile_that_held_when_it_began(
    operator: Old, story: Story, session: Session
) -> None:
    begin(session)
    at = clock.now() - timedelta(days=900)
    profile = Profile(Purpose.TX_DEFAULT, ProfileKind.RELATIVE, (Schedule(RateUnit.A, (Period(0, 9),)),), 2)
    stored = smart.keep(session, "Nine", None, profile, by=None, at=at)
    held = smart.assign(
        session, story.wire.charger, 1, profile, Meant("Nine", None, stored.id), at=clock.now()
    )
    session.flush()
    held.accepted_at = at
    store(session)
    begin(session)
    transaction_id = story.start()
    applied = operator.get(f"/api/transaction/{transaction_id}/")["chargingprofile_applied"]
    assert (applied["chargingprofile_id"], applied["stack_level"]) == (stored.id, 2)
    assert applied["chargingschedule_period"] == [{"startPeriod": 0, "limit": 9}]


@pytest.mark.seed("000", "/api/reservation/", "/api/reservation/<chargepoint_id>/")
def test_reservation_lists_what_a_charger_keeps(operator: Old, story: Story, session: Session) -> None:
    begin(session)
    at = clock.now()
    booked = reservations.book(
        session,
        story.wire.charger,
        evse=0,
        id_tag="CARD1",
        expires_at=at + timedelta(hours=1),
        by=None,
        at=at,
    )
    booked_id = booked.id
    store(session)
    assert operator.get("/api/reservation/") == []  # the charger has not said yes
    begin(session)
    session.get_one(Reservation, booked_id).state = ReservationState.RESERVED
    store(session)
    (told,) = operator.get("/api/reservation/CP-1/")
    assert (told["reservation_id"], told["connector"], told["chargepoint_id"]) == (booked_id, 0, "CP-1")
    assert operator.get("/api/reservation/CP-2/") == []


@pytest.mark.seed("000", "/api/statusnotification/<chargepoint_id>/")
def test_statusnotification_lists_what_a_charger_has_told(
    operator: Old, story: Story, session: Session
) -> None:
    begin(session)
    for status, error in (("Available", "NoError"), ("Faulted", "GroundFailure")):
        told = {"connectorId": 1, "status": status, "errorCode": error, "info": "wet", "vendorId": "Test"}
        story.tell("StatusNotification", told | {"vendorErrorCode": "E7"})
    first, second = operator.get("/api/statusnotification/CP-1/")
    assert (first["status_reported"], second["status_reported"]) == ("Faulted", "Available")
    assert first | {"timestamp": None} == {
        "chargepoint": "CP-1",
        "connector": 1,
        "error_code": "GroundFailure",
        "info": "wet",
        "status_reported": "Faulted",
        "timestamp": None,
        "vendor_id": "Test",
        "vendor_error_code": "E7",
    }
    (newest, *_) = operator.get("/api/v1/chargers/CP-1/status-history?limit=1")["data"]
    assert (newest["status"], newest["evse"], newest["info"]) == ("Faulted", 1, "wet")
    assert operator.call("GET", "/api/statusnotification/CP-2").status_code == 404
    assert (
        Old(operator.client, session, Role.DRIVER).call("GET", "/api/statusnotification/CP-1/").status_code
        == 403
    )
