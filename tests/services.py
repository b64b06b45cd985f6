"""PostgreSQL and Redis for the tests: used where they answer, missed with a reason, insisted upon in CI."""

import getpass
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import redis
from psycopg import sql
from sqlalchemy.engine import make_url

CONNECT_TIMEOUT_S = 3


@dataclass(frozen=True)
class Service:
    """Where a service answers; `url` is None when it does not, and `reason` then says why."""

    url: str | None
    reason: str = ""


class ServiceMissingError(Exception):
    """A service that must be there in CI does not answer."""


def postgresql() -> Service:
    """A database on a server where the tests may create their own. Raises ServiceMissingError in CI.

    At TEST_POSTGRES_URL, or on this machine as the current user.
    """
    url = os.environ.get("TEST_POSTGRES_URL") or f"postgresql://{getpass.getuser()}@127.0.0.1:5432/postgres"
    try:
        with _connection(url) as connection:
            may_create = connection.execute(
                "SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
    except psycopg.Error as error:
        return _missing(f"PostgreSQL does not answer at {_shown(url)}: {error}")
    if may_create != (True,):
        return _missing(f"the user of PostgreSQL at {_shown(url)} may not create databases")
    return Service(url)


def redis_server() -> Service:
    """A Redis at TEST_REDIS_URL, or on this machine. Raises ServiceMissingError in CI."""
    url = os.environ.get("TEST_REDIS_URL") or "redis://127.0.0.1:6379/0"
    client = redis.Redis.from_url(
        url, socket_connect_timeout=CONNECT_TIMEOUT_S, socket_timeout=CONNECT_TIMEOUT_S
    )
    try:
        client.ping()
    except redis.RedisError as error:
        return _missing(f"Redis does not answer at {url}: {error}")
    finally:
        client.close()
    return Service(url)


@contextmanager
def scratch_database(server_url: str, template: str = "template0") -> Iterator[str]:
    """As `create_database`; dropped at the end in any case."""
    url = create_database(server_url, template)
    try:
        yield url
    finally:
        drop_database(server_url, url.rpartition("/")[2])


def create_database(server_url: str, template: str = "template0") -> str:
    """A new PostgreSQL database with what `template` has, empty by default, as a URL for SQLAlchemy."""
    name = f"amberline_test_{os.getpid()}_{secrets.token_hex(4)}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8'")
    with _connection(server_url) as connection:
        connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        # No test cuts the power, so none needs to wait for the disk at each of its commits.
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name))
        )
    url = make_url(server_url).set(drivername="postgresql+psycopg", database=name)
    return url.render_as_string(hide_password=False)


def drop_database(server_url: str, name: str) -> None:
    """Drop it, whoever is connected."""
    with _connection(server_url) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _connection(url: str) -> psycopg.Connection:
    return psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S)


def _missing(reason: str) -> Service:
    if os.environ.get("CI") == "true":
        raise ServiceMissingError(f"{reason.strip()} (in CI it must)")
    return Service(None, reason.strip())


def _shown(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)
