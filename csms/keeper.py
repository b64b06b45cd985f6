"""Runs the chargers in software that people have set up: takes those that nobody runs, and ends those that are off.

Each process has one. Which of them runs a simulator is settled in the database (`domain.simulators`).
"""

import logging

import gevent
from flask import Flask
from gevent.event import Event

from csms import clock
from csms.domain import simulators
from csms.domain.simulators import Simulator
from csms.extensions import db
from csms.seal import Unreadable
from csms.sentences import told
from csms.simulator import AlreadyRunning, SimulatorConfig, Simulators
from csms.work import AWAY, StorageFailed, atomic

log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0


class Keeper:
    """`node` names this process in claims."""

    def __init__(self, app: Flask, registry: Simulators, node: str) -> None:
        self._app, self._registry, self._node = app, registry, node
        self._mine: dict[int, str] = {}  # what this process runs, by identity
        self._news = Event()
        self._greenlet: gevent.Greenlet | None = None

    def start(self) -> None:
        self._app.extensions["bus"].subscribe((simulators.TOPIC,), lambda _topic: self._news.set())
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """Leave what runs to the next process."""
        if self._greenlet is not None:
            self._greenlet.kill()
        with self._app.app_context():
            try:
                with atomic() as session:
                    simulators.release(session, self._node)
            except StorageFailed as error:  # the claims end by themselves
                log.warning("simulators_not_released", extra={"error": str(error)})

    def _run(self) -> None:
        while True:
            with self._app.app_context():
                try:
                    self._look()
                except AWAY as error:
                    log.warning("simulators_postponed", extra={"error": str(error)})
                except Exception:  # the outermost door of the keeper: the next round must come
                    log.exception("simulators_failed")
            self._news.wait(LOOK_EVERY_S)
            self._news.clear()

    def _look(self) -> None:
        """One round: end what is done or off, begin what is ours now."""
        at = clock.now()
        done = {key: name for key, name in self._mine.items() if not self._registry.is_running(name)}
        is_work_there = simulators.is_work_there(db.session(), self._node, at)
        db.session.rollback()
        if not done and not is_work_there:
            return
        for key, identity in done.items():
            self._end(key, identity)
        is_alone = not self._app.extensions["bus"].reaches_others
        with atomic() as session:
            for key in done:
                simulators.finish(session, key, self._node, told("Done."))
            claimed = simulators.claim(session, self._node, at, is_alone=is_alone)
            wanted = {row.id: self._config(row) for row in claimed}
        for key in self._mine.keys() - wanted.keys():
            self._end(key, self._mine[key])
        refused = {key: why for key, config in wanted.items() if (why := self._begin(key, config))}
        if refused:
            with atomic() as session:
                for key, why in refused.items():
                    simulators.finish(session, key, self._node, why)

    def _config(self, row: Simulator) -> SimulatorConfig | None:
        """What the simulator is to do; None when its password cannot be read."""
        try:
            password = self._app.extensions["seal"].open(row.password_sealed) if row.password_sealed else None
        except Unreadable:
            return None
        return SimulatorConfig(
            host=row.host,
            ws_port=row.ws_port,
            rfid=row.rfid,
            cp_path=row.cp_path,
            duration=row.duration,
            kwh_min=float(row.kwh_min),
            kwh_max=float(row.kwh_max),
            interval=row.interval,
            pre_charge_delay=row.pre_charge_delay,
            repeat=row.repeat,
            username=row.username,
            password=password,
        )

    def _begin(self, key: int, config: SimulatorConfig | None) -> str | None:
        """Run one, if it does not run; why it cannot be."""
        if key in self._mine:
            return None
        if config is None:
            return told("Its password cannot be read, as SECRET_KEY has changed: enter it again.")
        try:
            self._registry.run(config)
        except AlreadyRunning:
            return told("%(identity)s is running already, started by hand.", identity=config.identity)
        self._mine[key] = config.identity
        log.info("simulator_started", extra={"charger": config.identity})
        return None

    def _end(self, key: int, identity: str) -> None:
        if self._registry.knows(identity):
            self._registry.stop(identity)
        self._mine.pop(key, None)
        log.info("simulator_ended", extra={"charger": identity})
