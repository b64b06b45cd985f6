"""What is made once in a run, by the first worker that needs it: migrated databases to be copied, compiled pages."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from jinja2 import FileSystemBytecodeCache

from tests import services

DIRECTORY = "TEST_TEMPLATES"  # the variable by which a run's workers know where they are


def begin() -> None:
    """Called where the run begins, before there are workers."""
    os.environ[DIRECTORY] = tempfile.mkdtemp(prefix="amberline-templates-")


def end() -> None:
    """Remove what was made."""
    directory = _directory()
    name = directory / "postgresql"
    server_url = services.postgresql().url if name.exists() else None
    if server_url is not None:
        services.drop_database(server_url, name.read_text())
    shutil.rmtree(directory)


def sqlite(migrate: Callable[[str], None]) -> Path:
    """A migrated SQLite file."""
    file = _directory() / "amberline.db"
    with _alone():
        if not file.exists():
            unfinished = file.with_suffix(".new")
            migrate(f"sqlite:///{unfinished}")
            unfinished.rename(file)
    return file


def postgresql(server_url: str, migrate: Callable[[str], None]) -> str:
    """The name of a migrated PostgreSQL database, to which nobody is connected."""
    name = _directory() / "postgresql"
    with _alone():
        if not name.exists():
            url = services.create_database(server_url)
            migrate(url)
            name.write_text(url.rpartition("/")[2])
    return name.read_text()


def compiled() -> FileSystemBytecodeCache:
    """Where the applications of all workers keep their compiled templates."""
    return FileSystemBytecodeCache(str(_directory()))


def _directory() -> Path:
    return Path(os.environ[DIRECTORY])


@contextmanager
def _alone() -> Iterator[None]:
    with (_directory() / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
