"""What people come for is done by tests in a browser, and the table of it is up to date."""

from __future__ import annotations

import ast
from collections import Counter

from tools import tasks
from tools.documents import ROOT

# What was promised to each of them.
LEAST = {"operator": 20, "driver": 8, "integrator": 4}


def test_the_table_is_up_to_date() -> None:
    assert tasks.DOCUMENT.read_text() == tasks.table(), "run `python -m tools.tasks`"


def test_there_are_as_many_tasks_as_were_promised_and_none_is_told_twice() -> None:
    told = tasks.tasks()
    assert set(Counter(x.who for x in told)) == set(tasks.WHO) == set(LEAST)
    assert [who for who, least in LEAST.items() if sum(x.who == who for x in told) < least] == []
    assert [what for what, count in Counter((x.who, x.what) for x in told).items() if count > 1] == []


def test_every_test_of_a_file_of_tasks_says_which_it_does() -> None:
    told = {x.test for x in tasks.tasks()}
    silent = [
        f"{path.relative_to(ROOT)}::{node.name}"
        for path in sorted(ROOT.glob("tests/browser/test_*_tasks.py"))
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert [x for x in silent if x not in told] == []
