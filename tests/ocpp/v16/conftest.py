"""A charger's wire without an application around it; and whatever was said on it, the database holds together after."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import services
from make import NOW, Wire
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session
from story import Story

from csms.domain.verify import verify


@pytest.fixture(scope="session")
def postgresql_engine(postgresql_template: str | None) -> Iterator[Engine]:
    if postgresql_template is None:
        pytest.skip(services.postgresql().reason)
    engine = create_engine(postgresql_template)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def session(request: pytest.FixtureRequest, wipe: Callable[[str], None]) -> Iterator[Session]:
    """A session on an empty database, once on each engine."""
    engine: Engine = request.getfixturevalue(f"{request.param}_engine")
    with Session(engine, expire_on_commit=False) as session:
        session.connection(execution_options={"writes": True})
        yield session
    wipe(engine.url.render_as_string(hide_password=False))


@pytest.fixture(autouse=True)
def _all_holds(request: pytest.FixtureRequest) -> Iterator[None]:
    if "session" not in request.fixturenames:
        yield
        return
    session: Session = request.getfixturevalue("session")
    yield
    session.rollback()
    assert verify(session, at=NOW) == []


@pytest.fixture
def story(wire: Wire) -> Story:
    return Story(wire)
