"""How alembic reaches the database and the models. Migrations are small, named and reversible; their names begin with
the date. Run by `flask db upgrade`, and by the server itself when CSMS_MIGRATE=1.
"""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from flask import current_app
from sqlalchemy import Connection, text

from csms.domain.base import Base, ExactDecimal, UTCDateTime
from csms.extensions import db

ONE_AT_A_TIME = 0x414D42  # the advisory lock that keeps two processes from migrating at once


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Write our own column types as what they are in the database: a migration must not change when our code does."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, ExactDecimal):
        return "sa.String(24)"
    return False


def run() -> None:
    with current_app.app_context(), db.engine.connect() as connection:
        is_postgresql = connection.dialect.name == "postgresql"
        if is_postgresql:
            connection.execute(text("SET lock_timeout = '4s'"))
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ONE_AT_A_TIME})
            connection.commit()
        else:
            _enforce_foreign_keys(connection, False)
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_item=render_item,
            render_as_batch=True,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        if is_postgresql:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ONE_AT_A_TIME})
        connection.commit()
        if not is_postgresql:
            _enforce_foreign_keys(connection, True)


def _enforce_foreign_keys(connection: Connection, on: bool) -> None:
    """SQLite changes a table by making it anew, which its references forbid (https://sqlite.org/lang_altertable.html,
    section 7): they are let go while migrations run, and checked before they hold again. Triggers, too, may name a table
    that is just being made anew: its own are gone then, and must be made again by the migration that does it.
    """
    raw: Any = connection.connection.driver_connection
    raw.execute(f"PRAGMA legacy_alter_table={'OFF' if on else 'ON'}")
    if on and (broken := raw.execute("PRAGMA foreign_key_check").fetchall()):
        raise RuntimeError(f"The migrations have left references to nothing: {broken[:10]}")
    raw.execute(f"PRAGMA foreign_keys={'ON' if on else 'OFF'}")


run()
