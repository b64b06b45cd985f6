"""Security profiles (whitepaper §2): what a charger's connection must offer. They go up, and never down again."""

import enum
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from csms.domain import commands
from csms.domain.base import Invalid, Refused, announce
from csms.domain.chargers import Charger, LinkLease
from csms.domain.commands import Command, CommandState, Kind
from csms.domain.security.models import SigningRequest
from csms.domain.security.rotation import pin_key
from csms.domain.security.rules import HIGHEST_PROFILE


class Proof(enum.StrEnum):
    """By what a charger has shown that it is itself."""

    NOTHING = "nothing"
    KEY = "key"
    NEXT_KEY = "next_key"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class Offer:
    """What a connection amounts to. `fingerprint` is that of the certificate that came with it, in hexadecimal."""

    proof: Proof
    is_secure: bool
    transport: str
    fingerprint: str | None = None

    @property
    def profile(self) -> int:
        """0: open · 1: key · 2: key over TLS · 3: certificate."""
        match self.proof:
            case Proof.NOTHING:
                return 0
            case Proof.CERTIFICATE:
                return 3
            case Proof.KEY | Proof.NEXT_KEY:
                return 2 if self.is_secure else 1


def connected(session: Session, charger: Charger, offer: Offer, *, at: datetime) -> None:
    """A connection was let in: keep what it was, and forbid for ever what is less than what was reached.

    A05.FR.09: after the first connection with a raised profile a lower one is not allowed any more.
    """
    lease = session.get_one(LinkLease, charger.id)
    lease.offered_profile = offer.profile
    lease.transport = offer.transport[:120]
    lease.fingerprint = offer.fingerprint
    if charger.next_key_hash is not None and offer.proof in (Proof.KEY, Proof.NEXT_KEY):
        pin_key(session, charger, is_next=offer.proof is Proof.NEXT_KEY)
    if charger.target_profile is not None and offer.profile >= charger.target_profile:
        charger.security_profile = max(charger.security_profile, charger.target_profile)
        charger.target_profile = None
    if charger.proven_profile < charger.security_profile <= offer.profile:
        charger.proven_profile = charger.security_profile
    if offer.fingerprint is not None:
        mine = (SigningRequest.charger_id == charger.id, SigningRequest.fingerprint == offer.fingerprint)
        session.execute(update(SigningRequest).where(*mine).values(used_at=at))


def require_profile(session: Session, charger: Charger, profile: int) -> None:
    """Ask at least this of the charger's connections from now on, whatever it knows of it.

    Raises Invalid, and Refused for less than what it has already proved to offer.
    """
    _check(charger, profile)
    if profile < charger.proven_profile:
        raise Refused(
            "%(title)s has connected with security profile %(proven_profile)s: it is never lowered again.",
            title=charger.title,
            proven_profile=charger.proven_profile,
        )
    charger.security_profile = profile
    charger.target_profile = None
    announce(session, charger.topic, charger.link_topic)


def raise_profile(
    session: Session, charger: Charger, profile: int, *, by: str | None, at: datetime
) -> Command:
    """Tell the charger to come with this profile; from the first connection that does, nothing less is let in.

    Until then it may come as before: it goes back to that when it fails (A05.FR.08). Raises Invalid, Refused.
    """
    _check(charger, profile)
    if profile <= charger.security_profile:
        raise Refused(
            "%(title)s has security profile %(security_profile)s: it can only be raised.",
            title=charger.title,
            security_profile=charger.security_profile,
        )
    command = commands.request(session, charger, Kind.RAISE_SECURITY, {"profile": profile}, by=by, at=at)
    charger.target_profile = profile
    return command


def profile_answered(session: Session, charger: Charger, profile: int, command: Command) -> None:
    """A charger that said no stays as it is. One that said yes, or nothing, may still come with the new profile."""
    if command.state is CommandState.REJECTED and charger.target_profile == profile:
        charger.target_profile = None
    elif command.state is CommandState.ACCEPTED and charger.security_profile < profile <= HIGHEST_PROFILE:
        charger.target_profile = profile
    announce(session, charger.topic)


def _check(charger: Charger, profile: int) -> None:
    if not 0 <= profile <= HIGHEST_PROFILE:
        raise Invalid("There are the security profiles 0 to 3.", "profile")
    if profile in (1, 2) and charger.key_hash is None:
        raise Refused(
            "%(title)s has no key: make one first, and give it to the charger.", title=charger.title
        )
