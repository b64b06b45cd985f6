"""What a process does again and again beside its chargers, until it ends.

What is due to others (mails, webhooks, alerts, payments) is claimed in one unit of work, sent without any, and settled
in another: no lock is held while a receiver dawdles, and no receiver keeps the others waiting.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import gevent
from flask import Flask
from gevent.pool import Pool

from csms import clock
from csms.extensions import db
from csms.work import AWAY, atomic

Row = TypeVar("Row")
Task = TypeVar("Task")

log = logging.getLogger(__name__)


def start(app: Flask, name: str, every_s: float, turn: Callable[[], object]) -> gevent.Greenlet:
    """Take a turn every `every_s` seconds, in a context of the application. What goes wrong is logged under `name`."""

    def repeat() -> None:
        while True:
            gevent.sleep(every_s)
            with app.app_context():
                try:
                    turn()
                except AWAY as error:
                    log.warning("%s_postponed", name, extra={"error": str(error)})
                except Exception:  # the outermost door: the next turn must come
                    log.exception("%s_failed", name)

    return gevent.spawn(repeat)


def claimed(
    due: Callable[..., Sequence[Row]], claim: Callable[..., bool], task: Callable[[Row], Task]
) -> Sequence[Task]:
    """What is this process's to do now, read while there is a session. Nothing is locked while nothing is due.

    `due` takes (session, moment, limit=), `claim` (session, row, at=) and is true for one process.
    """
    at = clock.now()
    has_any = bool(due(db.session(), at, limit=1))
    db.session.remove()
    if not has_any:
        return ()
    with atomic() as session:
        return [task(x) for x in due(session, at) if claim(session, x, at=at)]


def each(app: Flask, tasks: Sequence[Task], do: Callable[[Flask, Task], object], *, at_once: int) -> int:
    """Do the tasks, several at once; how many there were."""
    pool = Pool(at_once)
    for task in tasks:
        pool.spawn(do, app, task)
    pool.join()
    return len(tasks)
