"""Payouts are asked for every hour, and kept; nothing is held in the database while the provider answers."""

import logging
from datetime import datetime

import gevent
from flask import Flask
from sqlalchemy.orm import Session

from csms import clock, rounds
from csms.domain.base import take_due
from csms.domain.payments import PayoutRound, PayoutTold, payouts
from csms.extensions import db
from csms.payments.provider import Provider, Rejected, Unavailable
from csms.payments.setup import provider_named
from csms.work import atomic

log = logging.getLogger(__name__)

EVERY_S = 20.0


def start(app: Flask) -> gevent.Greenlet:
    """Look for providers that are due, for as long as the process lives; captures do not wait for it."""
    return rounds.start(app, "payouts", EVERY_S, lambda: read_due(app))


def read_due(app: Flask) -> int:
    """Ask each provider that is due for its payouts; how many were asked."""
    return rounds.each(app, rounds.claimed(payouts.due, _claim, _name), _read, at_once=2)


def _claim(session: Session, found: PayoutRound, *, at: datetime) -> bool:
    return take_due(session, found, PayoutRound.due_at, at + payouts.CLAIM_FOR)


def _name(found: PayoutRound) -> str:
    return found.provider


def _read(app: Flask, name: str) -> None:
    with app.app_context():
        try:
            _ask(name)
        except Exception:  # the outermost door of one provider: it is due again when its claim is over
            log.exception("payouts_not_read", extra={"provider": name})


def _ask(name: str) -> None:
    since = payouts.since(db.session(), name)
    try:
        if since is not None:
            provider = provider_named(name)
            db.session.remove()
            for told in provider.payouts(since):
                _keep(provider, told)
    except (Unavailable, Rejected) as error:
        log.warning("payouts_not_told", extra={"provider": name, "error": str(error)})
        with atomic() as session:
            payouts.note_failure(session, name, str(error), at=clock.now())
        return
    with atomic() as session:
        payouts.note_told(session, name, at=clock.now())


def _keep(provider: Provider, told: PayoutTold) -> None:
    """A payout, and once its lines are complete they are not asked for again. Raises Unavailable, Rejected."""
    with atomic() as session:
        kept = payouts.keep(session, provider.name, told)
        payout_id, is_read = kept.id, kept.lines_at is not None
    db.session.remove()
    if is_read or not told.is_itemised:
        return
    lines = provider.lines(told.reference)
    with atomic() as session:
        payouts.keep_lines(session, payout_id, lines, is_complete=told.is_complete, at=clock.now())
