"""Charts are drawn to scale, and gaps stay gaps."""

from datetime import UTC, datetime, timedelta

from csms.web.charts import Part, Period, columns, plot, stairs, strip_parts

NOW = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def test_the_largest_value_touches_the_top_and_zero_the_bottom() -> None:
    assert plot([0, 10], width=100, height=50).line == "M0.0 49.0L100.0 3.0"


def test_a_missing_value_breaks_the_line_instead_of_dropping_to_zero() -> None:
    assert plot([5, 5, None, 5, 5], width=100, height=50).line.count("M") == 2


def test_nothing_to_show_is_an_empty_line() -> None:
    assert plot([]).line == ""
    assert plot([None, None]).area == ""


def test_all_zeros_is_a_flat_line_at_the_bottom() -> None:
    assert plot([0, 0], width=100, height=50).line == "M0.0 49.0L100.0 49.0"


def test_a_small_value_still_has_a_visible_bar_and_zero_has_none() -> None:
    assert [bar.height for bar in columns([0, 0.001, 100], height=100)] == [0.0, 2.0, 100.0]


def test_periods_are_cut_to_the_window_of_the_strip() -> None:
    periods = [
        Period("ready", "Available", NOW - 2 * DAY, NOW - DAY / 2),
        Period("active", "Charging", NOW - DAY / 4, None),
        Period("fault", "Faulted", NOW - 3 * DAY, NOW - 2 * DAY),
    ]
    assert strip_parts(periods, NOW - DAY, NOW) == [
        Part("ready", "Available", 0.0, 50.0),
        Part("active", "Charging", 75.0, 25.0),
    ]


def test_stairs_hold_each_value_until_the_next_and_leave_gaps() -> None:
    drawn = stairs([(0.0, 10), (0.25, None), (0.5, 20)], width=100, height=104, top=20)
    assert drawn.line == "M0.0 53.0L25.0 53.0M50.0 3.0L100.0 3.0"
    assert drawn.area.startswith("M0.0 104L0.0 53.0L25.0 53.0V104Z")
    assert stairs([(0.0, None)]).line == ""
