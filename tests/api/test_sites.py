"""Sites through the API, and how chargers come to stand there."""

from __future__ import annotations

import pytest
from make import make_charger
from sqlalchemy.orm import Session

from csms import clock
from csms.domain.accounts import Role
from tests.api.caller import Api, begin

PLAZA = {
    "name": "Plaza Mayor",
    "country_code": "mx",
    "party_id": "SOL",
    "address": "Zaragoza 1",
    "city": "Monterrey",
    "postal_code": "64000",
    "country": "MEX",
    "latitude": 25.6866,
    "longitude": -100.3161,
    "parking_type": "UNDERGROUND_GARAGE",
    "time_zone": "America/Monterrey",
    "substation_id": "T-17",
}


@pytest.fixture
def charger(session: Session) -> str:
    begin(session)
    return make_charger(session, at=clock.now()).identity


def test_a_site_is_added_found_changed_and_removed(owner: Api) -> None:
    made = owner.post("/sites", PLAZA)
    assert made.status_code == 201, made.text
    assert made.json | PLAZA == made.json | {"country_code": "mx"}
    assert (made.json["country_code"], made.json["state"], made.json["charger_count"]) == ("MX", None, 0)
    address = made.headers["Location"].removeprefix("/api/v1")
    assert owner.get(address).json == made.json
    assert [x["name"] for x in owner.get("/sites?substation_id=T-17&q=monte").json["data"]] == ["Plaza Mayor"]
    assert owner.get("/sites?substation_id=T-18").json["data"] == []
    changed = owner.patch(address, {"postal_code": None, "name": "Plaza"}).json
    assert (changed["name"], changed["postal_code"], changed["city"]) == ("Plaza", None, "Monterrey")
    assert owner.delete(address).status_code == 204
    assert owner.get(address).status_code == 404


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"country_code": "MEX"}, "country_code"),
        ({"party_id": "SOLAR"}, "party_id"),
        ({"country": "Mexico"}, "country"),
        ({"latitude": 25.6, "longitude": None}, "latitude"),
        ({"time_zone": "America/Olympus"}, "time_zone"),
        ({"name": None}, "name"),
        ({"parking_type": "ROOF"}, "parking_type"),
        ({"contact_email": "nobody"}, "contact_email"),
    ],
)
def test_what_cannot_be_is_told_by_field(owner: Api, given: dict[str, object], field: str) -> None:
    uuid = owner.post("/sites", PLAZA).json["uuid"]
    answer = owner.patch(f"/sites/{uuid}", given)
    assert (answer.status_code, [x["pointer"] for x in answer.json["errors"]]) == (422, [f"/{field}"])


def test_a_name_is_given_once_whatever_its_letters(owner: Api) -> None:
    owner.post("/sites", PLAZA)
    assert owner.post("/sites", {"name": "PLAZA mayor "}).status_code == 409


def test_a_charger_is_put_at_a_site_by_its_name_or_uuid(owner: Api, charger: str) -> None:
    site = owner.post("/sites", PLAZA).json
    there = owner.patch(f"/chargers/{charger}", {"site": "plaza mayor"}).json
    assert (there["site"], there["site_id"], there["latitude"]) == ("Plaza Mayor", site["uuid"], None)
    assert there["position"] == {"latitude": 25.6866, "longitude": -100.3161}
    own = owner.patch(f"/chargers/{charger}", {"latitude": 25.7, "longitude": -100.3}).json
    assert own["position"] == {"latitude": 25.7, "longitude": -100.3}
    for asked in (site["uuid"], "PLAZA MAYOR"):
        assert [x["identity"] for x in owner.get(f"/chargers?site={asked}").json["data"]] == [charger]
    assert owner.get("/chargers?site=Elsewhere").json["data"] == []
    refused = owner.delete(f"/sites/{site['uuid']}")
    assert (refused.status_code, "1 charger stands" in refused.json["detail"]) == (409, True)
    gone = owner.patch(f"/chargers/{charger}", {"site_id": None}).json
    assert (gone["site"], gone["site_id"]) == (None, None)
    again = owner.patch(f"/chargers/{charger}", {"site_id": site["uuid"]}).json
    assert again["site"] == "Plaza Mayor"
    assert owner.patch(f"/chargers/{charger}", {"site_id": "nowhere"}).status_code == 422


def test_a_name_that_is_new_makes_a_site(owner: Api, charger: str) -> None:
    owner.patch(f"/chargers/{charger}", {"site": "Depot"})
    (depot,) = owner.get("/sites").json["data"]
    assert (depot["name"], depot["charger_count"], depot["time_zone"]) == ("Depot", 1, None)


def test_sites_are_the_matter_of_those_who_edit_as_on_the_pages(owner: Api, as_role) -> None:
    uuid = as_role(Role.OPERATOR).post("/sites", {"name": "Depot"}).json["uuid"]
    installer = as_role(Role.INSTALLER)
    assert installer.get(f"/sites/{uuid}").status_code == 200
    assert installer.post("/sites", {"name": "Yard"}).status_code == 403
    assert installer.patch(f"/sites/{uuid}", {"grid_limit_w": 500_000}).status_code == 403
    assert installer.delete(f"/sites/{uuid}").status_code == 403


def test_a_connector_is_described(owner: Api, charger: str) -> None:
    given = {"standard": "IEC_62196_T2_COMBO", "format": "CABLE", "power_type": "DC", "max_power_w": 150_000}
    told = owner.patch(f"/chargers/{charger}/connectors/1", given).json
    assert (told | given, told["type"]) == (told, None)
    assert owner.patch(f"/chargers/{charger}/connectors/1", {"format": None}).json["format"] is None
    assert owner.get("/connectors").json["data"][0]["standard"] == "IEC_62196_T2_COMBO"
    assert owner.patch(f"/chargers/{charger}/connectors/1", {"standard": "PLUG"}).status_code == 422
    assert owner.patch(f"/chargers/{charger}/connectors/9", given).status_code == 404


def test_a_nameplate_is_written_down_before_the_charger_tells_it(owner: Api) -> None:
    plate = {"vendor": "Volta", "model": "Duo", "serial_number": "S1", "firmware_version": "1.0"}
    made = owner.post("/chargers", {"identity": "NEW-1", "site": "Depot"} | plate).json
    assert made | plate == made
    assert (made["box_serial_number"], made["site"]) == (None, "Depot")
