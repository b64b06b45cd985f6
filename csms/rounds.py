"""What a process does again and again beside its chargers, until it ends."""

from __future__ import annotations

import logging
from collections.abc import Callable

import gevent
from flask import Flask

from csms.work import StorageFailed

log = logging.getLogger(__name__)


def start(app: Flask, name: str, every_s: float, turn: Callable[[], object]) -> gevent.Greenlet:
    """Take a turn every `every_s` seconds, in a context of the application. What goes wrong is logged under `name`."""

    def repeat() -> None:
        while True:
            gevent.sleep(every_s)
            with app.app_context():
                try:
                    turn()
                except StorageFailed as error:
                    log.warning("%s_postponed", name, extra={"error": str(error)})
                except Exception:  # the outermost door: the next turn must come
                    log.exception("%s_failed", name)

    return gevent.spawn(repeat)
