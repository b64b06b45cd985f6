"""Serving: the HTTP server with its limits, the jobs, the chargers' door, and an orderly end."""

import logging
import sys
from typing import Any

import gevent
import gevent.event
import gevent.pywsgi
from flask import Flask
from flask_migrate import upgrade
from werkzeug.middleware.proxy_fix import ProxyFix

from config import Config
from csms import jobs
from csms.ocpp.door import Door

log = logging.getLogger(__name__)

REQUEST_HEAD_S = 10  # slow writers of request heads are sent away
BACKLOG = 4096  # a whole town's chargers coming back at once


class Handler(gevent.pywsgi.WSGIHandler):  # type: ignore[misc]
    """pywsgi's handler with a deadline for a request's head, and the path as it was sent."""

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
    door = open_door(app, config)
    if config.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app,
            x_for=config.trusted_proxies,
            x_proto=config.trusted_proxies,
            x_host=config.trusted_proxies,
        )
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
    jobs.start(app)
    _announce(config)
    try:
        gevent.event.Event().wait()
    except KeyboardInterrupt:
        log.info("stopping")
    finally:
        server.stop(timeout=1)
        door.stop()


def _announce(config: Config) -> None:
    lines = [
        "",
        "  Amberline is running.",
        f"  People     {config.local_url}  and in the network  {config.public_base_url}",
        f"  Chargers   {config.websocket_base_url}/ws/ocpp/<identity>",
        "",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
