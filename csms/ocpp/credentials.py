"""By what a charger shows that it is itself: its key, or its certificate; and whether that is enough for it.

A charger that offers less than its security profile asks for is sent away before the upgrade (whitepaper §2).
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime

import gevent
from flask import current_app, request
from limits import RateLimitItemPerMinute

from csms import clock
from csms.domain import security
from csms.domain.base import Invalid
from csms.domain.chargers import RefusalCause, keys
from csms.domain.security import Certificate, Offer, Proof
from csms.extensions import limiter
from csms.ocpp import tls
from csms.ocpp.arrival import Claimed, Lock
from csms.ocpp.refusal import Refusal
from csms.sentences import told

FAILURES_BY_ADDRESS = RateLimitItemPerMinute(10)
FAILURES_BY_IDENTITY = RateLimitItemPerMinute(5)


@dataclass(frozen=True, slots=True)
class Shown:
    """What came with the request: over what, with which certificate."""

    is_secure: bool
    transport: str
    certificate: Certificate | None

    def offer(self, proof: Proof) -> Offer:
        return Offer(
            proof, self.is_secure, self.transport, self.certificate.fingerprint if self.certificate else None
        )


def shown() -> Shown:
    """Of this request. A certificate that cannot be read is none."""
    der = request.environ.get(tls.PEER)
    certificate = None
    if isinstance(der, bytes):
        try:
            certificate = security.described(security.load(der))
        except (Invalid, ValueError):
            certificate = None
    transport = request.environ.get(tls.TRANSPORT) or (
        told("TLS, ended by a proxy") if request.is_secure else told("no TLS")
    )
    return Shown(request.is_secure, str(transport), certificate)


def authenticate(claimed: Claimed, identity: str, given: Shown) -> Offer:
    """What the connection amounts to, if it is enough. Raises Refusal."""
    lock = claimed.lock
    if lock.profile >= 2 and not given.is_secure:
        raise Refusal(
            403,
            RefusalCause.BELOW_PROFILE,
            told(
                "The charger comes without TLS, and its security profile here is %(profile)s.",
                profile=lock.profile,
            ),
            told(
                "Set the charger's address to wss:// and its SecurityProfile to the one here. A profile that was once "
                "reached is never lowered."
            ),
        )
    if _is_by_certificate(claimed, given):
        _check_certificate(claimed, given.certificate, clock.now())
        return given.offer(Proof.CERTIFICATE)
    return given.offer(_by_key(lock, identity))


def _is_by_certificate(claimed: Claimed, given: Shown) -> bool:
    """Profile 3 must; a charger that is asked to rise to it may, or comes with its key once more (A05.FR.08).

    Some send their key beside the certificate: then the certificate counts if it is the right one.
    """
    lock = claimed.lock
    if lock.profile == 3:
        return True
    if lock.target_profile != 3 or given.certificate is None:
        return False
    if "HTTP_AUTHORIZATION" not in request.environ:
        return True
    return _problem(claimed, given.certificate, clock.now()) is None


def _check_certificate(claimed: Claimed, certificate: Certificate | None, at: datetime) -> None:
    """Its path has been verified by whoever ended TLS, and by `tls` for a proxy's; here: is it this charger's?

    A00.FR.403 to .405 and .427. Raises Refusal.
    """
    if certificate is None:
        raise Refusal(
            403,
            RefusalCause.NO_CERTIFICATE,
            told("The charger shows no certificate, and its security profile here is 3."),
            told(
                "Install a certificate of this server's authority in the charger. Behind a proxy: have it ask for one "
                "and hand it on, and name its address in PROXY_ADDRESSES."
            ),
        )
    problem = _problem(claimed, certificate, at)
    if problem is None:
        return
    raise Refusal(
        403,
        RefusalCause.WRONG_CERTIFICATE,
        told(
            "The charger's certificate (%(subject)s) is not the right one. %(problem)s",
            subject=certificate.subject[:120],
            problem=problem,
        ),
        told("Have the charger ask for a new certificate; until then it cannot be let in."),
    )


def _problem(claimed: Claimed, certificate: Certificate, at: datetime) -> str | None:
    """Why a certificate is not this charger's; None: it is."""
    owner: str = current_app.config["CPO_NAME"]
    if claimed.is_revoked:
        return told("It was revoked.")
    if not certificate.is_valid(at):
        return told("It is not valid at this time.")
    if certificate.organization != owner:
        return told(
            "Its organisation is “%(organization)s” instead of “%(owner)s”.",
            organization=certificate.organization,
            owner=owner,
        )
    if claimed.certificate_owner not in (None, claimed.station.charger_id):
        return told("It was made for another charger.")
    if certificate.common_name not in claimed.lock.names:
        return told(
            "Its name is “%(name)s”, which is not the charger's serial number.", name=certificate.common_name
        )
    return None


def _by_key(lock: Lock, identity: str) -> Proof:
    """Basic authentication, read from the raw header: its password may be any bytes (OCPP-J 1.6 §6.2.2)."""
    username, password = _credentials()
    if password is None:
        if lock.profile == 0 and lock.key_hash is None:
            return Proof.NOTHING
        raise Refusal(
            401,
            RefusalCause.NO_CREDENTIAL,
            told("The charger gives no password, and one is set for it here."),
            told("Enter the charger's key as its password (AuthorizationKey), or remove the key here."),
        )
    if lock.key_hash is None and lock.next_key_hash is None and lock.profile == 0:
        return Proof.NOTHING  # a password that nobody has set proves nothing
    if username.decode("utf-8", "replace").casefold() != identity.casefold():
        raise Refusal(
            401,
            RefusalCause.IDENTITY_MISMATCH,
            told("The user name of the password is not the charger's identity."),
            told("The user name must be the identity in the address: %(identity)s.", identity=identity),
        )
    for stored, proof in ((lock.key_hash, Proof.KEY), (lock.next_key_hash, Proof.NEXT_KEY)):
        if stored is not None and _is_key(stored, password):
            return proof
    raise Refusal(
        401,
        RefusalCause.WRONG_CREDENTIAL,
        told("The charger's password is wrong."),
        told("Make a new key on the charger's page here, and enter it at the charger."),
    )


def _credentials() -> tuple[bytes, bytes | None]:
    """(user name, password) of the Authorization header, as bytes; the first colon divides them."""
    header = str(request.environ.get("HTTP_AUTHORIZATION", ""))
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return b"", None
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b"", None
    username, colon, password = decoded.partition(b":")
    return username, password if colon else None


def _is_key(stored: str, password: bytes) -> bool:
    pepper: bytes = current_app.config["PEPPER"]
    if keys.is_slow(stored):
        matched: bool = gevent.get_hub().threadpool.apply(keys.matches, (stored, password, pepper))
        return matched
    return keys.matches(stored, password, pepper)


def refuse_guessers(identity: str) -> None:
    """Whoever has guessed too often must wait; the charger that is connected meanwhile is not touched."""
    if not limiter.enabled:
        return
    strategy = limiter.limiter
    for limit, key in ((FAILURES_BY_ADDRESS, address()), (FAILURES_BY_IDENTITY, identity.casefold())):
        if not strategy.test(limit, "ocpp-failure", key):
            raise Refusal(
                429,
                RefusalCause.TOO_MANY_ATTEMPTS,
                told("Too many attempts with a wrong password."),
                told("Correct the charger's password; it may try again after a minute."),
            )


def count_failure(identity: str) -> None:
    """A guess was wrong."""
    if limiter.enabled:
        limiter.limiter.hit(FAILURES_BY_ADDRESS, "ocpp-failure", address())
        limiter.limiter.hit(FAILURES_BY_IDENTITY, "ocpp-failure", identity.casefold())


def address() -> str:
    return request.remote_addr or "unknown"
