"""The clocks of a site, and what its chargers ask for by them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from make import NOW, make_charger, make_wire, store
from sqlalchemy import select
from sqlalchemy.orm import Session
from story import Story

from csms.domain import sites, tariffs
from csms.domain.cdrs import Cdr
from csms.domain.chargers import Connector, ConnectorStandard, PowerType, editing
from csms.domain.chargers.editing import Plug
from csms.domain.sites import Details, Site
from csms.domain.tariffs import Terms
from csms.domain.tariffs.shape import read_elements
from csms.domain.transactions import bill_of

NIGHT = b"""[
 {"price_components": [{"type": "ENERGY", "price": "0.10"}],
  "restrictions": {"start_time": "22:00", "end_time": "06:00"}},
 {"price_components": [{"type": "ENERGY", "price": "0.50"}]}]"""


@pytest.fixture
def story(desk: Session) -> Story:
    """A charger in Monterrey, where it is night at NOW; the tariff was made for Madrid, where it is morning."""
    terms = Terms("EUR", read_elements(NIGHT), time_zone="Europe/Madrid")
    tariffs.create(desk, "Night", terms, at=NOW, is_default=True)
    site = sites.add(desk, Details("Plaza", time_zone="America/Monterrey"), at=NOW)
    return Story(make_wire(desk, make_charger(desk, online=True, site_id=site.id)))


def plaza(story: Story) -> Site:
    found = sites.find(story.session, "PLAZA")
    assert found is not None
    return found


def price(story: Story) -> Decimal:
    """What a kWh of a session that lasts an hour costs."""
    story.stop(story.start(meter=0), 1000)
    transaction = story.transaction()
    [line] = bill_of(transaction, NOW).lines
    return line.price


def test_windows_are_by_the_clocks_of_the_site(story: Story) -> None:
    assert price(story) == Decimal("0.10")


def test_a_site_without_a_zone_leaves_the_tariff_its_own(story: Story) -> None:
    sites.change(story.session, plaza(story), Details("Plaza"), at=NOW)
    store(story.session)
    assert price(story) == Decimal("0.50")


def test_a_session_that_runs_keeps_the_clocks_that_it_began_by(story: Story) -> None:
    running = story.start(meter=0)
    site = plaza(story)
    sites.change(story.session, site, replace(sites.details_of(site), time_zone="Asia/Tokyo"), at=NOW)
    store(story.session)
    story.stop(running, 1000)
    assert story.transaction().cost_cents == 10


def test_a_charge_record_tells_what_the_connector_is(story: Story) -> None:
    connector = story.session.scalars(select(Connector)).one()
    plug = Plug("Type 2", ConnectorStandard.IEC_62196_T2, None, PowerType.AC_3_PHASE, 22_000)
    editing.describe(story.session, connector, plug)
    store(story.session)
    price(story)
    told = story.session.scalars(select(Cdr)).one().body["cdr_location"]
    assert (told["connector_standard"], told["connector_power_type"]) == ("IEC_62196_T2", "AC_3_PHASE")
    assert (told["name"], told["connector_format"]) == ("Plaza", None)
