"""Rules need no second engine: they are tried on SQLite, and on the wire (tests/ocpp) on both."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from csms import work


@pytest.fixture
def desk(sqlite_template: Path, tmp_path: Path) -> Iterator[Session]:
    """A session on an empty database, without an application around it."""
    shutil.copy(sqlite_template, tmp_path / "desk.db")
    engine = create_engine(f"sqlite:///{tmp_path / 'desk.db'}")
    work.tune(engine)
    with Session(engine, expire_on_commit=False) as session:
        session.connection(execution_options={"writes": True})
        yield session
    engine.dispose()
