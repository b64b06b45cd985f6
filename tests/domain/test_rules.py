"""The arithmetic of meters, for every sequence of readings."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from make import NOW

from csms.domain.transactions import Flag, Meter, Sample, advance, scramble, summarise
from csms.domain.transactions.rules import final, read

registers = st.lists(st.integers(-1000, 10**9), max_size=30)
small_steps = st.lists(st.integers(0, 5000), max_size=30)


def walk(values: list[int], start: int = 0) -> list[Meter]:
    meters = [Meter(start, NOW, 0)]
    for minute, value in enumerate(values, 1):
        meters.append(advance(meters[-1], value, NOW + timedelta(minutes=minute)))
    return meters


@given(registers)
def test_energy_never_falls(values: list[int]) -> None:
    energies = [meter.energy_wh for meter in walk(values)]
    assert energies == sorted(energies)


@given(registers)
def test_energy_is_the_sum_of_forward_steps_that_a_charger_can_give(values: list[int]) -> None:
    meters = walk(values)
    for before, after, value in zip(meters, meters[1:], values, strict=False):
        gain = after.energy_wh - before.energy_wh
        assert before.last_wh is not None
        assert before.last_at is not None
        assert gain in (0, value - before.last_wh)
        hours = ((after.last_at or NOW) - before.last_at) / timedelta(hours=1)
        assert gain <= 1000 + 1_000_000 * hours


@given(small_steps, st.integers(0, 10**8))
def test_a_meter_that_only_counts_up_gives_the_difference(steps: list[int], start: int) -> None:
    values, register = [], start
    for step in steps:
        values.append(register := register + step)
    meter = walk(values, start)[-1]
    assert (meter.energy_wh, meter.flags) == (sum(steps), frozenset())
    assert final(meter, start, register, NOW + timedelta(days=1)) == (sum(steps), frozenset())


def test_a_register_that_is_told_without_its_fraction_has_not_gone_backwards() -> None:
    sampled = walk([1400, 1501], 1000)[-1]  # 1500.6 Wh, and then a meterStop of 1500
    assert final(sampled, 1000, 1500, NOW + timedelta(hours=1)) == (500, frozenset())
    assert final(sampled, 1000, 1499, NOW + timedelta(hours=1)) == (499, {Flag.METER_BACKWARDS})


@given(registers, st.integers(0, 10**9))
def test_the_final_energy_is_never_negative(values: list[int], stop: int) -> None:
    energy_wh, flags = final(walk(values)[-1], 0, stop, NOW + timedelta(days=30))
    assert energy_wh is None or energy_wh >= 0
    assert energy_wh is not None or flags


@given(small_steps)
def test_the_same_reading_twice_counts_once(steps: list[int]) -> None:
    register, once, twice = 0, Meter(0, NOW, 0), Meter(0, NOW, 0)
    for minute, step in enumerate(steps, 1):
        register, at = register + step, NOW + timedelta(minutes=minute)
        once = advance(once, register, at)
        twice = advance(advance(twice, register, at), register, at)
    assert once == twice


@given(st.lists(st.integers(1, 5000), max_size=20))
def test_intervals_add_up_once_each(steps: list[int]) -> None:
    meter = Meter(0, NOW, 0)
    for minute, step in enumerate(steps, 1):
        summary = summarise([Sample("Energy.Active.Import.Interval", step, "Wh", str(step))])
        for _ in range(2):
            meter = read(meter, summary, NOW + timedelta(minutes=minute))
    assert meter.energy_wh == sum(steps)


def test_a_reset_goes_on_from_where_it_fell_to() -> None:
    meter = walk([4000, 10, 900])[-1]
    assert (meter.energy_wh, meter.flags) == (4890, {Flag.METER_RESET})


def test_where_the_clock_cannot_be_believed_a_nights_energy_may_come_at_once() -> None:
    assert advance(Meter(0, NOW, 0), 60_000, NOW).flags == {Flag.METER_IMPLAUSIBLE}
    assert advance(Meter(0, NOW, 0), 60_000, NOW, is_timed=False).energy_wh == 60_000


def test_transaction_ids_are_a_permutation_in_the_range_of_every_charger() -> None:
    numbers = [*range(1, 20_001), 2**30 - 1, 2**30]
    ids = {scramble(number) for number in numbers}
    assert len(ids) == len(numbers)
    assert min(ids) >= 1
    assert max(ids) <= 2**30


@given(st.integers(1, 2**30), st.integers(1, 2**30))
def test_no_two_numbers_share_a_transaction_id(a: int, b: int) -> None:
    assert (scramble(a) == scramble(b)) == (a == b)
