"""What a session costs when the slots of its connector have prices."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from make import NOW, make_charger, make_wire, store
from sqlalchemy import select
from sqlalchemy.orm import Session
from story import Story

from csms.domain import slots, tariffs
from csms.domain.base import Invalid
from csms.domain.chargers import Connector
from csms.domain.slots import SlotKind
from csms.domain.tariffs import simple
from csms.domain.transactions import bill_of

DAY = simple("EUR", price_per_kwh=Decimal("0.50"), price_per_start=Decimal("1.00"))


@pytest.fixture
def story(desk: Session) -> Story:
    tariffs.create(desk, "Day", DAY, at=NOW, is_default=True)
    return Story(make_wire(desk, make_charger(desk, online=True)))


def connector(session: Session) -> Connector:
    return session.scalars(select(Connector)).one()


def price(story: Story, ranges: str, value: str | None, *, zone: str = "UTC") -> None:
    slots.write(
        story.session,
        connector(story.session),
        SlotKind.TARIFF,
        slots.read_range(ranges),
        None if value is None else Decimal(value),
        time_zone=zone,
        currency="EUR",
        by=None,
        at=NOW,
    )
    store(story.session)


def test_a_session_pays_the_price_of_its_slots_and_the_tariff_for_the_rest(story: Story) -> None:
    price(story, "09:00-10:00", "0.20")  # it is 09:26
    story.stop(story.start(meter=0), 4000)
    bill = bill_of(story.transaction(), NOW)
    assert [(x.kind, x.price, x.cents) for x in bill.lines] == [
        ("energy", Decimal("0.20"), 80),
        ("start", Decimal("1.00"), 100),
    ]


def test_a_session_that_runs_keeps_its_price_when_slots_are_written(story: Story) -> None:
    running = story.start(meter=0)
    price(story, "00:00-24:00", "9")
    story.stop(running, 4000)
    assert story.transaction().cost_cents == 300


def test_slots_on_other_clocks_are_brought_to_those_of_the_tariff(story: Story) -> None:
    price(story, "10:00-10:30", "0.20", zone="Europe/Madrid")  # 09:00 to 09:30 in UTC, in March
    terms = slots.priced_terms(story.session, story.wire.charger.id, connector(story.session).id, None, NOW)
    assert terms is not None
    assert tariffs.prices_at(terms, NOW)[tariffs.Dimension.ENERGY].price == Decimal("0.20")
    later = NOW + timedelta(minutes=5)
    assert tariffs.prices_at(terms, later)[tariffs.Dimension.ENERGY].price == Decimal("0.50")


def test_two_sessions_at_the_same_prices_share_a_version_and_no_list_shows_it(story: Story) -> None:
    price(story, "22:00-06:00", "0.20")
    versions = set()
    for meter, began in ((0, "2026-03-14T09:00:00Z"), (4000, "2026-03-14T09:10:00Z")):
        transaction_id = story.start(meter=meter, at=began)
        story.stop(transaction_id, meter + 4000)
        versions.add(story.transaction(transaction_id).tariff_version_id)
    assert len(versions) == 1
    assert [x.name for x in tariffs.listed(story.session)] == ["Day"]
    price(story, "00:00-24:00", None)  # given back: the tariff itself
    last = story.start(meter=9000, at="2026-03-14T09:20:00Z")
    version = story.transaction(last).tariff_version
    assert version is not None
    assert version.tariff.name == "Day"


def test_slots_have_prices_where_there_is_no_tariff(desk: Session) -> None:
    story = Story(make_wire(desk, make_charger(desk, online=True)))
    price(story, "00:00-24:00", "0.25")
    story.stop(story.start(meter=0), 4000)
    assert story.transaction().cost_cents == 100


def test_a_window_goes_before_the_slots_and_is_told_where_it_lay(story: Story) -> None:
    price(story, "00:00-24:00", "0.20")
    window = (NOW - timedelta(hours=1), NOW + timedelta(hours=1))
    own = connector(story.session)
    slots.lay(
        story.session, [own.id], SlotKind.TARIFF, window, Decimal("0.90"), signal_id=1, currency=None, at=NOW
    )
    store(story.session)
    running = story.start(meter=0)
    slots.lift(story.session, 1, NOW)
    store(story.session)
    story.stop(running, 1000)
    assert story.transaction().cost_cents == 190
    held = slots.days_of(story.session, own.id, date(2026, 3, 14), ZoneInfo("UTC"))[SlotKind.TARIFF].held
    assert [x for x in range(288) if held[x] == Decimal("0.90")] == list(range(101, 114))  # 08:26 to 09:26


@pytest.mark.parametrize(
    ("words", "stretches"),
    [
        ("08:00-10:30", [(96, 126)]),
        ("22:00 - 06:00", [(264, 288), (0, 72)]),
        ("00:00-00:00", [(0, 288)]),
        ("00:00-24:00", [(0, 288)]),
        ("23:55-00:00", [(287, 288)]),
        ("24:00-06:00", [(0, 72)]),
    ],
)
def test_ranges_over_midnight_are_split(words: str, stretches: list[tuple[int, int]]) -> None:
    assert slots.read_range(words) == stretches


@pytest.mark.parametrize(
    "words", ["", "08:00", "08:03-09:00", "08:60-09:00", "25:00-26:00", "8-9", "24:05-01:00"]
)
def test_what_is_no_range_of_slots_is_refused(words: str) -> None:
    with pytest.raises(Invalid):
        slots.read_range(words)
