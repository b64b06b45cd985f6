"""Fixtures for all tests. Nothing here is patched: what needs gevent runs in a server of its own process."""

from __future__ import annotations

import functools
import gc
import importlib
import pkgutil
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import services
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from make import Wire, make_charger, make_wire
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from config import Config
from csms import create_app, domain, work
from csms.bus import LocalBus
from csms.domain.base import Base
from csms.extensions import db, limiter
from tests import templates
from tests.desk import Desk
from tests.nursery import ForkedServer, Nursery

# How long an example takes is a matter of the machine and of what else it does.
hypothesis_settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("patient")


@contextmanager
def _no_collector() -> Iterator[None]:
    """Python 3.11 cannot parse while it parses, which a finaliser's warning makes it do: "AST constructor recursion
    depth mismatch" instead of a failure's report. Without the collector no finaliser comes in between."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """What is imported stays, so nothing needs to look through it at every collection: that makes tests quicker."""
    with _no_collector():
        result = yield
        gc.freeze()
    return result


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run on one engine what has nothing to do with it."""
    items[:] = [
        x
        for x in items
        if not (x.get_closest_marker("sqlite_is_enough") and x.get_closest_marker("postgresql"))
    ]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    with _no_collector():
        return (yield)


def _config(directory: Path, database_url: str, **more: Any) -> Config:
    return replace(
        Config(),
        instance_dir=directory,
        secret_key="k" * 43,
        public_base_url="http://charging.test",
        database_url=database_url,
        **{"card_login": True, **more},
    )


def _app(config: Config) -> Flask:
    app = create_app(config)
    app.jinja_env.bytecode_cache = templates.compiled()
    return app


def _migrate(database_url: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        app = create_app(_config(Path(directory), database_url))
        with app.app_context():
            upgrade(directory=str(Path(__file__).parents[1] / "migrations"))
            db.engine.dispose()


def pytest_configure(config: pytest.Config) -> None:
    if not is_worker(config):
        templates.begin()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not is_worker(config):
        templates.end()


def is_worker(config: pytest.Config) -> bool:
    """Is this one of several processes that share a run's tests?"""
    return hasattr(config, "workerinput")


@pytest.fixture(scope="session")
def sqlite_template() -> Path:
    """A migrated SQLite file, to be copied."""
    return templates.sqlite(_migrate)


@pytest.fixture(scope="session")
def sqlite_engine(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine for tests without an application: its memory of compiled statements is most of their speed."""
    file = tmp_path_factory.mktemp("engine") / "amberline.db"
    shutil.copy(sqlite_template, file)
    engine = create_engine(f"sqlite:///{file}")
    work.tune(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def postgresql_template() -> Iterator[str | None]:
    """The address of a migrated PostgreSQL database; None where there is no server."""
    service = services.postgresql()
    if service.url is None:
        yield None
        return
    with services.scratch_database(service.url, templates.postgresql(service.url, _migrate)) as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_shared(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of one SQLite database for all tests that need no server of their own."""
    file = tmp_path_factory.mktemp("shared") / "amberline.db"
    shutil.copy(sqlite_template, file)
    return f"sqlite:///{file}"


def _impatient(url: str) -> dict[str, Any]:
    """What makes a wait for somebody's lock an error: whoever holds one after its test would hold it for ever."""
    return {"options": "-c lock_timeout=60s"} if url.startswith("postgresql") else {}


@functools.cache
def _tables() -> list[str]:
    """The names of all tables, those first that refer to others."""
    for module in pkgutil.walk_packages(domain.__path__, f"{domain.__name__}."):
        importlib.import_module(module.name)  # a table is known once its module is
    return [x.name for x in reversed(Base.metadata.sorted_tables)]


@functools.cache
def _which_are_used() -> str:
    """A query of the tables in which there are rows, by their numbers."""
    asked = (f'SELECT {i} WHERE EXISTS (SELECT 1 FROM "{x}")' for i, x in enumerate(_tables()))  # noqa: S608  ours
    return " UNION ALL ".join(asked)


@pytest.fixture(scope="session")
def wipe() -> Iterator[Callable[[str], None]]:
    """Empties a database: the few tables that are not empty. Much quicker than a new file, or than TRUNCATE."""
    import csms.web  # noqa: F401  then every table is known: a server in a process of its own may have written to any

    engines: dict[str, Engine] = {}

    def empty(url: str) -> None:
        engine = engines.setdefault(url, create_engine(url, connect_args=_impatient(url)))
        with closing(engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
            # Again, until there is nothing left: triggers write down what is deleted.
            while used := sorted(x for (x,) in cursor.execute(_which_are_used()).fetchall()):
                for number in used:
                    cursor.execute(f'DELETE FROM "{_tables()[number]}"')  # noqa: S608  ours
            connection.commit()

    yield empty
    for engine in engines.values():
        engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(
    request: pytest.FixtureRequest, tmp_path: Path, wipe: Callable[[str], None]
) -> Iterator[str]:
    """An empty, migrated database, once on each engine."""
    if request.param == "sqlite" and "servers" in request.fixturenames:
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "amberline.db")
        yield f"sqlite:///{tmp_path / 'amberline.db'}"
        return
    url = request.getfixturevalue(f"{request.param}_{'shared' if request.param == 'sqlite' else 'template'}")
    if url is None:
        pytest.skip(services.postgresql().reason)
    yield url
    wipe(url)


@pytest.fixture
def settings() -> dict[str, Any]:
    """What a test module wants to have set otherwise: override this fixture there."""
    return {}


@pytest.fixture
def config(database_url: str, tmp_path: Path, settings: dict[str, Any]) -> Config:
    return _config(tmp_path, database_url, **settings)


@pytest.fixture(scope="session")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, dict[str, Any]], Flask]]:
    """Applications by the address of their database and their settings: made once, used by many tests."""
    made: dict[tuple[str, frozenset[tuple[str, Any]]], Flask] = {}

    def app_on(url: str, settings: dict[str, Any]) -> Flask:
        key = (url, frozenset(settings.items()))
        if key not in made:
            made[key] = _app(_config(tmp_path_factory.mktemp("instance"), url, **settings))
        return made[key]

    yield app_on
    for app in made.values():
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def app(
    request: pytest.FixtureRequest,
    config: Config,
    settings: dict[str, Any],
    apps: Callable[[str, dict[str, Any]], Flask],
) -> Iterator[Flask]:
    """An application as good as new."""
    is_shared = "servers" not in request.fixturenames
    app = apps(config.database_url, settings) if is_shared else _app(config)
    app.config["TESTING"] = True
    if is_shared:
        app.extensions["bus"] = LocalBus()
    before, extensions = dict(app.config), dict(app.extensions)
    with app.app_context():
        yield app
        db.session.remove()
        if not is_shared:
            db.engine.dispose()
        limiter.reset()
    app.config.clear()
    app.config.update(before)
    app.extensions.clear()
    app.extensions.update(extensions)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def session(app: Flask) -> Iterator[Session]:
    """A session for arranging and for domain verbs; what a test wants others to see it commits by `store`."""
    with Session(db.engine, expire_on_commit=False) as session:
        session.connection(execution_options={"writes": True})
        yield session


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Forks servers that start in a fraction of the time."""
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture
def servers(nursery: Nursery, database_url: str, tmp_path: Path) -> Iterator[Callable[..., ForkedServer]]:
    """Makes servers on the test's database, not started yet, with an environment of their own; stops them all."""
    with ExitStack() as made:

        def make(**settings: str) -> ForkedServer:
            server = ForkedServer(nursery, tmp_path, database_url, **settings)
            made.callback(server.stop)
            return server

        yield make


@pytest.fixture
def live(servers: Callable[..., ForkedServer], live_settings: dict[str, str]) -> ForkedServer:
    """A server in a process of its own, in lab mode."""
    server = servers(**live_settings)
    server.start()
    return server


@pytest.fixture
def desk(live: ForkedServer) -> Iterator[Desk]:
    """An operator of the `live` server."""
    desk = Desk(live)
    yield desk
    desk.close()


@pytest.fixture
def live_settings() -> dict[str, str]:
    """Environment of the `live` server that a test module wants otherwise: override this fixture there."""
    return {}


@pytest.fixture
def wire(session: Session) -> Wire:
    """A charger CP-1 that anybody may charge at, speaking 1.6."""
    return make_wire(session, make_charger(session, online=True))
