"""The cars of accounts."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain.accounts.models import Account, Vehicle
from csms.domain.base import Invalid, NotFound, Refused

LONGEST_NAME = 60


def vehicle(session: Session, vehicle_id: int) -> Vehicle:
    """Raises NotFound."""
    found = session.get(Vehicle, vehicle_id)
    if found is None:
        raise NotFound("There is no such vehicle.")
    return found


def add_vehicle(
    session: Session, account: Account, *, brand: str, model: str, vin: str | None, at: datetime
) -> Vehicle:
    """A car of an account. Raises Invalid for a nameless one, Refused for a VIN that another car has."""
    made = Vehicle(account_id=account.id, created_at=at)
    _describe(session, made, brand, model, vin)
    session.add(made)
    session.flush()
    return made


def change_vehicle(session: Session, known: Vehicle, *, brand: str, model: str, vin: str | None) -> None:
    """Raises Invalid for a nameless one, Refused for a VIN that another car has."""
    _describe(session, known, brand, model, vin)
    session.flush()


def remove_vehicle(session: Session, known: Vehicle) -> None:
    session.delete(known)
    session.flush()


def _describe(session: Session, known: Vehicle, brand: str, model: str, vin: str | None) -> None:
    brand, model = brand.strip(), model.strip()
    vin = (vin or "").strip().upper() or None
    if not brand or not model:
        raise Invalid("Give the vehicle's brand and model.", "brand" if not brand else "model")
    if vin is not None and not re.fullmatch("[A-HJ-NPR-Z0-9]{17}", vin):
        raise Invalid("A VIN has 17 letters and digits, without I, O and Q.", "vin")
    if vin is not None:
        with session.no_autoflush:
            owner_id = session.scalar(select(Vehicle.id).where(Vehicle.vin == vin))
        if owner_id not in (None, known.id):
            raise Refused("A vehicle with this VIN is there already.")
    known.brand, known.model, known.vin = brand[:LONGEST_NAME], model[:LONGEST_NAME], vin
