"""Every message of OCPP in log files, one for each day: what went over the wire, without keys and passwords.

Whoever speaks with a charger only leaves the message here; a greenlet of its own redacts and writes what has come
together, and the disk is waited for in a thread. Several processes may write the same file, as lines are only added.
"""

import logging
import os
import re
from collections import deque
from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby

import gevent
from gevent.event import Event
from gevent.threadpool import ThreadPool

from csms import clock
from csms.day_files import DayFiles
from csms.domain.base import iso
from csms.ocpp import message

log = logging.getLogger(__name__)

GATHERED_S = 0.25
MOST_WAITING = 50_000  # when the disk is too slow, the newest are lost, and counted
PORTION = 500  # messages that are looked through without a break
_BROKEN = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]")  # what would end a line, or drive a terminal

Noted = tuple[datetime, str, str, str]  # when, with whom, which way, what


class WireLog:
    """Writes a file for each day."""

    def __init__(self, files: DayFiles) -> None:
        self._files = files
        self._waiting: deque[Noted] = deque()
        self._lost = 0
        self._is_failing = False
        self._news = Event()
        self._thread = ThreadPool(1)
        self._greenlet: gevent.Greenlet | None = None

    def start(self) -> None:
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """Write what is waiting, then end."""
        if self._greenlet is not None:
            self._greenlet.kill()
        self._write_waiting()
        self._thread.join()

    def heard(self, identity: str, text: str, at: datetime) -> None:
        """A charger has sent this."""
        self._note((at, identity, ">", text))

    def said(self, identity: str, text: str) -> None:
        """This was sent to a charger."""
        self._note((clock.now(), identity, "<", text))

    def _note(self, noted: Noted) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._lost += 1
            return
        self._waiting.append(noted)
        self._news.set()

    def _run(self) -> None:
        while True:
            self._news.wait()
            gevent.sleep(GATHERED_S)
            self._news.clear()
            self._write_waiting()

    def _write_waiting(self) -> None:
        while self._waiting:
            portion = [self._waiting.popleft() for _ in range(min(PORTION, len(self._waiting)))]
            for day, noted in groupby(portion, key=_day_of):
                lines = _lines(list(noted))
                self._thread.apply(self._append, (day, lines.encode("utf-8", "replace")))
        if self._lost:
            log.warning("wire_log_lost", extra={"messages": self._lost})
            self._lost = 0

    def _append(self, day: date, lines: bytes) -> None:
        """In the thread."""
        try:
            self._files.directory.mkdir(parents=True, exist_ok=True)
            file = os.open(self._files.path(day), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
            try:
                while lines:
                    lines = lines[os.write(file, lines) :]
            finally:
                os.close(file)
            self._is_failing = False
        except OSError as error:
            if not self._is_failing:
                log.error("wire_log_unwritable", extra={"error": str(error)})
            self._is_failing = True


def _day_of(noted: Noted) -> date:
    return noted[0].date()


def _lines(noted: Sequence[Noted]) -> str:
    """`2026-11-21T13:32:07.120Z CP-1 > [2,"1","Heartbeat",{}]` and so on; moments are in UTC.

    Nearly always nothing is to be hidden or escaped. That is seen of all of them at once.
    """
    clean = _as_is if message.is_plain("".join([x[3] for x in noted])) else _cleaned
    lines = [f"{_stamp(at)}Z {identity} {arrow} {clean(text)}\n" for at, identity, arrow, text in noted]
    return "".join(lines)


def _stamp(at: datetime) -> str:
    return iso(at)[:23] if at.microsecond else at.isoformat(timespec="milliseconds")[:23]


def _as_is(text: str) -> str:
    return text


def _cleaned(text: str) -> str:
    """`text` without secrets, in one line."""
    if message.is_plain(text):
        return text
    return _BROKEN.sub(lambda found: f"\\u{ord(found[0]):04x}", message.redacted(text))
