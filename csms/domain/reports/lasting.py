"""How long things lasted, added up by the ten thousand: each database has a way that costs it little."""

from typing import Any

from sqlalchemy import Float
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class lasted_s(FunctionElement[float]):  # noqa: N801  named as functions of SQL are
    """Seconds from the first moment to the second one, with their fraction."""

    type = Float()
    inherit_cache = True


@compiles(lasted_s, "sqlite")
def _on_sqlite(element: lasted_s, compiler: SQLCompiler, **given: Any) -> str:
    begun, ended = (compiler.process(x, **given) for x in element.clauses)
    return f"((julianday({ended}) - julianday({begun})) * 86400.0)"


@compiles(lasted_s, "postgresql")
def _on_postgresql(element: lasted_s, compiler: SQLCompiler, **given: Any) -> str:
    begun, ended = (compiler.process(x, **given) for x in element.clauses)
    return f"EXTRACT(EPOCH FROM ({ended} - {begun}))"
