"""Under the pseudo-locale what limits a charger, and its prices by the time of day, have no word left in English."""

from __future__ import annotations

from datetime import timedelta

import pytest
from make import store

from csms import clock
from csms.domain import energy, sites
from csms.domain.energy import RateUnit
from csms.domain.energy.limits import ToldSchedule
from csms.domain.sites import Details
from tests.web import pseudo
from tests.web.pseudo import assert_translated

pytestmark = pytest.mark.sqlite_is_enough


def test_limits_of_a_charger(look, reader, site):
    site.status("Available")
    here = f"/chargers/{site.charger.id}/smart-charging"
    look(here, f"{here}/clear")
    limit = {"evse": "1", "limit": "10", "unit": "A", "hours": "2"}
    reader.post(f"{here}/limit", limit)
    look(here, f"{here}?evse=0&unit=W&hours=168", f"{here}/clear")
    at = clock.now()
    told = ToldSchedule(RateUnit.A, at, at + timedelta(days=1), [{"start_s": 0, "limit": 32.0}])
    for answered in (told, None):
        energy.keep_composite(site.session, site.charger.id, 1, "Rejected", answered, at=at)
        store(site.session)
        look(f"{here}?evse=1")
    for wrong in ({"limit": "much"}, {"evse": "x"}, {"until": "noon"}, {"limit": "10000000"}):
        answer = reader.post(f"{here}/limit", limit | wrong, headers={"HX-Request": "true"})
        assert answer.status_code == 409, wrong
        assert_translated(answer, *pseudo.names_in(site.session))
    reader.post(f"{here}/clear", {"number": "1"})
    reader.post(f"{here}/supply", {"voltage_v": "9", "phases": "1"})
    look(here)
    transaction = site.begin()
    look(f"/sessions/{transaction.id}/limits")
    reader.post(f"{here}/limit", limit)
    look(f"/sessions/{transaction.id}/limits", here)


def test_slots_of_a_day(look, reader, site):
    here = f"/chargers/{site.charger.id}/slots"
    look(here)
    site.status("Available")
    look(here)
    night = {"connector": "1", "kind": "tariff", "from": "22:00", "until": "06:00", "value": "0,25"}
    capacity = night | {"kind": "capacity"}
    for given in (
        night,
        capacity,
        night | {"value": "much"},
        night | {"from": "22:03"},
        capacity | {"value": ""},
        night | {"value": "0.12345678"},
    ):
        if (answer := reader.post(here, given)).status_code != 302:
            assert_translated(answer, *pseudo.names_in(site.session))
        look(here)


def test_a_signal_of_the_grid_among_the_slots(look, reader, site):
    depot = sites.add(site.session, Details("Depot", substation_id="TR-7"), at=site.now)
    site.session.merge(site.charger).site_id = depot.id
    store(site.session)
    site.status("Available")
    begin, end = (site.now + timedelta(hours=x) for x in (-1, 1))
    given = {"substation_id": "TR-7", "from": begin.isoformat(), "until": end.isoformat()}
    for kind, value in (("capacity", "6.9"), ("tariff", "0.30")):
        assert reader.post("/grid", given | {"kind": kind, "value": value}).status_code == 302
    look(f"/chargers/{site.charger.id}/slots")
