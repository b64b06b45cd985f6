"""What operators edit reaches peers by itself, and what they hide is REMOVED there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from make import make_charger, store
from sqlalchemy import select

from csms import clock
from csms.domain import sites, tariffs
from csms.domain.chargers import Charger, Connector, connector_of
from csms.domain.sites import Site
from csms.domain.tariffs import Tariff
from tests.emsp import Emsp, Told
from tests.ocpi.conftest import EVSE_UID, PLAZA, Ours, invited
from tests.ocpi.test_pushes import told
from tests.ocpi.test_pushes import turn as turn  # the fixture
from tests.web.site import PRICES

pytestmark = pytest.mark.sqlite_is_enough
OTHER_UID = "7a1f0c58-5a0e-4f0e-9f59-6f7f3e9d1b22"


@pytest.fixture
def edited(ours: Ours, emsp: Emsp, plaza, turn, session):
    """What the peer is told after something has been edited: `edited(Charger, is_public=False)`."""
    turn()
    told(emsp)

    def edit(kind: type[Any] | None = None, **values: Any) -> list[Told]:
        if kind is not None:
            [row] = session.scalars(select(kind).order_by(kind.id).limit(1)).all()
            for name, value in values.items():
                setattr(row, name, value)
        store(session)
        turn(looks=True)
        return told(emsp)

    return edit


def here(session) -> str:
    uuid = session.scalars(select(Site.uuid).order_by(Site.id)).first()
    return f"/2.2.1/locations/ES/AMB/{uuid}"


def test_a_plug_a_name_and_a_place_of_its_own_are_told_as_the_evse(edited, ours: Ours, session):
    [before] = ours.data("/2.2.1/locations")
    [put] = edited(Connector, max_power_w=11_000)
    assert (put.method, put.path) == ("PUT", f"{here(session)}/{EVSE_UID}")
    [plug] = put.body["connectors"]
    assert (plug["max_electric_power"], put.body["status"]) == (11_000, "AVAILABLE")
    assert plug["last_updated"] == put.body["last_updated"] >= before["last_updated"]
    [put] = edited(Charger, name="By the lift", latitude=40.5, longitude=-3.7)
    assert put.body["physical_reference"] == "By the lift"
    assert put.body["coordinates"]["latitude"] == "40.500000"
    assert edited() == []
    [location] = ours.data("/2.2.1/locations", query_string={"date_from": put.body["last_updated"]})
    assert location["evses"] == [put.body]


def test_an_evse_that_is_hidden_is_removed_and_comes_back_whole(
    edited, ours: Ours, emsp, plaza, session, turn
):
    second = connector_of(session, plaza.charger.id, 2)
    second.standard, second.format, second.power_type = "IEC_62196_T2", "SOCKET", "AC_3_PHASE"
    second.max_power_w, second.uuid = 22_000, OTHER_UID
    [put] = edited()
    assert (put.method, put.path) == ("PUT", f"{here(session)}/{OTHER_UID}")
    second = session.scalars(select(Connector).where(Connector.uuid == OTHER_UID)).one()
    second.max_power_w = None
    [patch] = edited()
    assert (patch.method, patch.path) == ("PATCH", f"{here(session)}/{OTHER_UID}")
    assert patch.body["status"] == "REMOVED"
    [location] = ours.data("/2.2.1/locations")
    assert [(x["uid"], x["status"]) for x in location["evses"]] == [
        (EVSE_UID, "AVAILABLE"),
        (OTHER_UID, "REMOVED"),
    ]
    assert location["last_updated"] == location["evses"][1]["last_updated"] == patch.body["last_updated"]
    plaza.status("Charging")
    turn()
    [status] = told(emsp)
    assert status.path.endswith(EVSE_UID)  # nothing more about what is gone
    second = session.scalars(select(Connector).where(Connector.uuid == OTHER_UID)).one()
    second.max_power_w = 22_000
    [put] = edited()
    assert (put.method, put.body["uid"]) == ("PUT", OTHER_UID)
    assert put.body["status"] != "REMOVED"


def test_a_place_where_nothing_is_left_is_in_the_list_of_changes_alone(edited, ours: Ours, session):
    since = (clock.now() - timedelta(seconds=1)).isoformat()
    patch, delete = edited(Charger, is_public=False)
    assert (patch.method, patch.body["status"]) == ("PATCH", "REMOVED")
    assert (delete.method, delete.path.rpartition("/")[0]) == ("DELETE", "/2.2.1/tariffs/ES/AMB")
    assert ours.data("/2.2.1/locations") == []
    answer = ours.call("GET", "/2.2.1/locations", query_string={"date_from": since})
    [location] = answer.get_json()["data"]
    assert answer.headers["X-Total-Count"] == "1"
    [evse] = location["evses"]
    assert (location["name"], evse["uid"], evse["status"]) == ("Plaza", EVSE_UID, "REMOVED")
    assert evse["connectors"][0]["id"] == "1"
    assert ours.data(f"/2.2.1/locations/{location['id']}") == location
    tariff, put = edited(Charger, is_public=None)
    assert (tariff.method, tariff.path) == ("PUT", delete.path)
    assert (put.method, put.path) == ("PUT", here(session))
    assert [x["status"] for x in put.body["evses"]] == ["AVAILABLE"]


def test_a_charger_that_moves_is_removed_here_before_it_stands_there(edited, session):
    details = {x: getattr(PLAZA, x) for x in PLAZA.__slots__} | {"name": "Harbour"}
    harbour = sites.add(session, sites.Details(**details), at=clock.now())
    charger = make_charger(session, "CP-2", at=clock.now())
    charger.site_id = session.scalars(select(Site.id).order_by(Site.id)).first()
    plug, known = charger.connectors[0], session.scalars(select(Connector).order_by(Connector.id)).first()
    for name in ("standard", "format", "power_type", "max_power_w"):
        setattr(plug, name, getattr(known, name))
    edited()
    uuid = harbour.uuid
    patch, put = edited(Charger, site_id=harbour.id)
    assert (patch.method, patch.path, patch.body["status"]) == (
        "PATCH",
        f"{here(session)}/{EVSE_UID}",
        "REMOVED",
    )
    assert (put.method, put.path) == ("PUT", f"/2.2.1/locations/ES/AMB/{uuid}")
    assert [x["uid"] for x in put.body["evses"]] == [EVSE_UID]


def test_tariffs_are_told_before_places_that_have_them_and_deleted_after(edited, ours: Ours, session):
    [before] = ours.data("/2.2.1/tariffs")
    dear = tariffs.create(session, "Dear", PRICES, at=clock.now())
    store(session)
    put, place, delete = edited(Charger, tariff_id=dear.id)
    assert (put.method, put.path) == ("PUT", f"/2.2.1/tariffs/ES/AMB/{dear.id}")
    assert put.body["elements"] == before["elements"]
    assert (place.method, place.body["connectors"][0]["tariff_ids"]) == ("PUT", [str(dear.id)])
    assert (delete.method, delete.path) == ("DELETE", f"/2.2.1/tariffs/ES/AMB/{before['id']}")
    assert delete.body is None
    [listed] = ours.data("/2.2.1/tariffs")
    assert listed == put.body


def test_a_tariff_that_comes_into_force_by_itself_is_told_as_new(edited, ours: Ours, session):
    tariff = session.scalars(select(Tariff)).one()
    version = tariffs.revise(session, tariff, PRICES, at=clock.now() - timedelta(days=2))
    version.min_price = None
    version.vat_percent = 7
    version.starts_at = clock.now() + timedelta(hours=1)
    assert edited() == []
    version = session.scalars(select(Tariff)).one().versions[-1]
    version.starts_at = clock.now() - timedelta(seconds=1)
    since = (clock.now() - timedelta(seconds=1)).isoformat()
    [put] = edited()
    assert put.path == f"/2.2.1/tariffs/ES/AMB/{tariff.id}"
    assert ours.data("/2.2.1/tariffs", query_string={"date_from": since}) == [put.body]


def test_who_registers_after_a_while_without_peers_is_told_of_nothing_before(
    edited, ours: Ours, olga, emsp, session, turn
):
    ours.data("/2.2.1/credentials", "DELETE")
    turn()
    session.scalars(select(Site)).one().name = "New Plaza"
    store(session)
    with Emsp(party="OTH") as other:
        invited(olga, "Other Roads").register(other)
        turn()
        assert "New Plaza" not in str(told(other))  # it fetches what is there
        edited(Site, name="Newer Plaza")
        assert "Newer Plaza" in str(told(other))
        assert told(emsp) == []
