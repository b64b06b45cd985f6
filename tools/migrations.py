"""Take a new database up, down and up again, on SQLite and on PostgreSQL; then compare it with the models."""

import logging
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from flask_migrate import check, downgrade, upgrade
from sqlalchemy import inspect

from config import Config
from csms import create_app
from csms.extensions import db
from tests import services

KEY = "only-for-checking-migrations-0123456789"


def walk(database_url: str) -> None:
    """Up, down, up. Exits when a migration leaves something behind or the models say otherwise."""
    app = create_app(
        replace(Config(), database_url=database_url, secret_key=KEY, public_base_url="http://localhost")
    )
    with app.app_context():
        upgrade()
        before = _tables()
        downgrade(revision="base")
        if left := _tables() - {"alembic_version"}:
            sys.exit(f"The way down leaves these tables behind: {', '.join(sorted(left))}")
        upgrade()
        if before != _tables():
            sys.exit(f"The second way up makes other tables: {', '.join(sorted(before ^ _tables()))}")
        check()
        db.session.remove()
        db.engine.dispose()


def _tables() -> set[str]:
    return set(inspect(db.engine).get_table_names())


def main() -> None:
    """Walk on both databases; PostgreSQL is left out where it does not answer (in CI it must)."""
    with tempfile.TemporaryDirectory() as directory:
        walk(f"sqlite:///{Path(directory) / 'scratch.db'}")
    print("SQLite: up, down, up; the models agree")
    service = services.postgresql()
    if service.url is None:
        print(f"PostgreSQL: left out, {service.reason}")
        return
    with services.scratch_database(service.url) as url:
        walk(url)
    print("PostgreSQL: up, down, up; the models agree")


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    main()
