"""The server, but one that kills itself once between two steps of a card payment.

`python -m tests.flows.crashing_till FILE`: the file says where: `after_commit captured`: a point and a step. There are
`before_commit` and `after_commit` of the unit of work that writes the step into the payment's books, `before_ask` and
`after_ask` of what is ordered at the provider. The product knows nothing of this: it is wrapped before it serves.
It has less patience than the real one: what is looked at now and then is looked at all the time.
"""

from __future__ import annotations

# First of all, as it patches.
import wsgi  # isort: skip

import os
import signal
import sys
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from csms import jobs
from csms.domain import base, payments
from csms.domain.payments import PaymentEvent, rules
from csms.payments import worker
from csms.payments.stripe import Stripe
from csms.serve import serve

EVERY_S = 0.1
PAYMENT_ID_LENGTH = 36


class Fuse:
    """Ends the process when it comes to the place that its file names; the file is gone then."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def meet(self, point: str, steps: Iterable[str]) -> None:
        if self.path.exists() and self.path.read_text() in [f"{point} {step}" for step in steps]:
            self.path.unlink()
            os.kill(os.getpid(), signal.SIGKILL)


def lay(fuse: Fuse) -> None:
    """Wrap what is to die."""
    settle, take_topics, post = base.settle, base.take_topics, Stripe._post

    def settled(session: Session) -> None:
        session.info["steps"] = [row["what"] for row in base.appended(session, PaymentEvent)]
        settle(session)
        fuse.meet("before_commit", session.info["steps"])

    def committed(session: Session) -> Iterable[str]:
        fuse.meet("after_commit", session.info.pop("steps", ()))
        return take_topics(session)

    def asked(stripe: Stripe, path: str, fields: Any, *, key: str) -> dict[str, Any]:
        step = key[PAYMENT_ID_LENGTH + 1 :].split("-")[0]
        fuse.meet("before_ask", [step])
        told = post(stripe, path, fields, key=key)
        fuse.meet("after_ask", [step])
        return told

    base.settle, base.take_topics = settled, committed
    Stripe._post = asked  # type: ignore[method-assign]


def hurry() -> None:
    """Look all the time."""
    rules.CLAIM_FOR = timedelta(seconds=3)
    rules.LOOK_EVERY = timedelta(seconds=EVERY_S)
    worker.EVERY_S = EVERY_S
    jobs.SCHEDULE = tuple(
        (EVERY_S if job is payments.follow else every_s, job) for every_s, job in jobs.SCHEDULE
    )


if __name__ == "__main__":
    lay(Fuse(Path(sys.argv[1])))
    hurry()
    serve(wsgi.app, wsgi.config)
