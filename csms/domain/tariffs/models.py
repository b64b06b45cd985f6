"""Tariffs and their versions."""

import enum
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import JSON, Boolean, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csms.domain.base import Base, BigId, choice
from csms.domain.tariffs.shape import Terms, read_elements


class TariffType(enum.StrEnum):
    """OCPI 2.2.1 §11.4.7: whom, or what way of charging, a tariff is for. It changes no price."""

    AD_HOC_PAYMENT = "AD_HOC_PAYMENT"
    PROFILE_CHEAP = "PROFILE_CHEAP"
    PROFILE_FAST = "PROFILE_FAST"
    PROFILE_GREEN = "PROFILE_GREEN"
    REGULAR = "REGULAR"


@dataclass(frozen=True, slots=True)
class About:
    """What a version tells beside its prices. It is in force from `starts_at` until before `ends_at`; None: no bound.

    `alt_text`: (language, text) in words for drivers.
    """

    type: TariffType | None = None
    alt_text: tuple[tuple[str, str], ...] = ()
    starts_at: datetime | None = None
    ends_at: datetime | None = None


class Tariff(Base):
    """A tariff by name; what it asks for is in its newest version that is in force. `removed_at`: chosen no more.

    `is_derived`: another one with the prices of slots in it or on a site's clocks, whose `base_id` it has, None where
    there was none. Nobody chooses such a tariff, and none of its versions is newer than another in meaning.
    """

    __tablename__ = "tariff"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    is_default: Mapped[bool] = mapped_column(default=False)
    is_derived: Mapped[bool] = mapped_column(default=False)
    base_id: Mapped[int | None] = mapped_column(ForeignKey("tariff.id"))
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]

    versions: Mapped[list["TariffVersion"]] = relationship(
        back_populates="tariff", order_by="TariffVersion.number"
    )

    @property
    def current(self) -> "TariffVersion":
        """The newest version, be it in force or not."""
        return self.versions[-1]

    def in_force(self, at: datetime, made_by: datetime | None = None) -> "TariffVersion | None":
        """What a session that begins at this moment pays by. `made_by`: versions that were there by then alone."""
        there = [x for x in self.versions if made_by is None or x.created_at <= made_by]
        return next((x for x in reversed(there) if x.is_in_force(at)), None)


class TariffVersion(Base):
    """What a tariff asked for from `created_at` on. Prices in `currency`, VAT included; `elements` as OCPI has them.

    Its windows are those of `time_zone`, so that no bill changes when the installation's zone does, or a site's: at a
    site with a zone of its own sessions begin with a derived version in that zone.
    """

    __tablename__ = "tariff_version"
    __table_args__ = (UniqueConstraint("tariff_id", "number"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    tariff_id: Mapped[int] = mapped_column(ForeignKey("tariff.id"))
    number: Mapped[int] = mapped_column(Integer)
    currency: Mapped[str] = mapped_column(String(3))
    elements: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    min_price: Mapped[Decimal | None]
    max_price: Mapped[Decimal | None]
    time_zone: Mapped[str] = mapped_column(String(64))
    is_time_plugged_in: Mapped[bool] = mapped_column(Boolean)
    idle_grace_minutes: Mapped[int] = mapped_column(Integer)
    vat_percent: Mapped[Decimal]
    type: Mapped[TariffType | None] = mapped_column(choice(TariffType))
    alt_text: Mapped[list[list[str]] | None] = mapped_column(JSON)
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    tariff: Mapped[Tariff] = relationship(back_populates="versions")

    def is_in_force(self, at: datetime) -> bool:
        return (self.starts_at is None or self.starts_at <= at) and (
            self.ends_at is None or at < self.ends_at
        )

    @property
    def about(self) -> About:
        texts = tuple((language, text) for language, text in self.alt_text or ())
        return About(self.type, texts, self.starts_at, self.ends_at)

    @property
    def terms(self) -> Terms:
        return Terms(
            currency=self.currency,
            elements=read_elements(orjson.dumps(self.elements)),
            vat_percent=self.vat_percent,
            idle_grace_minutes=self.idle_grace_minutes,
            min_price=self.min_price,
            max_price=self.max_price,
            time_zone=self.time_zone,
            is_time_plugged_in=self.is_time_plugged_in,
        )
