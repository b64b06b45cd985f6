"""Chargers' own certificates: asked for by the charger, signed by a job, sent as an order (whitepaper A02, A03)."""

from collections.abc import Callable
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from csms.domain import commands
from csms.domain.base import Invalid, Refused, announce, digest, printable
from csms.domain.chargers import Charger, ConfigurationKey, LinkLease
from csms.domain.commands import Command, CommandState, Kind
from csms.domain.security.authority import Authority
from csms.domain.security.models import SigningRequest, SigningState
from csms.domain.security.rules import LARGEST_CHAIN, Certificate, request, subject_of
from csms.sentences import told

LARGEST_CSR = 5500
DELIVER_WITHIN = timedelta(days=7)
MOST_AT_ONCE = 20
MOST_WAITING = 5  # of one charger
RENEW_WITHIN = timedelta(days=30)
CHAIN_LIMIT = (
    "CertificateSignedMaxChainSize"  # the configuration key that says how long a chain may be (§7.3)
)
TOPIC = "security"


def names(charger: Charger) -> frozenset[str]:
    """What a charger's certificate may be called: its serial number (A00.FR.511), or its identity."""
    given = (charger.serial_number, charger.box_serial_number, charger.identity)
    return frozenset(name for name in given if name)


def ask_for_signature(
    session: Session, charger: Charger, csr: str, *, organization: str, at: datetime
) -> bool:
    """Store a charger's request; True if it is one that will be signed (A02.FR.11). The same one again is one.

    `organization` is what its certificate must name as its owner.
    """
    csr = printable(csr, LARGEST_CSR) or ""
    row = _row(session, charger, csr)
    if row is None:
        row = SigningRequest(charger_id=charger.id, digest=_key(charger, csr), csr=csr)
    elif row.state is SigningState.WAITING:
        return True
    try:
        asked = request(csr, organization=organization, names=names(charger))
        row.subject = subject_of(asked.subject)
        _refuse_anothers_name(session, charger, asked)
        _refuse_flood(session, charger)
    except Invalid as error:
        row.state, row.reason, row.due_at = SigningState.REFUSED, str(error)[:255], None
    else:
        row.state, row.reason, row.due_at = SigningState.WAITING, None, at
    row.requested_at = at
    session.add(row)
    session.flush()
    announce(session, charger.topic, TOPIC)
    return row.state is SigningState.WAITING


def _key(charger: Charger, csr: str) -> int:
    return digest("csr", charger.id, csr)


def _row(session: Session, charger: Charger, csr: str) -> SigningRequest | None:
    return session.scalar(select(SigningRequest).where(SigningRequest.digest == _key(charger, csr)))


def _refuse_anothers_name(session: Session, charger: Charger, asked: x509.CertificateSigningRequest) -> None:
    """A00.FR.427: no charger gets a certificate that would open another one's door. Raises Invalid."""
    wanted = [str(x.value) for x in asked.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    is_named_so = or_(
        Charger.identity_folded.in_([name.casefold()[:48] for name in wanted]),
        Charger.serial_number.in_(wanted),
        Charger.box_serial_number.in_(wanted),
    )
    others = select(func.count()).select_from(Charger).where(Charger.id != charger.id, is_named_so)
    if len(wanted) != 1 or session.scalar(others):
        raise Invalid("The name in the request is not this charger's alone.")


def _refuse_flood(session: Session, charger: Charger) -> None:
    """Raises Invalid for a charger that asks again and again."""
    waiting = select(func.count()).where(
        SigningRequest.charger_id == charger.id, SigningRequest.state == SigningState.WAITING
    )
    if (session.scalar(waiting) or 0) >= MOST_WAITING:
        raise Invalid("Too many requests of this charger wait to be signed.")


def sign_by_hand(
    session: Session,
    charger: Charger,
    csr: str,
    authority: Callable[[], Authority],
    *,
    organization: str,
    at: datetime,
) -> str:
    """The certificate for a request that somebody brought, with what it was signed with: for a charger that cannot
    connect, as its certificate has ended or it never had one. Raises Invalid.
    """
    csr = printable(csr, LARGEST_CSR) or ""
    is_fit = ask_for_signature(session, charger, csr, organization=organization, at=at)
    row = _row(session, charger, csr)
    if row is None or not is_fit:
        raise Invalid((row and row.reason) or "This cannot be signed.", "csr")
    issued = authority().sign(x509.load_pem_x509_csr(row.csr.encode()), at=at)
    row.state, row.due_at, row.reason = SigningState.INSTALLED, None, told("signed by hand")
    _keep(row, issued)
    return issued.pem + authority().pem


def sign_due(session: Session, authority: Callable[[], Authority], *, at: datetime) -> int:
    """Sign what waits for it, and queue the orders that bring the certificates to their chargers.

    The authority is only asked for when there is something to be signed.
    """
    due = (
        select(SigningRequest)
        .where(SigningRequest.due_at <= at)
        .order_by(SigningRequest.id)
        .limit(MOST_AT_ONCE)
    )
    rows = session.scalars(due).all()
    return sum(_sign(session, row, authority(), at) for row in rows)


def _sign(session: Session, row: SigningRequest, authority: Authority, at: datetime) -> bool:
    """False if another process was faster."""
    mine = (SigningRequest.id == row.id, SigningRequest.due_at == row.due_at)
    claimed = session.execute(
        update(SigningRequest).where(*mine).values(due_at=None).execution_options(synchronize_session=False)
    )
    if claimed.rowcount != 1:  # type: ignore[attr-defined]
        return False
    session.refresh(row)
    try:
        certificate = authority.sign(x509.load_pem_x509_csr(row.csr.encode()), at=at)
        chain = _chain(session, row.charger_id, certificate.pem, authority.pem)
        command = commands.request(
            session,
            row.charger,
            Kind.SEND_CERTIFICATE,
            {"chain": chain},
            by=None,
            at=at,
            deliver_until=at + DELIVER_WITHIN,
        )
    except (Invalid, Refused, ValueError, UnsupportedAlgorithm) as error:
        row.state, row.reason = SigningState.FAILED, str(error)[:255]
    else:
        row.state, row.command_id = SigningState.SENT, command.id
        _keep(row, certificate)
    announce(session, row.charger.topic, TOPIC)
    return True


def _keep(row: SigningRequest, certificate: Certificate) -> None:
    row.certificate, row.serial_number = certificate.pem, certificate.serial_number
    row.fingerprint, row.expires_at = certificate.fingerprint, certificate.expires_at


def _chain(session: Session, charger_id: int, leaf: str, issuer: str) -> str:
    """The certificate and who signed it; the certificate alone where the charger takes no more. Raises Invalid."""
    told = session.scalar(
        select(ConfigurationKey.value).where(
            ConfigurationKey.charger_id == charger_id, ConfigurationKey.name == CHAIN_LIMIT
        )
    )
    limit = (
        min(int(told), LARGEST_CHAIN)
        if told and told.isascii() and told.isdigit() and int(told)
        else LARGEST_CHAIN
    )
    for chain in (leaf + issuer, leaf):
        if len(chain) <= limit:
            return chain
    raise Invalid(
        "The charger takes %(limit)s characters, and the certificate has %(leaf)s.",
        limit=limit,
        leaf=len(leaf),
    )


def signing_answered(session: Session, command: Command) -> None:
    """The charger took its certificate, or did not."""
    row = session.scalar(select(SigningRequest).where(SigningRequest.command_id == command.id))
    if row is not None and row.state is not SigningState.REVOKED:
        is_taken = command.state is CommandState.ACCEPTED
        row.state = SigningState.INSTALLED if is_taken else SigningState.DECLINED
        row.reason = None if is_taken else command.answer_status
        announce(session, f"charger:{row.charger_id}", TOPIC)


def is_expiring(at: datetime) -> ColumnElement[bool]:
    """Of signing requests: whose certificate the charger last came with, and it ends soon."""
    newest = (
        select(LinkLease.fingerprint)
        .where(LinkLease.charger_id == SigningRequest.charger_id)
        .scalar_subquery()
    )
    return and_(SigningRequest.expires_at < at + RENEW_WITHIN, SigningRequest.fingerprint == newest)


def owner_of(session: Session, fingerprint: str) -> int | None:
    """The id of the charger for which we signed the certificate with this fingerprint."""
    return session.scalar(
        select(SigningRequest.charger_id).where(SigningRequest.fingerprint == fingerprint).limit(1)
    )


def renew_certificate(
    session: Session, charger: Charger, organization: str, *, by: str | None, at: datetime
) -> Command:
    """Have the charger make a new key and ask for a certificate (A02); before, it is told whose it will be.

    Raises Refused.
    """
    commands.request(session, charger, Kind.NAME_OPERATOR, {"name": organization}, by=by, at=at)
    return commands.request(session, charger, Kind.RENEW_CERTIFICATE, {}, by=by, at=at)
