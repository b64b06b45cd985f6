"""Large files that come and go: on disk under random names, never whole in memory, and never in the event loop's way.

Disk work is done by gevent's native threads, so that a slow disk stalls no charger. A draft becomes a file only when it
is whole and synced; what a crash leaves of it is swept away.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import gevent
from gevent import Timeout

T = TypeVar("T")

CHUNK_BYTES = 256 * 1024
SILENT_S = 60  # a sender who says nothing for so long has gone away
DRAFT = ".part"


class TooLarge(Exception):
    """More came than may be kept. Nothing is kept."""


class CutOff(Exception):
    """The sender went away in the middle. Nothing is kept."""


class Source(Protocol):
    """What a body is read from."""

    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that is whole: its name on disk, its size and its digest in hexadecimal digits."""

    name: str
    size_bytes: int
    sha256: str


def apart(work: Callable[..., T], *arguments: Any) -> T:
    """Do `work` in a native thread; only the greenlet that asks waits for it."""
    result: T = gevent.get_hub().threadpool.apply(work, arguments)
    return result


class Draft:
    """A file that is being written. Ends with `keep` or `drop`. A writable file as far as form parsers need one."""

    def __init__(self, directory: Path, most_bytes: int) -> None:
        self.size_bytes = 0
        self._most_bytes = most_bytes
        self._path = directory / f"{secrets.token_hex(16)}{DRAFT}"
        self._digest = hashlib.sha256()
        self._pending = bytearray()
        self._file = apart(_create, self._path)

    def write(self, data: bytes) -> int:
        """Raises TooLarge."""
        self.size_bytes += len(data)
        if self.size_bytes > self._most_bytes:
            raise TooLarge
        self._pending += data
        if len(self._pending) >= CHUNK_BYTES:
            self._flush()
        return len(data)

    def seek(self, place: int, whence: int = 0) -> int:
        """Form parsers rewind what they have written; nobody reads it from here."""
        del whence
        return place

    def _flush(self) -> None:
        data, self._pending = bytes(self._pending), bytearray()
        apart(self._put, data)

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        self._file.write(data)

    def keep(self) -> Stored:
        """Make a file of it, that outlasts a power cut."""
        self._flush()
        path = self._path.with_suffix("")
        apart(_finish, self._file, self._path, path)
        return Stored(path.name, self.size_bytes, self._digest.hexdigest())

    def drop(self) -> None:
        """Leave nothing of it."""
        apart(_discard, self._file, self._path)


class Patient:
    """A source that is given up when nothing comes for a while. Raises CutOff."""

    def __init__(self, source: Source, silent_s: float = SILENT_S) -> None:
        self._source = source
        self._silent_s = silent_s

    def read(self, size: int = -1, /) -> bytes:
        try:
            with Timeout(self._silent_s):
                return self._source.read(size)
        except (Timeout, OSError) as error:
            raise CutOff from error


class Shelf:
    """One directory of files with random names."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def draft(self, most_bytes: int) -> Draft:
        return Draft(self._directory, most_bytes)

    def receive(self, source: Source, most_bytes: int) -> Stored:
        """Write all that `source` gives. Raises TooLarge or CutOff."""
        draft = self.draft(most_bytes)
        try:
            while chunk := source.read(CHUNK_BYTES):
                draft.write(chunk)
            return draft.keep()
        except BaseException:
            draft.drop()
            raise

    def path(self, name: str) -> Path:
        return self._directory / name

    def open(self, name: str) -> Reader:
        """Raises FileNotFoundError."""
        return Reader(apart(open, self.path(name), "rb"))

    def remove(self, name: str) -> None:
        """Delete it; that it is gone already is no fault."""
        apart(_unlink, self.path(name))

    def sweep(self, kept: Set[str], older_than_s: float) -> int:
        """Delete what nobody knows of, unless it is so young that it may be just coming."""
        return apart(_sweep, self._directory, kept, older_than_s)


class Reader:
    """A file's content in chunks, for a response that may begin in the middle."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.place = 0
        """Up to where it has been read."""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk: bytes = apart(self._file.read, CHUNK_BYTES)
        if not chunk:
            raise StopIteration
        self.place = int(self._file.tell())
        return chunk

    def seekable(self) -> bool:
        return True

    def seek(self, place: int) -> int:
        return int(self._file.seek(place))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        self._file.close()


def _create(path: Path) -> Any:
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0)


def _finish(file: Any, draft: Path, path: Path) -> None:
    os.fsync(file.fileno())
    file.close()
    draft.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _discard(file: Any, path: Path) -> None:
    file.close()
    path.unlink(missing_ok=True)


def _unlink(path: Path) -> None:
    path.unlink(missing_ok=True)


def _sweep(directory: Path, kept: Set[str], older_than_s: float) -> int:
    # The disk's own clock, against which the files' ages are meant.
    now_s = time.clock_gettime(time.CLOCK_REALTIME)
    count = 0
    for path in directory.iterdir():
        if path.name not in kept and now_s - path.stat().st_mtime > older_than_s:
            path.unlink(missing_ok=True)
            count += 1
    return count
