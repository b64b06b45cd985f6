"""Take a database with a session in it up, down and up again, on SQLite and PostgreSQL; then compare the models."""

import sys
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from flask_migrate import check, downgrade, upgrade
from sqlalchemy import func, inspect, select

from config import Config
from csms import create_app
from csms.domain.chargers import Charger, Connector
from csms.domain.transactions import Transaction
from csms.extensions import db
from settings import LogLevel
from tests import services
from tests.make import make_charger, make_wire

FIRST = "0001"
_FILLED = (1, 2, 5000, "cp-0000000001")
KEY = "only-for-checking-migrations-0123456789"


def walk(database_url: str) -> None:
    """Up, down, up. Exits when a migration leaves something behind or the models say otherwise."""
    config = replace(Config(), database_url=database_url, secret_key=KEY, log_level=LogLevel.WARNING)
    app = create_app(replace(config, public_base_url="http://localhost"))
    with app.app_context():
        upgrade()
        before = _tables()
        _fill()
        downgrade(revision=FIRST)
        upgrade()
        if _sums() != _FILLED:
            sys.exit(f"The way to the first revision and back has lost something: {_sums()}")
        downgrade(revision="base")
        if left := _tables() - {"alembic_version"}:
            sys.exit(f"The way down leaves these tables behind: {', '.join(sorted(left))}")
        upgrade()
        if before != _tables():
            sys.exit(f"The second way up makes other tables: {', '.join(sorted(before ^ _tables()))}")
        check()
        db.session.remove()
        db.engine.dispose()


def _fill() -> None:
    """A charger that has charged, so that tables are changed with rows that refer to each other in them."""
    session = db.session()
    session.connection(execution_options={"writes": True})
    charger = make_charger(session, online=True, connectors=2)
    wire = make_wire(session, charger)
    begun = {"connectorId": 1, "idTag": "04A2B39F", "meterStart": 0, "timestamp": wire.now.isoformat()}
    transaction = wire.call("StartTransaction", begun)["transactionId"]
    end = wire.now + timedelta(hours=1)
    ended = {"transactionId": transaction, "meterStop": 5000, "timestamp": end.isoformat()}
    wire.call("StopTransaction", ended, id="2", at=end)
    db.session.remove()


def _sums() -> tuple[int, int, int, str]:
    session = db.session()
    counted = [session.scalar(select(func.count()).select_from(table)) or 0 for table in (Charger, Connector)]
    energy = session.scalar(select(func.sum(Transaction.energy_wh))) or 0
    name = session.scalar(select(Charger.sorting_name)) or ""
    db.session.remove()
    return counted[0], counted[1], int(energy), name


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
    main()
