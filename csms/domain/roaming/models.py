"""Peers, and the cards of theirs that may charge here."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csms.domain.accounts import Account, IdToken
from csms.domain.base import Base, BigId, choice
from csms.domain.looking import Cursor


class PeerState(enum.StrEnum):
    """INVITED has a token to register with. LEFT: it has ended the registration itself, and needs a new invitation."""

    INVITED = "invited"
    REGISTERED = "registered"
    SUSPENDED = "suspended"
    LEFT = "left"


OPEN = (PeerState.INVITED, PeerState.REGISTERED)


class Peer(Base):
    """Another company's platform, which speaks OCPI 2.2.1 with us. Its drivers' sessions are booked on `account`.

    `token_hash`: a keyed hash of what it shows us. `their_token_sealed`: what we show it, as the door has sealed it;
    `is_plain`: it wants that without base64. `roles` and `endpoints` as it told them. `failures`: requests to it in a
    row that failed, the first of them at `failing_since`; until `paused_until` nothing more is sent there.
    """

    __tablename__ = "ocpi_peer"
    __table_args__ = (UniqueConstraint("token_hash"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    state: Mapped[PeerState] = mapped_column(choice(PeerState))
    country_code: Mapped[str | None] = mapped_column(String(2))  # of the first of its roles
    party_id: Mapped[str | None] = mapped_column(String(3))
    versions_url: Mapped[str | None] = mapped_column(String(500))
    token_hash: Mapped[str | None] = mapped_column(String(64))
    their_token_sealed: Mapped[str | None] = mapped_column(Text)
    is_plain: Mapped[bool] = mapped_column(Boolean, default=False)
    roles: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    endpoints: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    last_contact_at: Mapped[datetime | None]  # when it last asked us something, with its token
    last_error: Mapped[str | None] = mapped_column(String(300))
    last_error_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(Integer, default=0)
    failing_since: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]
    created_by: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime]
    registered_at: Mapped[datetime | None]

    account: Mapped[Account] = relationship()

    @property
    def parties(self) -> set[tuple[str, str]]:
        """(country code, party id) of everybody whom it speaks for."""
        return {(str(x["country_code"]).upper(), str(x["party_id"]).upper()) for x in self.roles}

    def receiver(self, module: str) -> str | None:
        """Where it takes what we tell of a module; None: it does not want it."""
        return self._endpoint(module, "RECEIVER")

    def sender(self, module: str) -> str | None:
        """Where we ask it about a module; None: it cannot be asked."""
        return self._endpoint(module, "SENDER")

    def _endpoint(self, module: str, role: str) -> str | None:
        return next(
            (x["url"] for x in self.endpoints if (x["identifier"], x["role"]) == (module, role)), None
        )


class RoamingCard(Base):
    """A peer's token that is a card here. `key`: whose it is and which, for those that it has put; None: made for one
    order to start, from the token in that order.

    `is_good`: valid, and the peer lets it be accepted without being asked. `body` as it was told.
    """

    __tablename__ = "ocpi_card"
    __table_args__ = (UniqueConstraint("key"), UniqueConstraint("id_token_id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    peer_id: Mapped[int] = mapped_column(ForeignKey("ocpi_peer.id", ondelete="CASCADE"), index=True)
    id_token_id: Mapped[int] = mapped_column(ForeignKey("id_token.id", ondelete="CASCADE"))
    key: Mapped[str | None] = mapped_column(String(80))
    country_code: Mapped[str] = mapped_column(String(2))
    party_id: Mapped[str] = mapped_column(String(3))
    uid: Mapped[str] = mapped_column(String(36))
    type: Mapped[str] = mapped_column(String(16))
    contract_id: Mapped[str] = mapped_column(String(36))
    authorization_reference: Mapped[str | None] = mapped_column(String(36))
    is_good: Mapped[bool] = mapped_column(Boolean)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    last_updated: Mapped[datetime]

    peer: Mapped[Peer] = relationship()
    id_token: Mapped[IdToken] = relationship()


class RoamingVerdict(Base):
    """What a peer has said when it was asked about a card (OCPI 2.2.1 §12.3.1). `reference`: its own name for that."""

    __tablename__ = "ocpi_verdict"
    __table_args__ = (Index("ix_ocpi_verdict_card_id_asked_at", "card_id", "asked_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    card_id: Mapped[int] = mapped_column(ForeignKey("ocpi_card.id", ondelete="CASCADE"))
    asked_at: Mapped[datetime]
    good_until: Mapped[datetime]
    is_allowed: Mapped[bool] = mapped_column(Boolean)
    word: Mapped[str] = mapped_column(String(40))
    reference: Mapped[str | None] = mapped_column(String(36))


class RoamingOrder(Base):
    """What a peer has ordered: the command that came of it, and where its end is told. `told_at` None: not yet.

    A reservation is kept beside its order, under the id that the peer has for it.
    """

    __tablename__ = "ocpi_order"
    __table_args__ = (Index("ix_ocpi_order_peer_id_reservation_key", "peer_id", "reservation_key"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    peer_id: Mapped[int] = mapped_column(ForeignKey("ocpi_peer.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(24))
    command_id: Mapped[str | None] = mapped_column(String(36))
    response_url: Mapped[str | None] = mapped_column(String(500))
    reservation_key: Mapped[str | None] = mapped_column(String(36))
    reservation_id: Mapped[int | None]
    told_at: Mapped[datetime | None] = mapped_column(index=True)
    created_at: Mapped[datetime]


class PushState(enum.StrEnum):
    """QUEUED: to be sent, perhaps again."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    FAILED = "failed"


class Push(Base):
    """One message to a peer. `about` names what it tells of; `answer`: its beginning, or why there was none."""

    __tablename__ = "ocpi_push"
    __table_args__ = (
        Index("ix_ocpi_push_due_at", "due_at"),
        Index("ix_ocpi_push_peer_id_about", "peer_id", "about"),
        Index("ix_ocpi_push_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    peer_id: Mapped[int] = mapped_column(ForeignKey("ocpi_peer.id", ondelete="CASCADE"))
    about: Mapped[str] = mapped_column(String(80))
    method: Mapped[str] = mapped_column(String(8))
    url: Mapped[str] = mapped_column(String(500))
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[PushState] = mapped_column(choice(PushState))
    attempts: Mapped[int] = mapped_column(Integer)
    due_at: Mapped[datetime | None]  # None: nothing more is done with it
    status_code: Mapped[int | None] = mapped_column(Integer)
    answer: Mapped[str | None] = mapped_column(String(300))
    settled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    peer: Mapped[Peer] = relationship()


class Told(Base):
    """What a peer was last told about a thing, as a digest. `told_at`: or found to have been told."""

    __tablename__ = "ocpi_told"

    peer_id: Mapped[int] = mapped_column(
        ForeignKey("ocpi_peer.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    about: Mapped[str] = mapped_column(String(80), primary_key=True)
    digest: Mapped[int] = mapped_column(BigInteger)
    told_at: Mapped[datetime]


class Thing(enum.StrEnum):
    """What is published."""

    LOCATION = "location"
    EVSE = "evse"
    TARIFF = "tariff"


class Published(Base):
    """What peers see of a thing but for its state, as it was when somebody last looked. `changed_at`: when that was
    found to be new; `gone_at`: when it was found not to be published any more.

    `location_id`: empty for a tariff; `id`: empty for a location itself.
    """

    __tablename__ = "ocpi_published"
    __table_args__ = (Index("ix_ocpi_published_location_id", "location_id"),)

    thing: Mapped[Thing] = mapped_column(choice(Thing), primary_key=True)
    location_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    digest: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[datetime]
    gone_at: Mapped[datetime | None]


class RoamingCursor(Cursor):
    """How far what peers are told has been looked for."""

    __tablename__ = "ocpi_cursor"
