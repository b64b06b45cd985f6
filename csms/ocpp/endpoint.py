"""Where chargers knock. Everything that can be refused is refused before the upgrade, and every refusal is remembered
with its cause and what would mend it.
"""

import logging
from functools import partial
from typing import Any
from urllib.parse import unquote_to_bytes

import gevent
from flask import Blueprint, Response, current_app, request
from limits import RateLimitItemPerMinute

from csms import clock
from csms.domain import chargers
from csms.domain.chargers import Admission, RefusalCause
from csms.domain.security import Offer
from csms.extensions import limiter
from csms.ocpp import credentials, v16
from csms.ocpp.arrival import MOST_PENDING, Claimed, Knock, Peer, TooManyPending
from csms.ocpp.credentials import Shown
from csms.ocpp.dispatch import Actions, Station
from csms.ocpp.door import Door
from csms.ocpp.link import SIZE_AFTER_ACCEPTANCE, SIZE_BEFORE_ACCEPTANCE, Link
from csms.ocpp.refusal import Refusal
from csms.ocpp.websocket import HandshakeRefused, Server, hijacked
from csms.sentences import told
from csms.work import StorageFailed

log = logging.getLogger(__name__)

blueprint = Blueprint("ocpp", __name__)

# The versions that are implemented, by the sub-protocol that stands for each (OCPP-J 1.6 §3.1.2).
VERSIONS: dict[str, Actions] = {version.protocol: version for version in (v16.version,)}
DEFAULT_VERSION = "ocpp1.6"

RESERVED = ("ws/echo", "ws/frontend", "ws/updates")
LONGEST_IDENTITY = 48
HANDSHAKES_BY_IDENTITY = RateLimitItemPerMinute(6)


class Hijacked(Response):
    """The connection is a websocket now: there is no HTTP answer any more."""

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        return hijacked(environ, start_response)


@blueprint.route("/", defaults={"path": ""}, websocket=True)
@blueprint.route("/<anything:path>", websocket=True)
def connect(path: str) -> Response:
    """Any path is a charger's: the last part that is not empty is its identity."""
    if path.strip("/") in RESERVED or path.startswith("ws/updates/"):
        return Response("This address is not for chargers.\n", 404, mimetype="text/plain")
    door: Door = current_app.extensions["door"]
    identity = ""
    try:
        identity = _identity()
        protocol = _protocol()
        credentials.refuse_guessers(identity)
        shown = credentials.shown()
        claimed = _claimed(door, identity, protocol, shown)
        offer = credentials.authenticate(claimed, identity, shown)
        _admit(door, claimed)
        with door.turnstile:
            gevent.sleep(0)  # others are heard between two newcomers
            return _upgrade(door, claimed.station, offer)
    except Refusal as refusal:
        return _refuse(refusal, identity)
    except StorageFailed:
        return Response("The database is not available.\n", 503, {"Retry-After": "30"}, mimetype="text/plain")


def _identity() -> str:
    """The charger's name for itself: decoded once (OCPP-J 1.6 §3.1.1), at most 48 characters, no control ones."""
    raw = str(request.environ.get("RAW_URI") or request.path).split("?")[0]
    last = next((part for part in reversed(raw.split("/")) if part), "")
    try:
        identity = unquote_to_bytes(last).decode("utf-8").strip()
    except UnicodeDecodeError:
        identity = ""
    is_fit = 0 < len(identity) <= LONGEST_IDENTITY and identity.isprintable() and identity not in (".", "..")
    is_fit = is_fit and identity.casefold() not in chargers.RESERVED_IDENTITIES
    if not is_fit or any(mark in identity for mark in ":/\\"):
        raise Refusal(
            404 if not last else 400,
            RefusalCause.BAD_IDENTITY,
            told("The address ends in “%(last)s”, which is no charger's identity.", last=last[:80]),
            told("End the charger's address with its identity: 1 to 48 characters without colon or slash."),
        )
    return identity


def _protocol() -> str:
    """The sub-protocol to speak: the first that the charger offers and we have."""
    offered = [x.strip() for x in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if x.strip()]
    for name in offered:
        if name in VERSIONS:
            return name
    ours = ", ".join(VERSIONS)
    if offered:
        raise Refusal(
            400,
            RefusalCause.UNSUPPORTED_SUBPROTOCOL,
            told(
                "The charger offers %(offered)s; here is %(ours)s.",
                offered=", ".join(offered)[:100],
                ours=ours,
            ),
            told("Set the charger's OCPP version to one of: %(ours)s.", ours=ours),
        )
    if current_app.config["REQUIRES_SUBPROTOCOL"]:
        raise Refusal(
            400,
            RefusalCause.NO_SUBPROTOCOL,
            told("The charger does not say which version of OCPP it speaks."),
            told("Choose OCPP 1.6 JSON at the charger; it must offer the sub-protocol %(ours)s.", ours=ours),
        )
    return DEFAULT_VERSION


def _claimed(door: Door, identity: str, protocol: str, shown: Shown) -> Claimed:
    """What is known of the charger that the newcomer says it is; it comes into being if the house rules let it."""
    rule = current_app.config["UNKNOWN_CHARGERS"]
    admission = {"accept": Admission.ACCEPTED, "pending": Admission.PENDING}.get(rule)
    fingerprint = shown.certificate.fingerprint if shown.certificate else None
    knock = Knock(identity, protocol, admission, door.node, clock.now(), door.station_of, fingerprint)
    try:
        claimed = door.lane.run(knock)
    except TooManyPending:
        raise Refusal(
            503,
            RefusalCause.TOO_MANY_ATTEMPTS,
            told("%(count)s chargers are waiting to be adopted already.", count=MOST_PENDING),
            told("Adopt or reject the chargers that are waiting, then let this one try again."),
        ) from None
    if claimed is None:
        raise Refusal(
            404,
            RefusalCause.UNKNOWN_CHARGER,
            told("No charger is called %(identity)s.", identity=identity),
            told("Add the charger here under just this identity, or correct the identity at the charger."),
        )
    return claimed


def _admit(door: Door, claimed: Claimed) -> None:
    station = claimed.station
    if station.admission is Admission.REJECTED:
        raise Refusal(
            403,
            RefusalCause.REJECTED_CHARGER,
            told("%(identity)s has been rejected here.", identity=station.identity),
            told("Adopt the charger here if it should be let in after all."),
        )
    is_limited = limiter.enabled and not current_app.config["LAB"]
    if is_limited and not limiter.limiter.hit(
        HANDSHAKES_BY_IDENTITY, "ocpp-connect", station.identity.casefold()
    ):
        raise Refusal(
            503,
            RefusalCause.TOO_MANY_ATTEMPTS,
            told("The charger connects again and again."),
            told(
                "Look whether two chargers share this identity, or whether the charger's network keeps failing."
            ),
        )
    if door.is_held(station.charger_id, is_elsewhere=claimed.is_elsewhere):
        raise Refusal(
            409,
            RefusalCause.DUPLICATE_IDENTITY,
            told("A charger called %(identity)s is connected and answers.", identity=station.identity),
            told("Give each charger an identity of its own."),
        )


def _upgrade(door: Door, station: Station, offer: Offer) -> Response:
    is_offered = "Sec-WebSocket-Protocol" in request.headers
    is_accepted = station.admission is Admission.ACCEPTED
    peer = Peer(credentials.address(), _path(), offer)
    try:
        server = Server.accept(
            request.environ,
            station.protocol if is_offered else None,
            max_size=SIZE_AFTER_ACCEPTANCE if is_accepted else SIZE_BEFORE_ACCEPTANCE,
        )
    except HandshakeRefused as refused:
        raise Refusal(
            refused.status,
            RefusalCause.BAD_HANDSHAKE,
            told("The websocket's handshake is wrong: %(reason)s", reason=refused.reason),
            told("Look for a proxy between charger and server that does not pass websockets on."),
        ) from refused
    link = Link(door, server, station, VERSIONS[station.protocol], peer)
    server.run(link.serve)
    return Hijacked()


def _path() -> str:
    return str(request.environ.get("RAW_URI") or request.path).split("?")[0]


def _refuse(refusal: Refusal, identity: str) -> Response:
    """Answer without upgrading, and remember the attempt."""
    log.info(
        "charger_refused",
        extra={
            "charger": identity,
            "cause": refusal.cause.value,
            "address": credentials.address(),
            "detail": refusal.detail,
        },
    )
    if refusal.status == 401:
        credentials.count_failure(identity)
    door: Door = current_app.extensions["door"]
    noting = partial(
        chargers.note_attempt,
        identity=identity,
        address=credentials.address(),
        cause=refusal.cause,
        path=_path(),
        detail=refusal.detail,
        remedy=refusal.remedy,
        status_code=refusal.status,
        at=clock.now(),
    )
    try:
        door.lane.run(noting)
    except StorageFailed as error:
        log.warning("attempt_not_stored", extra={"charger": identity, "reason": str(error)})
    headers = {"WWW-Authenticate": 'Basic realm="OCPP"'} if refusal.status == 401 else {}
    if refusal.status in (429, 503):
        headers["Retry-After"] = "60"
    return Response(f"{refusal.detail}\n", refusal.status, headers, mimetype="text/plain")
