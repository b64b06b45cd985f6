"""What happens by itself: greenlets on a clock, each asking for due rows and handing them to one use case."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import gevent
from flask import Flask, current_app
from sqlalchemy.orm import Session

from config import Config
from csms import alerts, backups, channels, clock, files, mail, notices, retention, webhooks
from csms import payments as paying
from csms.domain import (
    accounts,
    batches,
    chargers,
    commands,
    configuration,
    conformance,
    dso,
    energy,
    frames,
    local_lists,
    maintenance,
    payments,
    reports,
    reservations,
    security,
    subscriptions,
    transactions,
)
from csms.domain import mail as outbox
from csms.domain import webhooks as hooks
from csms.domain.alerts import channels as alert_channels
from csms.domain.energy import capacity
from csms.domain.payments import news
from csms.domain.roaming import authorization, telling
from csms.domain.transactions import unrecorded
from csms.roaming import pushing
from csms.work import Lane, StorageFailed, atomic

log = logging.getLogger(__name__)

Job = Callable[[Session, datetime], int]

STRAY_S = 3_600  # so old is a file of which nobody knows before it is swept away


def sign_certificates(session: Session, at: datetime) -> int:
    """Sign what chargers have asked for (whitepaper A02): never while they wait for the answer to their asking."""
    return security.sign_due(session, current_app.extensions["authority"], at=at)


def mend_sessions(session: Session, at: datetime) -> int:
    """Close the sessions that cannot be open any more, and match the stops that nobody knew."""
    config: Config = current_app.extensions["settings"]
    grace, silence = timedelta(seconds=config.repair_after_s), timedelta(hours=config.silent_session_h)
    return transactions.mend(session, at, grace=grace, silence=silence)


def advance_rollouts(session: Session, at: datetime) -> int:
    """Go on with rollouts of firmware, as far as the chargers that have it are well."""
    settings = files.settings()
    addresses = maintenance.Addresses(settings.public_base_url, settings.transfer_lifetime)
    return maintenance.advance(session, addresses, at)


def forget_frames(session: Session, at: datetime) -> int:
    """Let go of messages of chargers that have been kept for long enough, some of them each time."""
    config: Config = current_app.extensions["settings"]
    return frames.forget(session, at - timedelta(days=config.frames_kept_days))


def forget_readings(session: Session, at: datetime) -> int:
    """Let go of readings that have been kept for long enough, some of them each time."""
    config: Config = current_app.extensions["settings"]
    return transactions.forget_readings(session, at - timedelta(days=config.readings_kept_days))


def forget_audit(session: Session, at: datetime) -> int:
    """Let go of what was done too long ago, some of it each time."""
    config: Config = current_app.extensions["settings"]
    return accounts.forget_audit(session, at - timedelta(days=config.audit_kept_days))


def forget_logs(session: Session, at: datetime) -> int:
    """Let go of logs that have been kept for long enough; `sweep` deletes them."""
    return len(maintenance.forget_files(session, at - timedelta(days=files.settings().logs_kept_days)))


def forget_day_files(session: Session, at: datetime) -> int:
    """Delete the log files of messages that have been kept for long enough."""
    del session
    return retention.forget_day_files(at)


def sweep(session: Session, at: datetime) -> int:
    """Delete files of which nobody knows: old logs, removed firmware, what a crash or a lost upload has left."""
    del at
    logs, firmware = maintenance.kept_names(session)
    return files.logs().sweep(logs, STRAY_S) + files.firmware().sweep(firmware, STRAY_S)


def forget_mails(session: Session, at: datetime) -> int:
    """Let go of mails of which nothing more is to be done."""
    return outbox.forget(session, at - mail.KEPT_FOR)


def forget_deliveries(session: Session, at: datetime) -> int:
    """Let go of what was told to other programs long ago."""
    return hooks.forget(session, at - webhooks.KEPT_FOR)


def forget_messages(session: Session, at: datetime) -> int:
    """Let go of what channels were told of alerts long ago."""
    return alert_channels.forget(session, at - channels.KEPT_FOR)


def forget_pushes(session: Session, at: datetime) -> int:
    """Let go of what peers were sent long ago."""
    return telling.forget(session, at - webhooks.KEPT_FOR)


def forget_verdicts(session: Session, at: datetime) -> int:
    """Let go of what peers said long ago about cards that then did not charge."""
    return authorization.forget(session, at - webhooks.KEPT_FOR)


def forget_news(session: Session, at: datetime) -> int:
    """Let go of what payment providers told long ago."""
    return news.forget(session, at - news.KEPT_FOR)


# Every how many seconds, and what.
SCHEDULE: tuple[tuple[float, Job], ...] = (
    (2.0, sign_certificates),
    (5.0, commands.expire),
    (5.0, maintenance.settle_overdue),
    (2.0, advance_rollouts),
    (1.0, batches.advance),
    (2.0, forget_frames),
    (2.0, forget_readings),
    (10.0, forget_audit),
    (600.0, forget_logs),
    (600.0, forget_day_files),
    (3_600.0, sweep),
    (3_600.0, forget_mails),
    (3_600.0, forget_deliveries),
    (3_600.0, forget_messages),
    (3_600.0, forget_pushes),
    (3_600.0, forget_verdicts),
    (3_600.0, forget_news),
    (2.0, payments.follow),
    (15.0, payments.correct),
    (5.0, payments.stop_spent),
    (15.0, alerts.look),
    (10.0, notices.tell_due),
    (5.0, accounts.seal_audit),
    (300.0, reports.reckon_days),
    (2.0, reports.count_sessions),
    (10.0, chargers.mark_silent),
    (3.0, conformance.tally),
    (2.0, reservations.ask_due),
    (5.0, reservations.end_due),
    (15.0, energy.tidy),
    (20.0, energy.resend),
    (60.0, capacity.follow_all),
    (30.0, dso.follow),
    (1.0, configuration.read_due),
    (1.0, configuration.apply_due),
    (5.0, configuration.reset_due),
    (60.0, local_lists.look),
    (1.0, local_lists.sync_due),
    (5.0, mend_sessions),
    (0.25, unrecorded.record_past),
    (60.0, subscriptions.renew_due),
)


WAITS_FOR_DISKS = frozenset(
    {forget_day_files, sweep}
)  # in gevent's own threads, which only the event loop's greenlets can ask


def start(app: Flask, lane: Lane) -> list[gevent.Greenlet]:
    """Set the jobs going, in the lane that stores what chargers say. They end with the process."""
    return [
        mail.start(app),
        webhooks.start(app),
        channels.start(app),
        pushing.start(app),
        paying.start(app),
        paying.start_payouts(app),
        backups.start(app),
        *(gevent.spawn(_repeat, app, lane, every_s, job) for every_s, job in SCHEDULE),
    ]


def _repeat(app: Flask, lane: Lane, every_s: float, job: Job) -> None:
    def unit(session: Session) -> int:
        with app.app_context():  # of the thread that the lane runs it in
            return job(session, clock.now())

    while True:
        gevent.sleep(every_s)
        try:
            count = _do(app, job) if job in WAITS_FOR_DISKS else lane.alone(unit)
        except StorageFailed as error:
            log.warning("job_postponed", extra={"job": job.__name__, "error": str(error)})
            continue
        except Exception:  # the outermost door of a job: the next round must come
            log.exception("job_failed", extra={"job": job.__name__})
            continue
        if count:
            log.info("job_done", extra={"job": job.__name__, "count": count})


def _do(app: Flask, job: Job) -> int:
    with app.app_context(), atomic() as session:
        return job(session, clock.now())
