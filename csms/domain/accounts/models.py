"""Who pays, who may do what, and the cards that they hold."""

import enum
from datetime import datetime
from decimal import Decimal

from sqlalchemy import JSON, ForeignKey, Integer, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csms.domain.base import Base, BigId, choice


class DistanceUnit(enum.StrEnum):
    """What a user reads distances in."""

    KM = "km"
    MI = "mi"


class Role(enum.StrEnum):
    """What a user may do; the doors' permission tables are written in these words."""

    OWNER = "owner"
    OPERATOR = "operator"
    SUPPORT = "support"
    SITE_HOST = "site_host"
    ACCOUNTANT = "accountant"
    INSTALLER = "installer"
    DRIVER = "driver"
    READ_ONLY = "read_only"


class LedgerKind(enum.StrEnum):
    """Why credit changed."""

    TOP_UP = "top_up"
    SESSION = "session"
    REFUND = "refund"
    CORRECTION = "correction"
    VOUCHER = "voucher"
    SUBSCRIPTION = "subscription"
    PAYMENT = "payment"  # taken from a card, or given back to it


class TokenStatus(enum.StrEnum):
    """The verdict on an id token (1.6 §7.2 and 2.0.1 AuthorizationStatusEnumType, the words both know)."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    CONCURRENT_TX = "ConcurrentTx"
    NO_CREDIT = "NoCredit"


class Account(Base):
    """One who is billed: a person, a household or a company. `balance_*` is the sum of its ledger.

    `merged_into_id`: the account of the same person with which this one was made one; its ledger is all that is left.
    """

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    email: Mapped[str | None] = mapped_column(String(254))
    is_service: Mapped[bool] = mapped_column(default=False)  # charges without credit: staff, pool cars
    balance_cents: Mapped[int] = mapped_column(default=0)
    balance_wh: Mapped[int] = mapped_column(default=0)
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    created_at: Mapped[datetime]

    tokens: Mapped[list["IdToken"]] = relationship(back_populates="account", order_by="IdToken.id")
    vehicles: Mapped[list["Vehicle"]] = relationship(back_populates="account", order_by="Vehicle.id")

    @property
    def has_credit(self) -> bool:
        """True if a session may start: a service account, or credit of either kind is left."""
        return self.is_service or self.balance_cents > 0 or self.balance_wh > 0


class LedgerEntry(Base):
    """One change of an account's credit. Never edited: a mistake is mended by another entry."""

    __tablename__ = "ledger_entry"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    kind: Mapped[LedgerKind] = mapped_column(choice(LedgerKind))
    amount_cents: Mapped[int] = mapped_column(default=0)
    energy_wh: Mapped[int] = mapped_column(default=0)
    transaction_id: Mapped[int | None] = mapped_column(index=True)
    note: Mapped[str | None] = mapped_column(String(200))
    created_by: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime]


class User(Base):
    """One who signs in. Has the four names that flask-login asks for, and no base class of its."""

    __tablename__ = "user_"  # `user` is a reserved word in PostgreSQL

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    username: Mapped[str] = mapped_column(String(80))
    username_folded: Mapped[str] = mapped_column(String(80), unique=True)
    first_name: Mapped[str | None] = mapped_column(String(80))
    last_name: Mapped[str | None] = mapped_column(String(80))
    email: Mapped[str | None] = mapped_column(String(254))
    email_folded: Mapped[str | None] = mapped_column(String(254), index=True)
    email_verified_at: Mapped[datetime | None]  # None: nobody has shown yet that it is theirs
    password_hash: Mapped[str] = mapped_column(String(200))  # "": they come in by other ways
    role: Mapped[Role] = mapped_column(choice(Role))
    is_enabled: Mapped[bool] = mapped_column(default=True)
    login_key: Mapped[str] = mapped_column(
        String(32), unique=True
    )  # changes with the password: ends access tokens
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    phone_number: Mapped[str | None] = mapped_column(String(20))
    language: Mapped[str | None] = mapped_column(String(8))
    time_zone: Mapped[str | None] = mapped_column(String(64))
    distance_unit: Mapped[DistanceUnit | None] = mapped_column(
        choice(DistanceUnit)
    )  # None: the installation's
    image: Mapped[str | None] = mapped_column(String(300))  # where their picture is; never fetched by us
    sockets: Mapped[list[str] | None] = mapped_column(JSON)  # the plugs that their cars take
    tariff_preference: Mapped[Decimal | None]  # what they would pay for a kWh, in the installation's currency
    created_at: Mapped[datetime]
    last_login_at: Mapped[datetime | None]

    account: Mapped[Account | None] = relationship()

    @property
    def is_active(self) -> bool:
        return self.is_enabled

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def is_anonymous(self) -> bool:
        return False

    def get_id(self) -> str:
        """What flask-login asks for. The cookie carries the log-in's own key in its place: see LogIn."""
        return str(self.id)


class LogIn(Base):
    """One browser that is logged in, by the hash of what its cookie carries."""

    __tablename__ = "log_in"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_.id"), index=True)
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    way: Mapped[str] = mapped_column(String(40))  # how they came in
    address: Mapped[str | None] = mapped_column(String(64))
    agent: Mapped[str | None] = mapped_column(String(200))
    begun_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    needs_factor: Mapped[bool] = mapped_column(default=False)  # nothing goes on before a second one is set up


class Identity(Base):
    """Whom another system says that a user is there: the issuer of OpenID Connect, or a directory."""

    __tablename__ = "identity"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_.id"), index=True)
    issuer: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]


class RefreshToken(Base):
    """One refresh token of the JSON API, by its hash. Used once; a second use ends its whole family."""

    __tablename__ = "refresh_token"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_.id"), index=True)
    family: Mapped[str] = mapped_column(String(36), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class OneTimeLink(Base):
    """A link that works once: the first run's set-up, or one of a user's. Kept by its hash.

    `email` is the address that the link was sent to: whoever has it, has shown that it is theirs.
    """

    __tablename__ = "one_time_link"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    purpose: Mapped[str] = mapped_column(String(24), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_.id"), index=True)
    email: Mapped[str | None] = mapped_column(String(254))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class IdempotencyKey(Base):
    """A request to the JSON API that must not be done twice: its key, what it asked (hashed), what it was answered.

    Claimed in the commit that does what was asked; `status` is None until the answer is stored, right after it.
    """

    __tablename__ = "idempotency_key"
    __table_args__ = (UniqueConstraint("user_id", "key"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_.id"))
    key: Mapped[str] = mapped_column(String(64))
    request_hash: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None] = mapped_column(Integer)
    location: Mapped[str | None] = mapped_column(String(300))
    body: Mapped[str | None] = mapped_column(Text)  # None though answered: it held a secret
    created_at: Mapped[datetime] = mapped_column(index=True)


class IdToken(Base):
    """What a driver presents: an RFID card or any other tag. `uid` as written, matched without case (1.6 §7.28).

    `is_asked`: whoever has issued it is asked each time, so that no charger may know it by heart. What they say is good
    until `vouched_until`.
    """

    __tablename__ = "id_token"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uid: Mapped[str] = mapped_column(String(36))
    uid_folded: Mapped[str] = mapped_column(String(36), unique=True)
    label: Mapped[str | None] = mapped_column(String(80))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    parent_uid: Mapped[str | None] = mapped_column(
        String(36)
    )  # the group; never matched against a presented tag
    is_allowed: Mapped[bool] = mapped_column(default=True)
    is_asked: Mapped[bool] = mapped_column(default=False, server_default=false(), index=True)
    vouched_until: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime | None]
    last_seen_charger_id: Mapped[int | None]
    pin_hash: Mapped[str | None] = mapped_column(String(200))  # None: it has no PIN
    pin_tries: Mapped[int] = mapped_column(
        Integer, default=0, server_default="0"
    )  # wrong ones since a right one
    pin_paused_until: Mapped[datetime | None]
    created_at: Mapped[datetime]

    account: Mapped[Account | None] = relationship(back_populates="tokens")
    aliases: Mapped[list["CardAlias"]] = relationship(
        back_populates="token", order_by="CardAlias.id", cascade="all, delete-orphan"
    )


class CardAlias(Base):
    """Another number that readers make of a card: turned round, cut short, in decimal. Matched as its own one is."""

    __tablename__ = "card_alias"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uid: Mapped[str] = mapped_column(String(36))
    uid_folded: Mapped[str] = mapped_column(String(36), unique=True)
    id_token_id: Mapped[int] = mapped_column(ForeignKey("id_token.id"), index=True)
    created_by: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime]

    token: Mapped[IdToken] = relationship(back_populates="aliases")


class Vehicle(Base):
    """A car of an account."""

    __tablename__ = "vehicle"
    __table_args__ = (UniqueConstraint("vin"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    brand: Mapped[str] = mapped_column(String(60))
    model: Mapped[str] = mapped_column(String(60))
    vin: Mapped[str | None] = mapped_column(String(17))
    created_at: Mapped[datetime]

    account: Mapped[Account] = relationship(back_populates="vehicles")


class UserSite(Base):
    """A site to which a site host's sight is limited."""

    __tablename__ = "user_site"

    user_id: Mapped[int] = mapped_column(ForeignKey("user_.id"), primary_key=True)
    site_id: Mapped[int] = mapped_column(
        ForeignKey("site.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class AuditEntry(Base):
    """Who did what, and when. Only ever added to: soon after, each entry is chained to the one before it."""

    __tablename__ = "audit_entry"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(String(80))
    address: Mapped[str | None] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str | None] = mapped_column(String(120))
    detail: Mapped[str | None] = mapped_column(String(500))
    position: Mapped[int | None] = mapped_column(unique=True)  # in the chain; None: not yet in it
    chain: Mapped[str | None] = mapped_column(String(64))  # hash of this entry and of the chain before it


class Setting(Base):
    """What an owner has set on the pages and no environment variable says."""

    __tablename__ = "setting"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[str] = mapped_column(String(2000))
    changed_at: Mapped[datetime]
