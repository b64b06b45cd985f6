"""Backups by themselves: made as often as is set, and let go of when there are enough."""

from __future__ import annotations

import logging
from datetime import timedelta

import gevent
from flask import Flask

from csms import clock, rounds
from csms.backups.archive import BackupFailed
from csms.backups.making import Kept, listed, make, path_of, settings, why_not
from csms.backups.restoring import ordered

log = logging.getLogger(__name__)

LOOK_EVERY_S = 300


def start(app: Flask) -> gevent.Greenlet:
    """Make backups as often as is set, for as long as the process lives."""

    def turn() -> None:
        try:
            make_due()
        except BackupFailed as error:
            log.warning("backup_failed", extra={"error": str(error)})

    return rounds.start(app, "backups", LOOK_EVERY_S, turn)


def make_due() -> bool:
    """Make a backup if the newest is old enough, and let go of the oldest; True if so. Raises BackupFailed."""
    config = settings()
    if not config.backup_every_h or why_not() is not None:
        return False
    newest = next(iter(listed()), None)
    if newest is not None and clock.now() - newest.made_at < timedelta(hours=config.backup_every_h):
        return False
    make()
    for old in beyond(config.backups_kept):
        if path := path_of(old.name):
            path.unlink(missing_ok=True)
    return True


def beyond(kept: int) -> list[Kept]:
    """Those that are too many, where so many are kept: the oldest, but for one that is to be put back."""
    order = ordered()
    return [x for x in listed()[kept:] if order is None or x.name != order.name]
