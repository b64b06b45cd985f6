"""Serving: the HTTP server with its limits, the jobs, the chargers' door, and an orderly end."""

import errno
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

import gevent
import gevent.event
import gevent.pywsgi
from cryptography import x509
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy.exc import DBAPIError
from werkzeug.middleware.proxy_fix import ProxyFix

from config import Config
from csms import backups, clock, demo, installation, jobs, schemas
from csms.day_files import DayFiles
from csms.domain import chargers
from csms.domain.accounts import settings
from csms.domain.base import DomainError
from csms.domain.chargers import RefusalCause
from csms.extensions import db
from csms.gauges import Gauges
from csms.keeper import Keeper
from csms.ocpp import tls
from csms.ocpp.door import Door
from csms.ocpp.endpoint import VERSIONS
from csms.ocpp.forwarding.post_office import PostOffice
from csms.ocpp.forwarding.versions import RELAYS
from csms.ocpp.wire_log import WireLog
from csms.roaming.asking import Asker
from csms.sentences import told
from csms.simulator import Simulators
from csms.web import report_mails, setup
from csms.web.streams import Streams
from csms.work import StorageFailed, atomic

log = logging.getLogger(__name__)

REQUEST_HEAD_S = 10  # slow writers of request heads are sent away
PULSE_S = 0.01
# How long SQLite's thread may keep the event loop waiting for Python's lock; the default of 5 ms, each time, is felt.
SWITCH_S = 0.0005
BACKLOG = 4096  # a whole town's chargers coming back at once
TLS_HANDSHAKE = b"\x16"  # with which its first record begins (RFC 8446 §5.1), and no HTTP request
MOST_ACCEPTED = 4  # of them in one turn of the event loop: those who are here already are heard in between

TLS_REMEDY = told(
    "Look at the charger's certificates and its clock. Chargers need TLS 1.2, and this server's root."
)
TO_PLAIN_PORT = (
    told("It speaks TLS, and came to the port without it."),
    told("Begin the charger's address with ws:// instead of wss://, or give it the port for TLS."),
)


class Handler(gevent.pywsgi.WSGIHandler):  # type: ignore[misc]
    """pywsgi's handler with a deadline for a request's head, and the path as it was sent."""

    def handle(self) -> None:
        # Head and body are sent one after the other: the body must not wait for the head's acknowledgement (40 ms).
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().handle()

    def read_requestline(self) -> str:
        """Who speaks TLS to the port without it is told of, and need not wait for an answer."""
        if self.rfile.peek(1)[:1] == TLS_HANDSHAKE:
            self.server.note_tls(str(self.client_address[0]), *TO_PLAIN_PORT)
            return ""
        return str(super().read_requestline())

    def handle_one_request(self) -> Any:
        with gevent.Timeout(REQUEST_HEAD_S, False) as self.deadline:
            return super().handle_one_request()

    def get_environ(self) -> dict[str, Any]:
        self.deadline.cancel()
        environ: dict[str, Any] = super().get_environ()
        environ["RAW_URI"] = self.path
        config = self.server.config
        tls.describe(
            environ, self.socket, str(self.client_address[0]), config.proxy_addresses, self.server.authorities
        )
        return environ


def open_door(app: Flask, config: Config) -> Door:
    """The chargers' door of this process; from now on chargers may come."""
    door = Door(
        config.database_url,
        app.extensions["bus"],
        heartbeat_interval_s=config.heartbeat_interval_s,
        ping_interval_s=config.ping_interval_s,
        command_timeout_s=config.command_timeout_s,
        versions=VERSIONS,
        operator_name=app.config["CPO_NAME"],
        gauges=app.extensions["gauges"],
        wire_log=WireLog(DayFiles(config.wire_log_dir)) if config.wire_log_dir else None,
        ask_issuer=Asker(app),
    )
    app.extensions["door"] = door
    app.extensions["bus"].start()
    door.start()
    return door


def serve(app: Flask, config: Config) -> None:
    """Serve until a signal ends it; then let the chargers go politely and store what is under way."""
    _reach_database(app)
    _read_authorities(app, config)
    if config.migrate:
        with app.app_context():
            upgrade(directory=str(config.root / "migrations"))
    with app.app_context():
        backups.carry_out()
    for protocol in VERSIONS:
        schemas.warm(protocol)
    installation.apply_stored(app)
    app.extensions["bus"].subscribe(
        (settings.TOPIC,), lambda _topic: gevent.spawn(installation.apply_stored, app)
    )
    door = open_door(app, config)
    simulators = app.extensions["simulators"] = Simulators()
    streams = app.extensions["streams"] = Streams(app)
    streams.start()
    _trust_proxies(app, config)
    servers = _listen(app, config)
    jobs.start(app, door.lane)
    report_mails.start(app)
    gevent.spawn(_feel_pulse, app.extensions["gauges"])
    _spare_the_collector()
    sys.setswitchinterval(SWITCH_S)
    keeper = Keeper(app, simulators, door.node)
    keeper.start()
    post_office = PostOffice(door, RELAYS, app.extensions["seal"], may_be_private=config.private_targets)
    post_office.start()
    if config.demo_chargers:
        _start_demo(app, config, simulators)
    _announce(config, setup.setup_url(app), is_lab=app.config["LAB"])
    stop = gevent.event.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop.set)
    stop.wait()
    log.info("stopping")
    gevent.joinall([gevent.spawn(server.stop, timeout=1) for server in servers])
    streams.stop()
    keeper.stop()
    simulators.stop_all()
    post_office.stop()
    door.stop()


def _reach_database(app: Flask) -> None:
    """Ends the program where there is none to be reached."""
    try:
        with app.app_context(), db.engine.connect():
            pass
    except DBAPIError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        _give_up(
            f"The database cannot be opened ({reason}): start it, or correct DATABASE_URL or the settings POSTGRES_…."
        )


def _read_authorities(app: Flask, config: Config) -> None:
    """Ends the program where a file that was named is not what it should be: nobody would hear of it before a charger
    needs it."""
    for name, path, read in (
        ("CA_FILE", config.ca_file, app.extensions["authority"]),
        ("TLS_CLIENT_CA", config.tls_client_ca, partial(tls.read_authorities, config.tls_client_ca)),
    ):
        try:
            if path:
                read()
        except (DomainError, OSError, ValueError) as error:
            _give_up(f"{name} is {path!r}, which cannot be used: {error}")


def _feel_pulse(gauges: Gauges) -> None:
    """Note how late the event loop comes to a timer: for that long nobody was heard."""
    while True:
        due_at = time.perf_counter() + PULSE_S
        gevent.sleep(PULSE_S)
        gauges.lag(max(0.0, time.perf_counter() - due_at))


def _spare_the_collector() -> None:
    """What is loaded by now stays for good, so the collector need not walk it; and it walks little at a time.

    Everybody waits while it does. 50,000 young objects, as thousands of chargers leave when they come at once, took it
    up to 140 ms; 18,000 at most take 25 ms. What waits for its commit outlives any young generation that is smaller,
    so every second turn takes the middle generation too: in more and smaller ones it would be walked three times.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(9_000, 0, 2_000)


def _trust_proxies(app: Flask, config: Config) -> None:
    count = config.trusted_proxies
    if count:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]


def _listen(app: Flask, config: Config) -> list[gevent.pywsgi.WSGIServer]:
    """The plain listener, and that for TLS where there is a certificate. Ends the program when one cannot be opened."""
    servers = [gevent.pywsgi.WSGIServer((config.host, config.port), app, **_options())]
    if config.has_tls:
        where = (config.tls_host or config.host, config.tls_port)
        note = partial(_note_tls_failure, app)
        context = _tls_context(app, config)
        servers.append(tls.TlsServer(where, app, on_failure=note, ssl_context=context, **_options()))
    authorities = _authorities(app, config)
    for server, name in zip(servers, ("PORT", "TLS_PORT"), strict=False):
        server.config, server.authorities = config, authorities
        server.note_tls = partial(_note_tls_failure, app)
        server.max_accept = MOST_ACCEPTED
        try:
            server.start()
        except OSError as error:
            host, port = server.address[:2]
            _give_up(_why_not(error, str(host), int(port), name))
    return servers


def _why_not(error: OSError, host: str, port: int, name: str) -> str:
    """What is in the way of listening there, and what to write."""
    number = error.errno or 0  # those of name look-ups are below zero
    reason = os.strerror(number) if number > 0 else "no such address"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        other = "HOST or TLS_HOST" if name == "TLS_PORT" else "HOST"
        return (
            f"{other} is {host!r}, which is not this machine ({reason}): "
            "write 0.0.0.0, 127.0.0.1 or an address of its own."
        )
    return f"Port {port} of {host} cannot be used ({reason}): stop what uses it, or set {name}."


def _options() -> dict[str, Any]:
    return {
        "handler_class": Handler,
        "backlog": BACKLOG,
        "log": None,
        "error_log": logging.getLogger("pywsgi"),
    }


def _tls_context(app: Flask, config: Config) -> Any:
    pairs = [
        (certificate, key or None)
        for certificate, key in (
            (config.tls_cert, config.tls_key),
            (config.tls_cert_ecdsa, config.tls_key_ecdsa),
        )
        if certificate
    ]
    try:
        return tls.context(pairs, app.extensions["authority"]().pem, config.tls_client_ca or None)
    except (DomainError, OSError, ValueError) as error:
        _give_up(f"TLS cannot be offered, {error}: look at TLS_CERT, TLS_KEY and CA_FILE.")


def _authorities(app: Flask, config: Config) -> Sequence[x509.Certificate]:
    """Who may have signed the certificates of which a proxy tells."""
    if not config.proxy_addresses:
        return ()
    try:
        return (app.extensions["authority"]().certificate, *tls.read_authorities(config.tls_client_ca))
    except (DomainError, OSError, ValueError) as error:
        _give_up(f"Certificates cannot be verified, {error}: look at TLS_CLIENT_CA and CA_FILE.")


def _note_tls_failure(app: Flask, address: str, reason: str, remedy: str = TLS_REMEDY) -> None:
    """A charger that fails at TLS cannot say who it is: it is listed by its address."""
    log.info("tls_refused", extra={"address": address, "reason": reason})
    noting = partial(
        chargers.note_attempt,
        identity="",
        address=address,
        cause=RefusalCause.TLS_FAILED,
        path="",
        detail=reason,
        remedy=remedy,
        status_code=0,
        at=clock.now(),
    )
    try:
        app.extensions["door"].lane.run(noting)
    except StorageFailed as error:
        log.warning("attempt_not_stored", extra={"address": address, "reason": str(error)})


def _give_up(sentence: str) -> NoReturn:
    sys.stderr.write(f"{sentence}\n")
    sys.exit(2)


def _start_demo(app: Flask, config: Config, simulators: Simulators) -> None:
    with app.app_context(), atomic() as session:
        identities = demo.furnish(
            session, config.demo_chargers, config.map_center, config.currency, at=clock.now()
        )
    town = demo.fleet(identities, f"ws://127.0.0.1:{config.port}/ws/ocpp")
    simulators.adopt(town.chargers, town.drivers)
    gevent.spawn(town.start)


def _announce(config: Config, setup_url: str | None, *, is_lab: bool) -> None:
    """Say where everybody finds what they need; the only thing that is printed and not logged."""
    lines = [
        "",
        "  Amberline is running.",
        f"  People     {config.public_base_url}  (on this machine {config.local_url})",
        f"  Chargers   {config.websocket_base_url}/ws/ocpp/<identity>",
    ]
    if config.has_tls:
        lines.append(f"  TLS        port {config.tls_port}")
    if setup_url:
        lines.append(f"  Set-up     {setup_url}  (works once, for 30 minutes)")
    if is_lab:
        lines.append("  Lab mode   unknown chargers are let in; end it on any page, or with CSMS_LAB=0")
    sys.stdout.write("\n".join([*lines, "", ""]))
    sys.stdout.flush()
