"""Writes docs/tasks.md: what people come for, and the test that does it in a browser as they would.

    python -m tools.tasks [--check]

A test says which task it does, and whose, by `@pytest.mark.task("driver", "Start with a voucher")`.
Exit status 1 with --check when docs/tasks.md is not up to date.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from tools.documents import ROOT, keep
from tools.marks import marked

DOCUMENT = ROOT / "docs" / "tasks.md"
WHO = {"operator": "Operators", "driver": "Drivers", "integrator": "Integrators"}
HEAD = """# Tasks

What people come for, each with the test that does it in Chromium as a person does: by what the pages say, from where
one would look. Written by `python -m tools.tasks` from the markers of the tests; `make browser` runs them.
"""


@dataclass(frozen=True)
class Task:
    who: str  # a key of WHO
    what: str
    test: str  # "tests/browser/test_driver_tasks.py::test_start_with_a_voucher"


def tasks() -> list[Task]:
    return [Task(who, what, test) for test, (who, what) in marked("task")]


def table() -> str:
    """The whole document."""
    every = tasks()
    parts = [HEAD]
    for who, heading in WHO.items():
        rows = [_row(task) for task in every if task.who == who]
        parts.append(f"\n## {heading}: {len(rows)}\n\n| Task | Test |\n|---|---|\n" + "".join(rows))
    return "".join(parts)


def _row(task: Task) -> str:
    path, _, name = task.test.partition("::")
    return f"| {task.what} | [{name}](../{path}) |\n"


def main(arguments: list[str]) -> int:
    return keep(DOCUMENT, table(), "tools.tasks", arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
