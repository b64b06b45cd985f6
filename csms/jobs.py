"""What happens by itself: greenlets on a clock, each asking for due rows and handing them to one use case."""

import logging
from collections.abc import Callable
from datetime import datetime

import gevent
from flask import Flask
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import chargers, commands
from csms.work import StorageFailed, atomic

log = logging.getLogger(__name__)

Job = Callable[[Session, datetime], int]

# Every how many seconds, and what.
SCHEDULE: tuple[tuple[float, Job], ...] = (
    (5.0, commands.expire),
    (10.0, chargers.mark_silent),
)


def start(app: Flask) -> list[gevent.Greenlet]:
    """Set the jobs going. They end with the process."""
    return [gevent.spawn(_repeat, app, every_s, job) for every_s, job in SCHEDULE]


def _repeat(app: Flask, every_s: float, job: Job) -> None:
    while True:
        gevent.sleep(every_s)
        with app.app_context():
            try:
                with atomic() as session:
                    count = job(session, clock.now())
            except StorageFailed as error:
                log.warning("job_postponed", extra={"job": job.__name__, "error": str(error)})
                continue
            except Exception:  # the outermost door of a job: the next round must come
                log.exception("job_failed", extra={"job": job.__name__})
                continue
        if count:
            log.info("job_done", extra={"job": job.__name__, "count": count})
