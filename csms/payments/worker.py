"""What is due at the providers: asked one payment at a time, with nothing held in the database meanwhile.

Whatever dies between the claim of a payment and its settling, the claim runs out and the provider is asked how things
stand.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

import gevent
from flask import Flask
from gevent.event import Event
from sqlalchemy.orm import Session

from csms import clock, rounds
from csms.domain import payments
from csms.domain.base import take_due
from csms.domain.payments import Payment, Standing, Wanted, checkout, news, queries, rules, settings
from csms.domain.payments.service import TOPIC
from csms.extensions import db
from csms.payments.provider import Provider, Rejected, Unavailable
from csms.payments.setup import provider_named
from csms.sentences import told
from csms.work import AWAY, atomic

log = logging.getLogger(__name__)

EVERY_S = 1.0
AT_ONCE = 6


@dataclass(frozen=True, slots=True)
class _Task:
    """What is needed of a payment, with no session to it. `reference` None: nobody knows whether it was opened."""

    payment_id: str
    provider: str
    reference: str | None
    currency: str
    wanted: Wanted | None
    wanted_cents: int


def start(app: Flask) -> gevent.Greenlet:
    """Look after payments for as long as the process lives."""
    return gevent.spawn(_repeat, app)


def _repeat(app: Flask) -> None:
    wake = Event()
    app.extensions["bus"].subscribe([TOPIC], lambda _topic: wake.set())
    while True:
        wake.wait(EVERY_S)
        wake.clear()
        with app.app_context():
            try:
                attend_due(app)
                send_test_news()
            except AWAY as error:
                log.warning("payments_postponed", extra={"error": str(error)})
                gevent.sleep(EVERY_S)
            except Exception:  # the outermost door of payments: the next round must come
                log.exception("payments_failed")
                gevent.sleep(EVERY_S)


def attend_due(app: Flask) -> int:
    """Ask about every payment that is due, several at once; how many there were."""
    return rounds.each(app, rounds.claimed(queries.due, _claim, _task), _attend, at_once=AT_ONCE)


def _claim(session: Session, payment: Payment, *, at: datetime) -> bool:
    return take_due(session, payment, Payment.due_at, at + rules.CLAIM_FOR)


def _task(payment: Payment) -> _Task:
    return _Task(
        payment.id,
        payment.provider,
        payment.reference,
        payment.currency,
        payment.wanted,
        payment.wanted_cents,
    )


def _attend(app: Flask, task: _Task) -> None:
    with app.app_context():
        try:
            _ask(task)
        except Exception:  # the outermost door of one payment: it is due again when its claim is over
            log.exception("payment_not_settled", extra={"payment": task.payment_id})


def _ask(task: _Task) -> None:
    """Ask the provider how a payment stands, do there what is missing, and write down what came of it."""
    if task.reference is None:
        with atomic() as session:
            payment = payments.find(session, task.payment_id, to_change=True)
            words = told("The payment page could not be opened.")
            payments.not_opened(session, payment, words, at=clock.now())
        return
    try:
        provider = provider_named(task.provider)
        db.session.remove()
        standing = _carried_out(provider, task, task.reference)
    except (Unavailable, Rejected) as error:
        _note_failure(task, str(error), is_final=isinstance(error, Rejected))
        return
    with atomic() as session:
        at = clock.now()
        settings.note_up(session, at=at)
        payments.settle(session, payments.find(session, task.payment_id, to_change=True), standing, at=at)


def _carried_out(provider: Provider, task: _Task, reference: str) -> Standing:
    """How it stands after what was missing has been done. Raises Unavailable, Rejected."""
    standing = provider.look(reference, task.currency)
    step = payments.step_for(task.payment_id, task.wanted, task.wanted_cents, standing)
    if step is None:
        return standing
    provider.act(reference, task.currency, step)
    log.info("payment_step", extra={"payment": task.payment_id, "step": step.wanted.value})
    return provider.look(reference, task.currency)


def _note_failure(task: _Task, detail: str, *, is_final: bool) -> None:
    log.warning("payment_step_failed", extra={"payment": task.payment_id, "error": detail})
    with atomic() as session:
        at = clock.now()
        payment = payments.find(session, task.payment_id, to_change=True)
        payments.not_settled(session, payment, detail, is_final=is_final, at=at)
        if not is_final and task.provider == payments.Settings.of(session).provider:
            settings.note_down(session, detail, at=at)


def send_test_news() -> int:
    """What the test provider tells by itself, late or twice as it was asked to; how many messages."""
    due = checkout.news_due(db.session(), clock.now())
    db.session.remove()
    if not due:
        return 0
    with atomic() as session:
        at = clock.now()
        sent = checkout.news_due(session, at)
        for one in sent:
            event_id = f"{one.reference}-{one.outcome}"
            names = (one.payment_id, one.reference)
            news.take(session, provider="test", event_id=event_id, kind="test.paid", names=names, at=at)
            checkout.note_news(one, at=at)
    return len(sent)
