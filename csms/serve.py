"""Serving: the HTTP server with its limits, the jobs, the chargers' door, and an orderly end."""

import gc
import logging
import signal
import socket
import sys
from typing import Any

import gevent
import gevent.event
import gevent.pywsgi
from flask import Flask
from flask_migrate import upgrade
from werkzeug.middleware.proxy_fix import ProxyFix

from config import Config
from csms import clock, demo, jobs
from csms.domain.accounts import settings
from csms.ocpp.door import Door
from csms.simulator import Simulators
from csms.web import setup
from csms.work import atomic

log = logging.getLogger(__name__)

REQUEST_HEAD_S = 10  # slow writers of request heads are sent away
BACKLOG = 4096  # a whole town's chargers coming back at once


class Handler(gevent.pywsgi.WSGIHandler):  # type: ignore[misc]
    """pywsgi's handler with a deadline for a request's head, and the path as it was sent."""

    def handle(self) -> None:
        # Head and body are sent one after the other: the body must not wait for the head's acknowledgement (40 ms).
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().handle()

    def handle_one_request(self) -> Any:
        with gevent.Timeout(REQUEST_HEAD_S, False) as self.deadline:
            return super().handle_one_request()

    def get_environ(self) -> dict[str, Any]:
        self.deadline.cancel()
        environ: dict[str, Any] = super().get_environ()
        environ["RAW_URI"] = self.path
        return environ


def open_door(app: Flask, config: Config) -> Door:
    """The chargers' door of this process; from now on chargers may come."""
    door = Door(
        config.database_url,
        app.extensions["bus"],
        heartbeat_interval_s=config.heartbeat_interval_s,
        ping_interval_s=config.ping_interval_s,
        command_timeout_s=config.command_timeout_s,
    )
    app.extensions["door"] = door
    app.extensions["bus"].start()
    door.start()
    return door


def serve(app: Flask, config: Config) -> None:
    """Serve until a signal ends it; then let the chargers go politely and store what is under way."""
    if config.migrate:
        with app.app_context():
            upgrade(directory=str(config.root / "migrations"))
    setup.apply_stored(app)
    app.extensions["bus"].subscribe((settings.TOPIC,), lambda _topic: gevent.spawn(setup.apply_stored, app))
    door = open_door(app, config)
    simulators = app.extensions["simulators"] = Simulators()
    _trust_proxies(app, config)
    server = _listen(app, config)
    jobs.start(app)
    _spare_the_collector()
    if config.demo_chargers:
        _start_demo(app, config, simulators)
    _announce(config, setup.setup_url(app))
    stop = gevent.event.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop.set)
    stop.wait()
    log.info("stopping")
    server.stop(timeout=1)
    simulators.stop_all()
    door.stop()


def _spare_the_collector() -> None:
    """What is loaded by now stays for good: the collector need not walk it again and again under load."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _trust_proxies(app: Flask, config: Config) -> None:
    count = config.trusted_proxies
    if count:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]


def _listen(app: Flask, config: Config) -> gevent.pywsgi.WSGIServer:
    server = gevent.pywsgi.WSGIServer(
        (config.host, config.port),
        app,
        handler_class=Handler,
        backlog=BACKLOG,
        log=None,
        error_log=logging.getLogger("pywsgi"),
    )
    try:
        server.start()
    except OSError as error:
        sys.stderr.write(
            f"Port {config.port} cannot be used ({error.strerror}): stop what uses it, or set PORT.\n"
        )
        sys.exit(2)
    return server


def _start_demo(app: Flask, config: Config, simulators: Simulators) -> None:
    with app.app_context(), atomic() as session:
        identities = demo.furnish(
            session, config.demo_chargers, config.map_center, config.currency, at=clock.now()
        )
    town = demo.fleet(identities, f"ws://127.0.0.1:{config.port}/ws/ocpp")
    simulators.adopt(town.chargers, town.drivers)
    gevent.spawn(town.start)


def _announce(config: Config, setup_url: str | None) -> None:
    """Say where everybody finds what they need; the only thing that is printed and not logged."""
    lines = [
        "",
        "  Amberline is running.",
        f"  People     {config.public_base_url}  (on this machine {config.local_url})",
        f"  Chargers   {config.websocket_base_url}/ws/ocpp/<identity>",
    ]
    if setup_url:
        lines.append(f"  Set-up     {setup_url}  (works once, for 30 minutes)")
    if config.lab:
        lines.append("  Lab mode   unknown chargers are let in; end it on any page, or with CSMS_LAB=0")
    sys.stdout.write("\n".join([*lines, "", ""]))
    sys.stdout.flush()
