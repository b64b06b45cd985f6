"""Root certificates in chargers: installed, listed, deleted (whitepaper M03 to M05)."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from cryptography import x509
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from csms.domain import commands
from csms.domain.base import Invalid, NotFound, announce, digest, printable
from csms.domain.chargers import Charger
from csms.domain.commands import Command, CommandState, Kind
from csms.domain.security.models import CertificateUse, InstalledCertificate, RootCertificate
from csms.domain.security.rules import (
    LARGEST_ROOT,
    Certificate,
    CertificateName,
    described,
    load,
    name_of_root,
    names_of_root,
)

TOPIC = "security"


def add_root(session: Session, pem: str, *, at: datetime) -> RootCertificate:
    """Keep a root certificate, to be installed in chargers. The same one again is one. Raises Invalid."""
    certificate = load(pem)
    _check_root(certificate, at)
    told = described(certificate)
    row = session.scalar(select(RootCertificate).where(RootCertificate.fingerprint == told.fingerprint))
    if row is None:
        row = RootCertificate(
            certificate=told.pem,
            subject=told.subject,
            serial_number=told.serial_number[:40],
            fingerprint=told.fingerprint,
            expires_at=told.expires_at,
            added_at=at,
        )
        session.add(row)
        session.flush()
        announce(session, TOPIC)
    return row


def _check_root(certificate: x509.Certificate, at: datetime) -> None:
    told: Certificate = described(certificate)
    if len(told.pem) > LARGEST_ROOT:
        raise Invalid(
            "A certificate for chargers has at most %(largest_root)s characters.",
            "certificate",
            largest_root=LARGEST_ROOT,
        )
    if not told.is_valid(at):
        raise Invalid("The certificate is not valid now.", "certificate")
    try:
        is_authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        is_authority = False
    if not is_authority:
        raise Invalid("This certificate is not that of an authority: chargers need the root.", "certificate")


def root(session: Session, root_id: int) -> RootCertificate:
    """Raises NotFound."""
    row = session.get(RootCertificate, root_id)
    if row is None:
        raise NotFound("There is no such certificate.")
    return row


def roots(session: Session) -> Sequence[RootCertificate]:
    """All that can be installed, the newest first."""
    return session.scalars(select(RootCertificate).order_by(RootCertificate.id.desc())).all()


def forget_root(session: Session, row: RootCertificate) -> None:
    """Offer it no more; in chargers it stays."""
    session.delete(row)
    announce(session, TOPIC)


def request_installation(
    session: Session, charger: Charger, use: CertificateUse, pem: str, *, by: str | None, at: datetime
) -> Command:
    """Raises Invalid, Refused."""
    row = add_root(session, pem, at=at)
    given = {"use": use.value, "certificate": row.certificate}
    return commands.request(session, charger, Kind.INSTALL_CERTIFICATE, given, by=by, at=at)


def request_listing(
    session: Session, charger: Charger, use: CertificateUse, *, by: str | None, at: datetime
) -> Command:
    """Ask the charger which certificates it has. Raises Refused."""
    return commands.request(session, charger, Kind.LIST_CERTIFICATES, {"use": use.value}, by=by, at=at)


def installed_one(session: Session, charger: Charger, certificate_id: int) -> InstalledCertificate:
    """Raises NotFound."""
    row = session.get(InstalledCertificate, certificate_id)
    if row is None or row.charger_id != charger.id:
        raise NotFound("The charger has no such certificate.")
    return row


def request_deletion(
    session: Session, charger: Charger, row: InstalledCertificate, *, by: str | None, at: datetime
) -> Command:
    """Raises Refused."""
    given = {
        "hash_algorithm": row.hash_algorithm,
        "issuer_name_hash": row.issuer_name_hash,
        "issuer_key_hash": row.issuer_key_hash,
        "serial_number": row.serial_number,
    }
    return commands.request(session, charger, Kind.DELETE_CERTIFICATE, given, by=by, at=at)


def listing_answered(
    session: Session, charger: Charger, use: CertificateUse, told: Iterable[CertificateName], *, at: datetime
) -> None:
    """Keep what the charger says it has of one kind, in place of what it said before."""
    session.execute(
        delete(InstalledCertificate).where(
            InstalledCertificate.charger_id == charger.id, InstalledCertificate.use == use
        )
    )
    for name in {each.folded: each for each in told}.values():
        _note_installed(session, charger.id, use, name, at)
    announce(session, charger.topic, TOPIC)


def installation_answered(
    session: Session, charger: Charger, command: Command, use: CertificateUse, pem: str, *, at: datetime
) -> None:
    """The charger took a root: until it lists what it has, it is known by the name that we give it.

    What it took in a raw order need not be a certificate that we can read: then only its own list can tell.
    """
    if command.state is not CommandState.ACCEPTED:
        return
    try:
        name = name_of_root(load(pem))
    except Invalid:
        return
    _forget_installed(session, charger.id, name)
    _note_installed(session, charger.id, use, name, at)
    announce(session, charger.topic, TOPIC)


def deletion_answered(session: Session, charger: Charger, name: CertificateName, *, is_gone: bool) -> None:
    """`is_gone`: the charger has deleted it, or has never had it."""
    if is_gone:
        _forget_installed(session, charger.id, name)
        announce(session, charger.topic, TOPIC)


def installed(session: Session, charger_id: int) -> Sequence[InstalledCertificate]:
    """What the charger last said that it has."""
    query = select(InstalledCertificate).where(InstalledCertificate.charger_id == charger_id)
    return session.scalars(query.order_by(InstalledCertificate.use, InstalledCertificate.id)).all()


def _note_installed(
    session: Session, charger_id: int, use: CertificateUse, name: CertificateName, at: datetime
) -> None:
    known = next((x for x in roots(session) if name.folded in names_of_root(load(x.certificate))), None)
    session.add(
        InstalledCertificate(
            charger_id=charger_id,
            use=use,
            digest=digest(*name.folded),
            hash_algorithm=printable(name.hash_algorithm, 10),
            issuer_name_hash=printable(name.issuer_name_hash, 128),
            issuer_key_hash=printable(name.issuer_key_hash, 128),
            serial_number=printable(name.serial_number, 40),
            subject=known.subject if known else None,
            expires_at=known.expires_at if known else None,
            read_at=at,
        )
    )
    session.flush()


def _forget_installed(session: Session, charger_id: int, name: CertificateName) -> None:
    session.execute(
        delete(InstalledCertificate).where(
            InstalledCertificate.charger_id == charger_id, InstalledCertificate.digest == digest(*name.folded)
        )
    )
