"""How long things lasted, added up by the ten thousand: each database has a way that costs it little."""

from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

QUARTER_S = 900
BEFORE_1970_S = 62_167_219_200  # quarters are counted from the year 0, so that none is negative


class lasted_ms(FunctionElement[int]):  # noqa: N801  named as functions of SQL are
    """Whole milliseconds from the first moment to the second one: such sums are exact, in whatever order."""

    type = BigInteger()
    inherit_cache = True


@compiles(lasted_ms, "sqlite")
def _on_sqlite(element: lasted_ms, compiler: SQLCompiler, **given: Any) -> str:
    begun, ended = (compiler.process(x, **given) for x in element.clauses)
    return f"CAST(round((julianday({ended}) - julianday({begun})) * 86400000.0) AS INTEGER)"


@compiles(lasted_ms, "postgresql")
def _on_postgresql(element: lasted_ms, compiler: SQLCompiler, **given: Any) -> str:
    begun, ended = (compiler.process(x, **given) for x in element.clauses)
    return f"CAST(round(EXTRACT(EPOCH FROM ({ended} - {begun})) * 1000) AS BIGINT)"


class quarter(FunctionElement[int]):  # noqa: N801
    """The quarter of an hour in which a moment lies, counted from the year 0."""

    type = BigInteger()
    inherit_cache = True


@compiles(quarter, "sqlite")
def _quarter_on_sqlite(element: quarter, compiler: SQLCompiler, **given: Any) -> str:
    moment = compiler.process(element.clauses, **given)
    return f"((CAST(strftime('%s', {moment}) AS INTEGER) + {BEFORE_1970_S}) / {QUARTER_S})"


@compiles(quarter, "postgresql")
def _quarter_on_postgresql(element: quarter, compiler: SQLCompiler, **given: Any) -> str:
    moment = compiler.process(element.clauses, **given)
    return f"CAST(floor((EXTRACT(EPOCH FROM {moment}) + {BEFORE_1970_S}) / {QUARTER_S}) AS BIGINT)"
