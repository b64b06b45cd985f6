"""Whatever is put on record has words: the names are read from the sources, so that a new one is found by itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from csms.domain.accounts import Role
from csms.web.audit_words import DEEDS, THINGS, WHOLE, words_of

pytestmark = pytest.mark.sqlite_is_enough

SOURCES = Path(__file__).parents[2] / "csms"
NAME = re.compile(r"[a-z_]+(\.[a-z_.]*)?")
PLACES = {"put_on_record": (1,), "audit": (1, 2)}  # of the action among the arguments


def called(call: ast.Call) -> str:
    return getattr(call.func, "attr", "") or getattr(call.func, "id", "")


def constants(part: ast.expr) -> Iterator[str]:
    """The texts that an expression may be; of one that is put together, its beginning with a star behind it."""
    match part:
        case ast.Constant(value=str() as text):
            yield text
        case ast.IfExp():
            yield from constants(part.body)
            yield from constants(part.orelse)
        case ast.JoinedStr(values=[ast.Constant(value=str() as head), *_]):
            yield f"{head}*"


def actions() -> set[str]:
    """Every action; those that a function is given come from where it is called."""
    found: set[str] = set()
    for file in SOURCES.rglob("*.py"):
        tree = ast.parse(file.read_text())
        for function in [x for x in ast.walk(tree) if isinstance(x, ast.FunctionDef)]:
            for call in [x for x in ast.walk(function) if isinstance(x, ast.Call) and called(x) in PLACES]:
                given = [call.args[x] for x in PLACES[called(call)] if x < len(call.args)]
                for part in given:
                    found.update(constants(part))
                    if isinstance(part, ast.Name) and part.id in {x.arg for x in function.args.args}:
                        found.update(_given_to(tree, function, part.id))
    return {x for x in found if NAME.fullmatch(x.removesuffix("*"))} - {"shell", "somebody"}


def _given_to(tree: ast.Module, function: ast.FunctionDef, argument: str) -> Iterator[str]:
    place = [x.arg for x in function.args.args].index(argument)
    for call in [x for x in ast.walk(tree) if isinstance(x, ast.Call) and called(x) == function.name]:
        for part in call.args[place : place + 1]:
            yield from constants(part)


def test_every_action_that_is_put_on_record_has_words() -> None:
    found = actions()
    assert {"charger.adopt", "tariff.add", "settings.quiet", "command.*"} <= found
    untold = set()
    for action in found:
        noun, _, verb = action.partition(".")
        is_open = action.endswith("*") and noun in THINGS
        if not (is_open or action in WHOLE or (noun in THINGS and verb in DEEDS)):
            untold.add(action)
    assert untold == set(), "give them words in csms/web/audit_words.py"


def test_an_action_of_another_version_says_what_is_known_of_it(app) -> None:
    with app.test_request_context():
        assert words_of("charger.adopt") == "Charger: let in"
        assert words_of("charger.some_new_deed") == "Charger"
        assert words_of("command.reset") == "Command: Reset"
        assert words_of("unheard_of") == ""


def test_the_audit_says_it_in_words_beside_the_name_that_is_stored(visitor, site) -> None:
    olga = visitor().log_in(Role.OWNER)
    olga.post("/settings/accent", {"accent": "#0a6b3d"})
    page = olga.text("/settings/audit")
    assert "Accent colour changed" in page
    assert '<code class="soft small">settings.accent</code>' in page
