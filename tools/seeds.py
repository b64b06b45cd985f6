"""Writes docs/seeds.md: what the systems that Amberline replaces promised, and the test that shows each promise kept.

    python -m tools.seeds [--check]

The promises are in tools/seeds.txt. A test says what it shows by `@pytest.mark.seed("000", "POST /api/ocpp16/reset/")`.
Exit status 1 when a marker names no promise, or with --check when docs/seeds.md is not up to date.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

from tools.documents import ROOT, keep
from tools.marks import marked

PROMISES = ROOT / "tools" / "seeds.txt"
DOCUMENT = ROOT / "docs" / "seeds.md"
HEAD = """# Promises of the systems replaced

Each line is a promise that the document of an earlier system made, and the test that shows it kept here.
Written by `python -m tools.seeds` from the markers of the tests. How to come over: [migrate](migrate/README.md).
"""
COUNTS = "\n{shown} of {all} are shown by tests, {open} are open, {later} come with OCPP 2.0.1.\n"
_LINE = re.compile(r"(?P<name>.+?) = (?P<what>.*?) ?(?P<state>\(2\.0\.1\)|\(open\))?$")


class Wrong(Exception):
    """The markers and the promises do not fit together."""


@dataclass(frozen=True)
class Promise:
    system: str  # "000"
    name: str  # "POST /api/ocpp16/reset/"
    what: str
    is_open: bool  # declared so: nothing shows it so far
    is_later: bool  # comes with OCPP 2.0.1


@dataclass(frozen=True)
class Mark:
    system: str
    name: str
    test: str  # "tests/compat/test_ov2xmp.py::test_commands_reach_the_charger"


def promises() -> dict[str, list[Promise]]:
    """The promises by the heading of their system."""
    found: dict[str, list[Promise]] = {}
    heading = ""
    for line in PROMISES.read_text().splitlines():
        if line.startswith("["):
            heading = line.strip("[]")
        elif (match := _LINE.match(line)) and not line.startswith("#"):
            state = match["state"]
            made = Promise(
                heading.split()[0],
                match["name"],
                match["what"],
                is_open=state == "(open)",
                is_later=state == "(2.0.1)",
            )
            found.setdefault(heading, []).append(made)
    return found


def marks() -> list[Mark]:
    """What the tests say they show."""
    return [Mark(system, name, test) for test, (system, *names) in marked("seed") for name in names]


def shown_by() -> dict[tuple[str, str], list[str]]:
    """The tests by system and name of the promise. Raises Wrong for a marker that names no promise."""
    known = {(x.system, x.name) for group in promises().values() for x in group}
    found: dict[tuple[str, str], list[str]] = {}
    for mark in marks():
        if (mark.system, mark.name) not in known:
            raise Wrong(f"{mark.test} shows {mark.name!r} of {mark.system}, which is not in {PROMISES.name}.")
        found.setdefault((mark.system, mark.name), []).append(mark.test)
    return found


def table() -> str:
    """The whole document."""
    shown, told = shown_by(), []
    for heading, group in promises().items():
        system, _, title = heading.partition(" ")
        told += [f"\n## {title} ({system})\n" if system != "all" else f"\n## {title}\n"]
        told += ["| Promise | What | Shown by | State |", "|---|---|---|---|"]
        told += [_row(promise, shown.get((promise.system, promise.name), [])) for promise in group]
    every = [promise for group in promises().values() for promise in group]
    counts = COUNTS.format(
        shown=sum(1 for x in every if (x.system, x.name) in shown),
        all=len(every),
        open=sum(1 for x in every if (x.system, x.name) not in shown and not x.is_later),
        later=sum(1 for x in every if (x.system, x.name) not in shown and x.is_later),
    )
    return HEAD + counts + "\n".join(told) + "\n"


def _row(promise: Promise, tests: list[str]) -> str:
    links = "<br>".join(f"[{x.rpartition('::')[2]}](../{x.partition('::')[0]})" for x in tests)
    state = "shown" if tests else "with OCPP 2.0.1" if promise.is_later else "open"
    return f"| {_cell(promise.name)} | {promise.what} | {links} | {state} |"


def _cell(name: str) -> str:
    return f"`{name}`" if re.search(r"[/<_]", name) else name


def main(arguments: list[str]) -> int:
    try:
        told = table()
    except Wrong as error:
        print(error)
        return 1
    return keep(DOCUMENT, told, "tools.seeds", arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
