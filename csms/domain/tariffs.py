"""What charging costs. One pure function prices the page, the live display, the receipt and the API.

Prices are what a driver pays: VAT is inside. A tariff is never edited in place: a change is a new version, and a
transaction keeps the version that it began with.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Integer, String, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, selectinload

from csms.domain.base import Base, BigId, NotFound, announce
from csms.domain.chargers import Charger
from csms.quantities import cents, kwh


class Tariff(Base):
    """A tariff by name; what it asks for is in its newest version."""

    __tablename__ = "tariff"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    is_default: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]

    versions: Mapped[list["TariffVersion"]] = relationship(
        back_populates="tariff", order_by="TariffVersion.number"
    )

    @property
    def current(self) -> "TariffVersion":
        return self.versions[-1]


class TariffVersion(Base):
    """What a tariff asked for from `created_at` on. Prices in `currency`, VAT included."""

    __tablename__ = "tariff_version"
    __table_args__ = (UniqueConstraint("tariff_id", "number"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    tariff_id: Mapped[int] = mapped_column(ForeignKey("tariff.id"))
    number: Mapped[int] = mapped_column(Integer)
    currency: Mapped[str] = mapped_column(String(3))
    price_per_kwh: Mapped[Decimal]
    price_per_minute: Mapped[Decimal]
    price_per_idle_minute: Mapped[Decimal]
    idle_grace_minutes: Mapped[int] = mapped_column(Integer)
    price_per_start: Mapped[Decimal]
    vat_percent: Mapped[Decimal]
    created_at: Mapped[datetime]

    tariff: Mapped[Tariff] = relationship(back_populates="versions")

    @property
    def terms(self) -> "Terms":
        return Terms(
            currency=self.currency,
            price_per_kwh=self.price_per_kwh,
            price_per_minute=self.price_per_minute,
            price_per_idle_minute=self.price_per_idle_minute,
            idle_grace_minutes=self.idle_grace_minutes,
            price_per_start=self.price_per_start,
            vat_percent=self.vat_percent,
        )


@dataclass(frozen=True, slots=True)
class Terms:
    """What a tariff version asks for; prices in `currency`, VAT included."""

    currency: str
    price_per_kwh: Decimal = Decimal(0)
    price_per_minute: Decimal = Decimal(0)
    price_per_idle_minute: Decimal = Decimal(0)
    idle_grace_minutes: int = 0
    price_per_start: Decimal = Decimal(0)
    vat_percent: Decimal = Decimal(0)

    @property
    def is_free(self) -> bool:
        return not (
            self.price_per_kwh or self.price_per_minute or self.price_per_idle_minute or self.price_per_start
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """What is to be paid for: energy by the meter, seconds in all, and those of them in which the car took nothing."""

    energy_wh: int = 0
    duration_s: int = 0
    idle_s: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill: `quantity` of `unit` at `price` makes `cents`, rounded once."""

    kind: str  # energy, time, idle, start
    quantity: Decimal
    unit: str  # kWh, min, session
    price: Decimal
    cents: int


@dataclass(frozen=True, slots=True)
class Bill:
    """Lines in the order that the law asks for (kWh, minute, session, other); the total is their sum to the cent."""

    currency: str
    lines: tuple[Line, ...]
    total_cents: int
    vat_percent: Decimal
    vat_cents: int  # contained in the total

    def as_rows(self) -> list[dict[str, Any]]:
        """The lines in the form in which a transaction keeps them."""
        return [
            {
                "kind": x.kind,
                "quantity": str(x.quantity),
                "unit": x.unit,
                "price": str(x.price),
                "cents": x.cents,
            }
            for x in self.lines
        ]


def price(terms: Terms, usage: Usage) -> Bill:
    """The bill of `usage` under `terms`. Pure; never negative; minutes are counted to the second."""
    charging_s = max(0, usage.duration_s)
    idle_s = max(0, usage.idle_s - 60 * terms.idle_grace_minutes)
    wanted = (
        ("energy", kwh(max(0, usage.energy_wh)), "kWh", terms.price_per_kwh),
        ("time", _minutes(charging_s), "min", terms.price_per_minute),
        ("start", Decimal(1), "session", terms.price_per_start),
        ("idle", _minutes(idle_s), "min", terms.price_per_idle_minute),
    )
    lines = tuple(
        Line(kind, quantity, unit, unit_price, cents(quantity * unit_price))
        for kind, quantity, unit, unit_price in wanted
        if unit_price and (quantity or kind == "energy")
    )
    total = sum(line.cents for line in lines)
    vat = cents(Decimal(total) / 100 * terms.vat_percent / (100 + terms.vat_percent))
    return Bill(terms.currency, lines, total, terms.vat_percent, vat)


def _minutes(seconds: int) -> Decimal:
    return (Decimal(seconds) / 60).quantize(Decimal("0.01"))


def create(session: Session, name: str, terms: Terms, *, at: datetime, is_default: bool = False) -> Tariff:
    """A new tariff with its first version. A new default takes the place of the old one."""
    tariff = Tariff(name=name, is_default=False, created_at=at)
    session.add(tariff)
    revise(session, tariff, terms, at=at)
    if is_default:
        make_default(session, tariff)
    return tariff


def make_default(session: Session, tariff: Tariff) -> None:
    """From now on sessions begin with this one where a charger has no tariff of its own."""
    for other in session.scalars(select(Tariff).where(Tariff.is_default)):
        other.is_default = False
    tariff.is_default = True


def assign(session: Session, tariff: Tariff, charger_ids: Collection[int]) -> None:
    """These chargers, and no others, have this tariff of their own. Sessions that run keep their prices."""
    query = select(Charger).where(or_(Charger.tariff_id == tariff.id, Charger.id.in_(charger_ids)))
    for charger in session.scalars(query):
        chosen = tariff.id if charger.id in charger_ids else None
        if charger.tariff_id != chosen:
            charger.tariff_id = chosen
            announce(session, charger.link_topic, charger.topic)


def get(session: Session, tariff_id: int) -> Tariff:
    """Raises NotFound."""
    tariff = session.get(Tariff, tariff_id)
    if tariff is None:
        raise NotFound("There is no such tariff.")
    return tariff


def revise(session: Session, tariff: Tariff, terms: Terms, *, at: datetime) -> TariffVersion:
    """A new version of `tariff`; transactions that began before it keep theirs."""
    version = TariffVersion(
        number=len(tariff.versions) + 1,
        created_at=at,
        **{name: getattr(terms, name) for name in Terms.__slots__},
    )
    tariff.versions.append(version)
    session.flush()
    return version


def applicable(session: Session, tariff_id: int | None) -> TariffVersion | None:
    """The version that a session at a charger with this tariff begins with now; None: charging costs nothing."""
    found: dict[int | None, TariffVersion | None] = session.info.setdefault("applicable", {})
    if tariff_id not in found:
        chosen = session.get(Tariff, tariff_id) if tariff_id else None
        if chosen is None:
            chosen = session.scalar(select(Tariff).where(Tariff.is_default))
        found[tariff_id] = chosen.current if chosen else None
    return found[tariff_id]


def listed(session: Session) -> Sequence[Tariff]:
    """All tariffs with their versions, by name."""
    return session.scalars(select(Tariff).order_by(Tariff.name).options(selectinload(Tariff.versions))).all()
