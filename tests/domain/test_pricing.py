"""What holds for every tariff that OCPI can tell, and every session: pure where it can be, else over the wire."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from make import NOW, make_charger, make_wire, store
from sqlalchemy.orm import Session
from story import Story, energy

from csms.domain import cdrs, sites, tariffs
from csms.domain.cdrs.rules import COSTS
from csms.domain.tariffs import DAYS, Bill, Period, Terms, Usage, from_json
from csms.domain.transactions import bill_of
from csms.domain.verify import verify

# Where clocks change by an hour, by half of one, in other months, or never.
ZONES = ("Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")
CHANGES = tuple(
    datetime.fromisoformat(f"{x}+00:00")
    for x in ("2026-03-29T00:30", "2026-10-25T00:30", "2026-11-01T05:30", "2026-04-04T14:30")
)
BOUNDS = ("minimum", "maximum")
KINDS = ("ENERGY", "TIME", "FLAT", "PARKING_TIME")

prices = st.decimals(0, 20, places=3).map(str)
clocks = st.times().map(lambda x: x.replace(microsecond=0).isoformat())
by_clock = st.fixed_dictionaries(
    {},
    optional={
        "start_time": clocks,
        "end_time": clocks,
        "start_date": st.sampled_from(("2026-03-29", "2026-10-25", "2026-06-01")),
        "end_date": st.sampled_from(("2026-03-30", "2026-10-26", "2026-12-31")),
        "day_of_week": st.lists(st.sampled_from(DAYS), unique=True),
    },
)
by_energy = st.fixed_dictionaries(
    {}, optional={"min_kwh": st.integers(0, 20).map(str), "max_kwh": st.integers(1, 40).map(str)}
)
by_power = st.fixed_dictionaries(
    {}, optional={"min_power": st.integers(0, 22).map(str), "max_power": st.integers(1, 50).map(str)}
)
by_duration = st.fixed_dictionaries(
    {}, optional={"min_duration": st.integers(0, 7200), "max_duration": st.integers(1, 20_000)}
)
by_all = st.builds(lambda *x: x[0] | x[1] | x[2] | x[3], by_clock, by_energy, by_power, by_duration)


def elements(restrictions: Any, kinds: tuple[str, ...] = KINDS, steps: Any = None) -> Any:
    """Elements of one to all dimensions."""

    def element(chosen: list[str], costs: list[str], step: list[int], rates: list[Any], where: Any) -> Any:
        components = [
            {"type": kind, "price": costs[i], "step_size": step[i]}
            | ({} if rates[i] is None else {"vat": rates[i]})
            for i, kind in enumerate(chosen)
        ]
        return {"price_components": components, "restrictions": where}

    four: dict[str, Any] = {"min_size": 4, "max_size": 4}
    return st.lists(
        st.builds(
            element,
            st.lists(st.sampled_from(kinds), min_size=1, unique=True),
            st.lists(prices, **four),
            st.lists(st.just(1) if steps is None else steps, **four),
            st.lists(st.sampled_from((None, "0", "10", "21")), **four),
            restrictions,
        ),
        max_size=5,
    )


def tariffs_of(told: Any, *, is_bounded: bool = False) -> Any:
    """Terms with these elements, and with a least and a most that a session may cost."""
    bound = st.none() | st.decimals(0, 30, places=2) if is_bounded else st.none()
    return st.builds(
        lambda x, vat, grace, low, high, zone, plugged: Terms(
            "EUR",
            from_json(x),
            Decimal(vat),
            grace if is_bounded else 0,
            low,
            None if high is None else high + (low or 0),
            zone,
            plugged,
        ),
        told,
        st.sampled_from(("0", "10", "21")),
        st.integers(0, 60),
        bound,
        bound,
        st.sampled_from(ZONES),
        st.booleans(),
    )


steps = st.sampled_from((1, 60, 100, 300, 900, 1000, 3600))
begins = st.builds(
    lambda at, seconds: at + timedelta(seconds=seconds),
    st.sampled_from((*CHANGES, datetime(2026, 6, 1, tzinfo=UTC))),
    st.integers(-7200, 86_400),
)
# Minutes, Wh and whether the car pauses: what happens between two readings.
parts = st.lists(
    st.tuples(st.integers(1, 240), st.integers(0, 15_000), st.booleans()), min_size=1, max_size=6
)


def course(begin: datetime, told: list[tuple[int, int, bool]]) -> tuple[Period, ...]:
    periods: list[Period] = []
    for minutes, energy_wh, is_idle in told:
        start = periods[-1].ends_at if periods else begin
        wh = 0 if is_idle else energy_wh
        periods.append(Period(start, start + timedelta(minutes=minutes), wh, is_idle=is_idle))
    return tuple(periods)


def usage(periods: tuple[Period, ...]) -> Usage:
    def seconds(of: Any) -> int:
        return sum(round((x.ends_at - x.begins_at).total_seconds()) for x in of)

    total_wh = sum(x.energy_wh for x in periods)
    idle_s = seconds(x for x in periods if x.is_idle)
    return Usage(total_wh, seconds(periods), idle_s, periods[0].begins_at, course=periods)


def by_element(bill: Bill, kind: str) -> dict[int | None, Decimal]:
    """How much of a dimension each element has priced."""
    found: dict[int | None, Decimal] = {}
    for line in bill.lines:
        if line.kind == kind:
            found[line.element] = found.get(line.element, Decimal(0)) + line.quantity
    return found


@settings(max_examples=60)
@given(tariffs_of(elements(by_all, steps=steps), is_bounded=True), begins, parts)
def test_no_bill_is_negative_and_its_lines_and_rates_of_vat_come_to_it(
    asked: Terms, begin: datetime, told: list[tuple[int, int, bool]]
) -> None:
    bill = tariffs.price(asked, usage(course(begin, told)))
    assert bill.total_cents == sum(x.cents for x in bill.lines) == sum(x.cents for x in bill.vat)
    assert all(x.cents >= 0 and x.quantity >= 0 for x in bill.lines if x.kind != "maximum")
    assert bill.total_cents >= 0
    if asked.min_price is None and asked.max_price is None:
        assert 0 <= bill.vat_cents <= bill.total_cents
    if asked.min_price is not None:
        assert bill.total_cents >= asked.min_price * 100
    if asked.max_price is not None:
        assert bill.total_cents <= asked.max_price * 100


@settings(max_examples=60)
@given(tariffs_of(elements(by_all), is_bounded=True), begins, parts, st.integers(1, 5))
def test_what_goes_on_never_becomes_cheaper(
    asked: Terms, begin: datetime, told: list[tuple[int, int, bool]], until: int
) -> None:
    """Without blocks: those are filled up by the price that was used last, which may be the lower one."""
    whole = course(begin, told)
    so_far = tariffs.price(asked, usage(whole[:until]))
    assert so_far.total_cents <= tariffs.price(asked, usage(whole)).total_cents


@settings(max_examples=60)
@given(
    st.one_of(
        tariffs_of(elements(by_clock, ("ENERGY", "FLAT"), steps=st.just(1)), is_bounded=True),
        tariffs_of(elements(by_energy, ("ENERGY", "FLAT"), steps=st.just(1)), is_bounded=True),
    ),
    begins,
    st.integers(1, 600),
    st.integers(0, 60_000),
    st.integers(0, 20_000),
)
def test_more_energy_in_the_same_time_never_costs_less(
    asked: Terms, begin: datetime, minutes: int, energy_wh: int, more_wh: int
) -> None:
    """Where prices go by the clock, or by what was charged so far: where by both, what comes sooner may be cheaper."""
    less, more = (
        tariffs.price(asked, usage(course(begin, [(minutes, x, False)])))
        for x in (energy_wh, energy_wh + more_wh)
    )
    # Each line is rounded to the cent; and at each border one Wh may fall to the other side, which costs two cents.
    borders = 2 * sum(len(x.spans) for x in (*less.lines, *more.lines))
    assert more.total_cents >= less.total_cents - len(more.lines) - 2 * borders


@settings(max_examples=60)
@given(tariffs_of(elements(by_clock, ("ENERGY", "TIME", "PARKING_TIME"))), begins, parts, parts)
def test_two_parts_of_a_session_come_to_the_whole(
    asked: Terms, begin: datetime, first: list[tuple[int, int, bool]], then: list[tuple[int, int, bool]]
) -> None:
    """Where prices go by the clock and there are no blocks: a threshold, or a start, is one of the whole session."""
    whole = course(begin, [*first, *then])
    halves = [tariffs.price(asked, usage(x)) for x in (whole[: len(first)], whole[len(first) :])]
    bill = tariffs.price(asked, usage(whole))
    split: dict[int | None, Decimal] = {}
    for half in halves:
        for element, quantity in by_element(half, "energy").items():
            split[element] = split.get(element, Decimal(0)) + quantity
    assert {k: v for k, v in split.items() if v} == {k: v for k, v in by_element(bill, "energy").items() if v}
    lines = sum(len(x.lines) for x in (bill, *halves))
    # Time is told to a hundredth of a minute, or to a ten-thousandth of an hour: at 20 an hour a third of a cent.
    assert abs(bill.total_cents - sum(x.total_cents for x in halves)) <= lines


def test_display_receipt_and_record_are_the_same_to_the_cent(desk: Session) -> None:
    """Sessions over the wire: what the driver saw last, what the receipt says, what the books and the record have."""
    places = {zone: sites.add(desk, sites.Details(name=zone, time_zone=zone), at=NOW) for zone in ZONES}
    numbers = itertools.count(1)

    @settings(max_examples=25)
    @given(
        tariffs_of(elements(by_all, steps=steps), is_bounded=True),
        st.sampled_from(ZONES),
        begins,
        parts,
        st.integers(0, 10**6),
    )
    def check(
        asked: Terms, zone: str, begin: datetime, told: list[tuple[int, int, bool]], register_wh: int
    ) -> None:
        number = next(numbers)
        tariff = tariffs.create(desk, f"Tariff {number}", asked, at=NOW)
        more = {"site_id": places[zone].id, "tariff_id": tariff.id}
        story = Story(make_wire(desk, make_charger(desk, f"CP-{number}", at=begin, online=True, **more)))
        transaction_id, end = charged(story, begin, told, register_wh)
        live = bill_of(story.transaction(transaction_id), end)
        register_wh += sum(0 if is_idle else wh for _, wh, is_idle in told)
        story.stop(transaction_id, register_wh, end.isoformat())
        transaction = story.transaction(transaction_id)
        receipt = bill_of(transaction, end + timedelta(days=1))
        record = cdrs.last_of(desk, transaction_id)
        assert record is not None
        assert live.total_cents == receipt.total_cents == transaction.cost_cents == record.total_cents >= 0
        assert live.vat_cents == receipt.vat_cents == record.vat_cents
        document = cdrs.document(record, "EUR")
        costs = [document[name]["incl_vat"] for name in COSTS if document[name]]
        bounds = sum(x.cents for x in receipt.lines if x.kind in BOUNDS)
        assert sum(round(Decimal(x) * 100) for x in costs) == record.total_cents - bounds
        dimensions = [y for x in document["charging_periods"] for y in x["dimensions"]]
        assert sum(Decimal(x["volume"]) for x in dimensions if x["type"] == "ENERGY") == Decimal(
            document["total_energy"]
        )

    check()
    store(desk)
    assert verify(desk) == []


def charged(
    story: Story, begin: datetime, told: list[tuple[int, int, bool]], register_wh: int
) -> tuple[int, datetime]:
    """A session that runs, with a reading and a status for each part: its id, and the moment of the last of them."""

    def say(status: str, at: datetime) -> None:
        report = {"connectorId": 1, "status": status, "errorCode": "NoError", "timestamp": at.isoformat()}
        story.tell("StatusNotification", report)

    at = story.wire.now = begin
    transaction_id = story.start(meter=register_wh, at=begin.isoformat())
    for minutes, energy_wh, is_idle in told:
        say("SuspendedEV" if is_idle else "Charging", at)
        at = story.wire.now = at + timedelta(minutes=minutes)
        register_wh += 0 if is_idle else energy_wh
        story.read(at.isoformat(), energy(str(register_wh)), transactionId=transaction_id)
    return transaction_id, at
