"""A site, and what kind of place it is."""

import enum
from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from csms.domain.base import Base, BigId, choice


class ParkingType(enum.StrEnum):
    """OCPI 2.2.1 §8.4.18."""

    ALONG_MOTORWAY = "ALONG_MOTORWAY"
    PARKING_GARAGE = "PARKING_GARAGE"
    PARKING_LOT = "PARKING_LOT"
    ON_DRIVEWAY = "ON_DRIVEWAY"
    ON_STREET = "ON_STREET"
    UNDERGROUND_GARAGE = "UNDERGROUND_GARAGE"


class Site(Base):
    """A place where chargers stand together. `uuid` is what others know it by; names are matched without case."""

    __tablename__ = "site"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    name_folded: Mapped[str] = mapped_column(String(160), unique=True)
    country_code: Mapped[str | None] = mapped_column(
        String(2)
    )  # with party_id: whose it is (ISO 3166 alpha-2)
    party_id: Mapped[str | None] = mapped_column(String(3))
    address: Mapped[str | None] = mapped_column(String(200))
    city: Mapped[str | None] = mapped_column(String(80))
    postal_code: Mapped[str | None] = mapped_column(String(20))
    state: Mapped[str | None] = mapped_column(String(80))
    country: Mapped[str | None] = mapped_column(String(3))  # where it is (ISO 3166 alpha-3)
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    parking_type: Mapped[ParkingType | None] = mapped_column(choice(ParkingType))
    time_zone: Mapped[str | None] = mapped_column(String(64))  # IANA; None: the installation's
    substation_id: Mapped[str | None] = mapped_column(String(80), index=True)  # of the grid that feeds it
    grid_limit_w: Mapped[int | None]  # what its connection to the grid gives; None: not known
    opening_hours: Mapped[str | None] = mapped_column(String(200))  # in words
    contact_name: Mapped[str | None] = mapped_column(String(80))
    contact_email: Mapped[str | None] = mapped_column(String(254))
    contact_phone: Mapped[str | None] = mapped_column(String(40))
    is_public: Mapped[bool] = mapped_column(default=False)  # anybody finds its chargers on /find
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    @property
    def address_line(self) -> str:
        """Street, postal code and city in one line; empty where nothing is known."""
        town = " ".join(x for x in (self.postal_code, self.city) if x)
        return ", ".join(x for x in (self.address, town) if x)

    @property
    def place(self) -> str:
        """What a driver is told of it."""
        return ", ".join(x for x in (self.name, self.address_line) if x)
