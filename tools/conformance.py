"""Writes docs/conformance.md: the messages from the registries, the certification cases from their tests.

python -m tools.conformance [--check]
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from csms.ocpp import coverage
from csms.ocpp.endpoint import VERSIONS

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs/conformance.md"
TESTS = "tests/certification/v16"
CASE = re.compile(r"test_(tc_\d{3}(?:_\d)?_csms)_")

HEAD = """\
# Conformance

What is there of OCPP. The tables are read from the code and its tests: `python -m tools.conformance` writes this page,
and a test fails when it is old. `flask --app wsgi ocpp-coverage` prints the messages that an installation has.
"""
MESSAGES = """
## Messages of {protocol}

Every message is checked against the specification's own schema. An integrator can send any message to a charger as
it stands (`POST /chargers/{{identity}}/commands`); *sent* below are those that have an order of their own, which is
followed until its effect is seen.

"""
CASES = """
## Certification cases of OCPP 1.6

The {count} cases for central systems of the Open Charge Alliance's test case document, by their numbers, in our words.
Each is played over a real websocket against a server in quiet mode, by a charger that shares no code with the server.

| Case | What it shows | Test |
|---|---|---|
"""


def cases() -> Iterator[tuple[str, str, str]]:
    """(id, what it shows, name of the test's file), by id."""
    found = []
    for path in (ROOT / TESTS).glob("test_*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and (case := CASE.match(node.name)):
                words = " ".join((ast.get_docstring(node) or "").split())
                found.append((case[1].upper(), words, path.name))
    yield from sorted(found)


def document() -> str:
    """The page as it should be."""
    text = HEAD
    for protocol, version in VERSIONS.items():
        text += MESSAGES.format(protocol=protocol) + coverage.table(version)
    rows = [f"| {case} | {words} | `{TESTS}/{file}` |" for case, words, file in cases()]
    return text + CASES.format(count=len(rows)) + "\n".join(rows) + "\n"


def main() -> int:
    """0 if the page is as it should be, or was written."""
    if "--check" in sys.argv[1:]:
        return int(DOCUMENT.read_text() != document())
    DOCUMENT.write_text(document())
    return 0


if __name__ == "__main__":
    sys.exit(main())
