"""Every promise of the systems replaced is shown by a test, and the table of them is up to date."""

from __future__ import annotations

from tools import seeds


def test_the_table_is_up_to_date() -> None:
    assert seeds.DOCUMENT.read_text() == seeds.table(), "run `python -m tools.seeds`"


def test_no_promise_lacks_its_test_but_what_is_declared() -> None:
    shown = seeds.shown_by()
    every = [promise for group in seeds.promises().values() for promise in group]
    assert [x.name for x in every if (x.system, x.name) not in shown and not (x.is_open or x.is_later)] == []
    assert [x.name for x in every if (x.system, x.name) in shown and (x.is_open or x.is_later)] == []


def test_no_promise_is_named_twice() -> None:
    for heading, group in seeds.promises().items():
        names = [x.name for x in group]
        assert sorted(set(names)) == sorted(names), heading
