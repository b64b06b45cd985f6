"""A session's readings at even steps."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from csms.domain.transactions.curves import curve, gaps

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Told:
    minute: int
    energy_wh: int | None = None
    power_w: int | None = None
    soc_percent: float | None = None

    @property
    def measured_at(self) -> datetime:
        return NOON + timedelta(minutes=self.minute)


def test_a_meter_without_power_is_asked_for_its_register():
    told = [Told(0, 1_000), Told(6, 2_000), Told(12, 2_500)]
    steps = curve(told, NOON, NOON + timedelta(minutes=12), start_wh=1_000, steps=2)
    assert [x.power_w for x in steps] == [10_000, 10_000, 5_000]
    assert [x.energy_wh for x in steps] == [0, 1_000, 1_500]


def test_a_silence_is_a_gap_and_no_guess():
    told = [Told(0, power_w=11_000), Told(40, power_w=11_000)]
    steps = curve(told, NOON, NOON + timedelta(minutes=40), start_wh=None, steps=4)
    assert [x.power_w for x in steps] == [11_000, 11_000, None, None, 11_000]


def test_gaps_are_longer_than_ten_minutes():
    moments = [NOON + timedelta(minutes=x) for x in (5, 14, 40)]
    found = gaps(moments, NOON, NOON + timedelta(minutes=45))
    assert [round(x.seconds / 60) for x in found] == [26]


def test_what_comes_every_quarter_of_an_hour_is_no_silence():
    told = [Told(x, power_w=11_000) for x in (15, 30, 75, 90, 105)]
    moments = [x.measured_at for x in told]
    found = gaps(moments, NOON, NOON + timedelta(minutes=110))
    assert [(x.begins_at, round(x.seconds / 60)) for x in found] == [(NOON + timedelta(minutes=30), 45)]
    steps = curve(told, NOON, NOON + timedelta(minutes=105), start_wh=None, steps=7)
    assert [x.power_w is None for x in steps] == [False, False, False, False, True, False, False, False]


def test_a_charger_is_judged_by_the_interval_that_it_is_set_to():
    moments = [NOON + timedelta(minutes=15)]
    until = NOON + timedelta(minutes=28)
    assert len(gaps(moments, NOON, until)) == 2
    assert gaps(moments, NOON, until, timedelta(minutes=15)) == []


def test_nothing_measured_is_no_curve():
    assert curve([], NOON, NOON + timedelta(hours=1), start_wh=None) == []
