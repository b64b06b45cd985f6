"""Routes that cost little where nobody asks for their addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.routing import IntegerConverter, Map, PathConverter, Rule

LARGEST_ID = 2**63 - 1  # what a database keeps as an integer


class IdConverter(IntegerConverter):
    """A number in an address. Of one that no database can hold nothing is known, so nothing need ask for it."""

    def __init__(self, url_map: Map, *args: Any, **options: Any) -> None:
        super().__init__(url_map, *args, **{"max": LARGEST_ID, **options})


class AnythingConverter(PathConverter):
    """Whatever a charger calls, also with a line break in it: the door refuses that, and remembers it."""

    regex = r"[^/](?s:.*?)"


class Route(Rule):
    """A rule whose address builders are compiled when the first address is built.

    Werkzeug compiles two of them for every rule as it is added: with 780 rules that is most of `create_app`, and
    almost all addresses here are written out.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compile_now = super()._compile_builder
        compiled: Callable[..., tuple[str, str]] | None = None

        def build(self: Rule, **values: object) -> tuple[str, str]:
            nonlocal compiled
            if compiled is None:
                compiled = compile_now(append_unknown)
            return compiled(self, **values)

        return build
