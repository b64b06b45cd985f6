"""The physics of charging: how much flows, when it tapers, and a meter that never runs back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms.simulator.battery import AC_7KW, AC_22KW, DC_50KW, Battery, Car, Meter, offered_w

COMPACT = Car(battery_wh=50_000, soc=0.2, max_ac_w=11_000, phases=3, max_dc_w=100_000, efficiency=1.0)


def test_an_hour_at_11_kw_is_11_kwh_on_the_meter_and_in_the_battery() -> None:
    meter, battery = Meter(AC_22KW, register_wh=1000), Battery(COMPACT)

    meter.advance(3600, battery)

    assert meter.register_wh == pytest.approx(12_000)
    assert battery.soc == pytest.approx(0.42)


def test_the_weakest_of_car_and_connector_decides() -> None:
    meter = Meter(AC_7KW)
    meter.advance(1, Battery(COMPACT))

    assert meter.power_w == 32 * 230


def test_a_limit_holds_and_less_than_six_ampere_is_nothing() -> None:
    assert offered_w(AC_22KW, 10) == 6900
    assert offered_w(AC_22KW, 5.9) == 0
    assert offered_w(DC_50KW, DC_50KW.max_current_a / 2) == 25_000


def test_power_tapers_towards_a_full_battery_and_then_ends() -> None:
    meter, battery = Meter(DC_50KW), Battery(COMPACT)
    powers = []
    for _ in range(600):
        meter.advance(60, battery)
        powers.append(meter.power_w)

    assert powers[0] == 50_000
    assert powers == sorted(powers, reverse=True)
    assert battery.is_full
    assert powers[-1] == 0


def test_nothing_flows_without_a_car() -> None:
    meter = Meter(AC_22KW, register_wh=5)
    meter.advance(3600, None)

    assert meter.register_wh == 5
    assert sum(meter.read().currents_a) == 0


def test_the_same_seed_reads_the_same_volts() -> None:
    assert Meter(AC_22KW, seed=3).read() == Meter(AC_22KW, seed=3).read()


def test_current_times_voltage_is_the_power() -> None:
    meter, battery = Meter(AC_22KW, seed=1), Battery(COMPACT)
    meter.advance(1, battery)
    reading = meter.read(battery)

    total_w = sum(a * v for a, v in zip(reading.currents_a, reading.voltages_v, strict=True))
    assert total_w == pytest.approx(reading.power_w)


@settings(max_examples=50)
@given(
    steps=st.lists(st.floats(min_value=-5, max_value=5000), max_size=20),
    limit_a=st.one_of(st.none(), st.floats(min_value=0, max_value=64)),
    soc=st.floats(min_value=0, max_value=1),
)
def test_the_register_never_runs_back_and_the_battery_never_overflows(
    steps: list[float], limit_a: float | None, soc: float
) -> None:
    meter, battery = Meter(AC_22KW), Battery(Car(soc=soc))
    for seconds in steps:
        before_wh = meter.register_wh
        meter.advance(seconds, battery, limit_a)
        assert meter.register_wh >= before_wh
        assert 0 <= battery.soc <= 1
