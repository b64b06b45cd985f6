"""Routes that cost little where nobody asks for their addresses."""

from __future__ import annotations

from collections.abc import Callable

from werkzeug.routing import Rule


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
