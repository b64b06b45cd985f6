"""What is known of chargers' certificates, and the events that they report of their own security."""

import enum
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csms.domain.base import Base, BigId, choice
from csms.domain.chargers import Charger


class CertificateUse(enum.StrEnum):
    """What a root certificate lets a charger verify: us, or its manufacturer's firmware."""

    CENTRAL_SYSTEM = "central_system"
    MANUFACTURER = "manufacturer"


class SigningState(enum.StrEnum):
    """REFUSED by us, or WAITING → SENT → INSTALLED or DECLINED by the charger; FAILED: it never got there.

    REVOKED: what was signed is trusted no more.
    """

    REFUSED = "refused"
    WAITING = "waiting"
    SENT = "sent"
    INSTALLED = "installed"
    DECLINED = "declined"
    FAILED = "failed"
    REVOKED = "revoked"


class SigningRequest(Base):
    """A charger's wish for a certificate (whitepaper A02, A03), and the certificate that came of it."""

    __tablename__ = "signing_request"
    __table_args__ = (
        UniqueConstraint("digest"),
        Index("ix_signing_request_charger_id_id", "charger_id", "id"),
        Index("ix_signing_request_due_at", "due_at"),
        Index("ix_signing_request_fingerprint", "fingerprint"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"))
    digest: Mapped[int]  # of charger and request: the same one that comes again is signed once
    csr: Mapped[str] = mapped_column(Text)
    state: Mapped[SigningState] = mapped_column(choice(SigningState))
    reason: Mapped[str | None] = mapped_column(String(255))
    subject: Mapped[str | None] = mapped_column(String(255))
    requested_at: Mapped[datetime]
    due_at: Mapped[datetime | None]  # when it is to be signed; None: nothing is to be done
    certificate: Mapped[str | None] = mapped_column(Text)
    serial_number: Mapped[str | None] = mapped_column(String(40))  # hexadecimal
    fingerprint: Mapped[str | None] = mapped_column(String(64))  # SHA-256, hexadecimal
    expires_at: Mapped[datetime | None]
    command_id: Mapped[str | None] = mapped_column(String(36), index=True)
    used_at: Mapped[datetime | None]  # when the charger last came with it

    charger: Mapped[Charger] = relationship()


class RootCertificate(Base):
    """A certificate that can be installed in chargers: once for all of them."""

    __tablename__ = "root_certificate"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    certificate: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(String(255))
    serial_number: Mapped[str] = mapped_column(String(40))
    fingerprint: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime]
    added_at: Mapped[datetime]


class InstalledCertificate(Base):
    """A root certificate that a charger has, as it last said (whitepaper M03). Named by hashes (RFC 6960)."""

    __tablename__ = "installed_certificate"
    __table_args__ = (UniqueConstraint("charger_id", "use", "digest"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"))
    use: Mapped[CertificateUse] = mapped_column(choice(CertificateUse))
    digest: Mapped[int]  # of the hashes
    hash_algorithm: Mapped[str] = mapped_column(String(10))
    issuer_name_hash: Mapped[str] = mapped_column(String(128))
    issuer_key_hash: Mapped[str] = mapped_column(String(128))
    serial_number: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str | None] = mapped_column(String(255))  # None: not one that we know
    expires_at: Mapped[datetime | None]
    read_at: Mapped[datetime]


class SecurityEvent(Base):
    """A SecurityEventNotification (whitepaper A04). The same one that comes again is the same row."""

    __tablename__ = "security_event"
    __table_args__ = (
        UniqueConstraint("digest"),
        Index("ix_security_event_charger_id_id", "charger_id", "id"),
        Index("ix_security_event_open", "is_open", "charger_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"))
    type: Mapped[str] = mapped_column(String(50))
    tech_info: Mapped[str | None] = mapped_column(String(255))
    is_critical: Mapped[bool]
    is_open: Mapped[bool]  # critical, and nobody has looked at it yet
    at: Mapped[datetime]  # the charger's time if it is sane, else ours
    at_text: Mapped[str | None] = mapped_column(String(40))
    received_at: Mapped[datetime]
    digest: Mapped[int]

    charger: Mapped[Charger] = relationship()
