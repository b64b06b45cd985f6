"""Chargers, what they consist of, and what is known of their state. After OCPP 2.0.1: charger, EVSE, connector.

A 1.6 connector n is EVSE n with connector 1; connector 0 is the charger itself.
"""

import enum
import re
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from csms.domain.base import Base, BigId, choice
from csms.domain.chargers.plugs import ConnectorFormat, ConnectorStandard, PowerType
from csms.domain.sites import Site

FAULTED = "status = 'Faulted'"
REPORTING = ("MeterValueSampleInterval", "ClockAlignedDataInterval")  # keys of 1.6 (§9.1); in s, 0 is never
SORTING_DIGITS, SORTING_LENGTH = 10, 200


def in_order(title: str) -> str:
    """By what a name is sorted: without case, and numbers by what they count, so that Bay 2 comes before Bay 10."""
    padded = re.sub(r"[0-9]+", lambda digits: digits[0].zfill(SORTING_DIGITS), title.casefold())
    return padded[:SORTING_LENGTH]


class Admission(enum.StrEnum):
    """Whether a charger may work here. PENDING waits for somebody to adopt it."""

    ACCEPTED = "accepted"
    PENDING = "pending"
    REJECTED = "rejected"


class AuthorizationPolicy(enum.StrEnum):
    """Who may charge: anybody, whoever has a known card, or whoever has a known card and credit."""

    OPEN = "open"
    KNOWN = "known"
    CREDIT = "credit"


class ConnectorStatus(enum.StrEnum):
    """One vocabulary for all versions: the words of 1.6 §7.7. What the charger said is kept beside it."""

    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"
    FINISHING = "Finishing"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"
    UNKNOWN = "Unknown"


class RefusalCause(enum.StrEnum):
    """Why a connection was refused before the upgrade."""

    BAD_IDENTITY = "bad_identity"
    UNKNOWN_CHARGER = "unknown_charger"
    REJECTED_CHARGER = "rejected_charger"
    NO_CREDENTIAL = "no_credential"
    WRONG_CREDENTIAL = "wrong_credential"
    IDENTITY_MISMATCH = "identity_mismatch"
    NO_SUBPROTOCOL = "no_subprotocol"
    UNSUPPORTED_SUBPROTOCOL = "unsupported_subprotocol"
    DUPLICATE_IDENTITY = "duplicate_identity"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    BAD_HANDSHAKE = "bad_handshake"
    BELOW_PROFILE = "below_profile"
    NO_CERTIFICATE = "no_certificate"
    WRONG_CERTIFICATE = "wrong_certificate"
    TLS_FAILED = "tls_failed"


class Charger(Base):
    """A charging station. `identity` as first seen, matched without case; `slug` is its public name."""

    __tablename__ = "charger"
    __table_args__ = (Index("ix_charger_sorting_name", "sorting_name", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    identity: Mapped[str] = mapped_column(String(48))
    identity_folded: Mapped[str] = mapped_column(String(48), unique=True)
    slug: Mapped[str] = mapped_column(String(24), unique=True)
    own_tag: Mapped[str] = mapped_column(String(36))  # a tag that is good at this charger, and nowhere else
    name: Mapped[str | None] = mapped_column(String(80))
    sorting_name: Mapped[str] = mapped_column(String(SORTING_LENGTH), server_default="")  # see `in_order`
    location: Mapped[str | None] = mapped_column(String(200))
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"), index=True)
    # Where it stands itself; None: where its site is.
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    # On its site's plan: parts of its width, from the left, and of its height, from the top.
    plan_x: Mapped[float | None]
    plan_y: Mapped[float | None]
    admission: Mapped[Admission] = mapped_column(choice(Admission), index=True)
    policy: Mapped[AuthorizationPolicy] = mapped_column(choice(AuthorizationPolicy))
    tariff_id: Mapped[int | None] = mapped_column(ForeignKey("tariff.id"))
    key_hash: Mapped[str | None] = mapped_column(
        String(120)
    )  # the AuthorizationKey's; None: none is asked for
    next_key_hash: Mapped[str | None] = mapped_column(String(120))  # that of a key on its way to the charger
    key_command_id: Mapped[str | None] = mapped_column(String(36))  # the order that brings it there
    # Security profiles (whitepaper §2): what a connection must offer at least; what it is to offer from the first one
    # on that does; and the highest that was required of a connection and offered by it, below which there is no way.
    security_profile: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    target_profile: Mapped[int | None] = mapped_column(Integer)
    proven_profile: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    heartbeat_interval_s: Mapped[int | None] = mapped_column(Integer)  # None: the installation's
    is_simulated: Mapped[bool] = mapped_column(default=False)
    is_quiet: Mapped[bool | None]  # nothing is sent to it by itself; None: as the installation
    is_public: Mapped[bool | None]  # anybody finds it on /find; None: as its site
    is_strict: Mapped[bool] = mapped_column(
        default=False
    )  # its messages are refused where others' are repaired
    quirks_choice: Mapped[str | None] = mapped_column(
        String(40)
    )  # a quirk profile's name, or NO_QUIRKS; None: the one that fits

    protocol: Mapped[str | None] = mapped_column(String(16))  # the sub-protocol of its last connection
    last_path: Mapped[str | None] = mapped_column(String(500))
    vendor: Mapped[str | None] = mapped_column(String(50))
    model: Mapped[str | None] = mapped_column(String(50))
    serial_number: Mapped[str | None] = mapped_column(String(50))
    box_serial_number: Mapped[str | None] = mapped_column(String(50))
    firmware_version: Mapped[str | None] = mapped_column(String(50))
    iccid: Mapped[str | None] = mapped_column(String(20))
    imsi: Mapped[str | None] = mapped_column(String(20))
    meter_type: Mapped[str | None] = mapped_column(String(50))
    meter_serial_number: Mapped[str | None] = mapped_column(String(50))
    firmware_state: Mapped[str | None] = mapped_column(String(40))
    diagnostics_state: Mapped[str | None] = mapped_column(String(40))

    status: Mapped[ConnectorStatus] = mapped_column(choice(ConnectorStatus), default=ConnectorStatus.UNKNOWN)
    status_at: Mapped[datetime | None]
    error_code: Mapped[str | None] = mapped_column(String(50))
    clock_skew_s: Mapped[
        float | None
    ]  # charger's clock minus ours, from the newest message that tells a time
    booted_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]  # when it was first let in
    created_at: Mapped[datetime]

    site: Mapped[Site | None] = relationship()
    evses: Mapped[list["Evse"]] = relationship(back_populates="charger", order_by="Evse.number")
    connectors: Mapped[list["Connector"]] = relationship(
        back_populates="charger", order_by="Connector.evse_number, Connector.number"
    )
    lease: Mapped["LinkLease | None"] = relationship(back_populates="charger")
    tags: Mapped[list["ChargerTag"]] = relationship(cascade="all, delete-orphan", order_by="ChargerTag.tag")
    reporting: Mapped[list["ConfigurationKey"]] = relationship(
        viewonly=True,
        primaryjoin=lambda: (
            (Charger.id == ConfigurationKey.charger_id) & ConfigurationKey.name.in_(REPORTING)
        ),
    )

    @property
    def reporting_interval(self) -> timedelta | None:
        """At which it is set to send meter values while it charges; None: it has not told."""
        told = [int(x.value) for x in self.reporting if x.value and re.fullmatch("[0-9]{1,7}", x.value)]
        return timedelta(seconds=min(x for x in told if x)) if any(told) else None

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name or self.identity

    @validates("name", "identity")
    def _is_called(self, what: str, words: str | None) -> str | None:
        name, identity = (words, self.identity) if what == "name" else (self.name, words)
        self.sorting_name = in_order(name or identity or "")
        return words

    @property
    def site_name(self) -> str | None:
        return self.site.name if self.site else None

    @property
    def place(self) -> str | None:
        """Where it is in words: its own, or its site's."""
        return self.location or (self.site.place if self.site else None)

    @property
    def position(self) -> tuple[float, float] | None:
        """(latitude, longitude) of it, or of its site."""
        for it in (self, self.site):
            if it is not None and it.latitude is not None and it.longitude is not None:
                return it.latitude, it.longitude
        return None

    @property
    def topic(self) -> str:
        return f"charger:{self.id}"

    @property
    def link_topic(self) -> str:
        """On which its live connection hears that it has work, or that what it knows of the charger is old."""
        return f"link:{self.id}"


class ChargerTag(Base):
    """A word of an operator's own about a charger, without case."""

    __tablename__ = "charger_tag"
    __table_args__ = (Index("ix_charger_tag_tag", "tag"),)

    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"), primary_key=True, autoincrement=False)
    tag: Mapped[str] = mapped_column(String(32), primary_key=True)


class Evse(Base):
    """One place at a charger where one car can charge at a time (2.0.1 part 1 §3.1)."""

    __tablename__ = "evse"
    __table_args__ = (UniqueConstraint("charger_id", "number"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"))
    number: Mapped[int] = mapped_column(Integer)

    charger: Mapped[Charger] = relationship(back_populates="evses")


class Connector(Base):
    """One outlet or plug. `slug` is its public name: 128 random bits, never the charger's identity."""

    __tablename__ = "connector"
    __table_args__ = (
        UniqueConstraint("charger_id", "evse_number", "number"),
        Index(
            "ix_connector_faulted",  # few, and looked for by every page
            "charger_id",
            sqlite_where=text(FAULTED),
            postgresql_where=text(FAULTED),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"))
    evse_id: Mapped[int] = mapped_column(ForeignKey("evse.id"), index=True)
    evse_number: Mapped[int] = mapped_column(Integer)
    number: Mapped[int] = mapped_column(Integer, default=1)
    slug: Mapped[str] = mapped_column(String(24), unique=True)
    code: Mapped[str] = mapped_column(String(6), unique=True)  # what is typed where a label cannot be scanned
    uuid: Mapped[str] = mapped_column(String(36), unique=True)  # what programs know it by
    type: Mapped[str | None] = mapped_column(String(24))  # in words: Type 2, CCS 2 …
    standard: Mapped[ConnectorStandard | None] = mapped_column(choice(ConnectorStandard))
    format: Mapped[ConnectorFormat | None] = mapped_column(choice(ConnectorFormat))
    power_type: Mapped[PowerType | None] = mapped_column(choice(PowerType))
    max_power_w: Mapped[int | None]
    status: Mapped[ConnectorStatus] = mapped_column(choice(ConnectorStatus), default=ConnectorStatus.UNKNOWN)
    status_word: Mapped[str | None] = mapped_column(String(40))  # as the charger said it
    status_at: Mapped[datetime | None]  # since when, by the charger's clock if it is sane
    reported_at: Mapped[datetime | None]  # the newest report's time: what is older is old news
    error_code: Mapped[str | None] = mapped_column(String(50))
    error_info: Mapped[str | None] = mapped_column(String(100))
    register_wh: Mapped[int | None]  # its meter at the end of its last transaction
    plugged_at: Mapped[
        datetime | None
    ]  # when a car was last plugged in: the presence that a web start asks for

    charger: Mapped[Charger] = relationship(back_populates="connectors")
    evse: Mapped[Evse] = relationship()


class StatusEvent(Base):
    """One StatusNotification, or one change of the connection: the history behind the 24-hour strip."""

    __tablename__ = "status_event"
    __table_args__ = (
        UniqueConstraint("digest"),
        Index("ix_status_event_charger_id_received_at", "charger_id", "received_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"))
    evse_number: Mapped[int] = mapped_column(Integer, default=0)  # 0: the charger itself
    connector_number: Mapped[int] = mapped_column(Integer, default=0)
    status: Mapped[str] = mapped_column(String(40))  # a ConnectorStatus, or Connected, Disconnected, Booted
    status_word: Mapped[str | None] = mapped_column(String(40))
    error_code: Mapped[str | None] = mapped_column(String(50))
    info: Mapped[str | None] = mapped_column(String(100))
    vendor_id: Mapped[str | None] = mapped_column(String(255))
    vendor_error_code: Mapped[str | None] = mapped_column(String(50))
    at: Mapped[datetime]  # the charger's time if it is sane, else ours
    at_text: Mapped[str | None] = mapped_column(String(40))  # as the charger wrote it
    received_at: Mapped[datetime]
    digest: Mapped[int]


class LinkLease(Base):
    """Which live connection owns a charger. `epoch` fences: only the newest link's messages are committed.

    `online_until` is a lease that the link's process renews: when the process dies, the charger goes offline by itself.
    `chain` is the hash of the charger's newest journal entry, `chain_start` that of the newest one that is not kept any
    more; empty: there is none.
    """

    __tablename__ = "link_lease"

    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"), primary_key=True, autoincrement=False)
    epoch: Mapped[int] = mapped_column(default=0)
    node: Mapped[str | None] = mapped_column(String(64))
    address: Mapped[str | None] = mapped_column(String(64))
    is_secure: Mapped[bool] = mapped_column(default=False)
    offered_profile: Mapped[int | None] = mapped_column(
        Integer
    )  # the security profile that the connection amounts to
    transport: Mapped[str | None] = mapped_column(String(120))  # in words
    fingerprint: Mapped[str | None] = mapped_column(
        String(64)
    )  # SHA-256 of the certificate that the charger showed
    connected_at: Mapped[datetime | None]
    online_until: Mapped[datetime | None] = mapped_column(index=True)
    last_seen_at: Mapped[datetime | None]
    last_heartbeat_at: Mapped[datetime | None]
    probed_at: Mapped[datetime | None]  # when the link last proved alive to a newcomer with the same identity
    rtt_ms: Mapped[float | None]
    closed_at: Mapped[datetime | None]
    close_reason: Mapped[str | None] = mapped_column(String(120))
    chain: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    chain_start: Mapped[bytes] = mapped_column(LargeBinary, default=b"")

    charger: Mapped[Charger] = relationship(back_populates="lease")

    def is_online(self, at: datetime) -> bool:
        return self.online_until is not None and self.online_until > at


class Attempt(Base):
    """Refused connections of one kind: who, from where, why, how often. The connection doctor reads them."""

    __tablename__ = "attempt"
    __table_args__ = (UniqueConstraint("identity", "address", "cause"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    identity: Mapped[str] = mapped_column(String(48))
    address: Mapped[str] = mapped_column(String(64))
    cause: Mapped[RefusalCause] = mapped_column(choice(RefusalCause))
    path: Mapped[str] = mapped_column(String(500))
    detail: Mapped[str] = mapped_column(String(500))
    remedy: Mapped[str] = mapped_column(String(500))
    status_code: Mapped[int] = mapped_column(Integer)
    count: Mapped[int] = mapped_column(Integer, default=1)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime] = mapped_column(index=True)


class ConfigurationKey(Base):
    """One configuration key as the charger last told it (1.6 §7.29)."""

    __tablename__ = "configuration_key"
    __table_args__ = (UniqueConstraint("charger_id", "name"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"))
    name: Mapped[str] = mapped_column(String(50))
    value: Mapped[str | None] = mapped_column(Text)
    is_readonly: Mapped[bool] = mapped_column(default=False)
    needs_reboot: Mapped[bool] = mapped_column(default=False)  # written, and waiting for a reboot
    is_missing: Mapped[bool] = mapped_column(default=False)  # asked for, and the charger has no such key
    read_at: Mapped[datetime]


class ConfigurationChange(Base):
    """One change of a configuration key's value: set from here, or found when the charger told its keys."""

    __tablename__ = "configuration_change"
    __table_args__ = (Index("ix_configuration_change_charger_id_name", "charger_id", "name"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"))
    name: Mapped[str] = mapped_column(String(50))
    old_value: Mapped[str | None] = mapped_column(Text)
    new_value: Mapped[str | None] = mapped_column(Text)
    changed_at: Mapped[datetime]
    is_set: Mapped[bool]
    changed_by: Mapped[str | None] = mapped_column(String(80))
