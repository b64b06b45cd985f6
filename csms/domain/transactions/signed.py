"""Signed meter data: what a meter has put its signature to (1.6 §7.33). Kept as it was told, and never counted."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Select, case, or_, select
from sqlalchemy.orm import Session

from csms.domain.transactions.models import Reading
from csms.domain.transactions.rules import BEGIN
from csms.masks import OCMF, SIGNED

END = "Transaction.End"
MOST_VALUES = 500  # of a session; those of its begin and end go first

# As `keep_reading` writes it: samples are one JSON text, without spaces.
_SIGNS = (f'"format":"{SIGNED}"', f'"raw":"{OCMF}')
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")


@dataclass(frozen=True, slots=True)
class SignedValue:
    """One signed value. `data` is what was signed, in `encoding` (plain, hex or base64).

    That is all of `raw`, the charger's own text, unless it sent OCPP 2.0.1's object as text.
    """

    at: datetime
    context: str | None
    raw: str
    data: str
    encoding: str
    is_ocmf: bool
    public_key: str | None = None


def signed_values(session: Session, transaction_id: int) -> list[SignedValue]:
    """What was signed of a session, as `signed_among` has it."""
    is_edge = case((Reading.samples.contains('"context":"Transaction.'), 0), else_=1)
    query = select(Reading).where(Reading.transaction_id == transaction_id, is_signed())
    rows = session.scalars(query.order_by(is_edge, Reading.measured_at, Reading.id).limit(MOST_VALUES)).all()
    return signed_among(sorted(rows, key=lambda x: (x.measured_at, x.id)))


def signed_by_session(session: Session, transactions: Select[int]) -> dict[int, list[SignedValue]]:
    """What was signed of each of these sessions, by its number."""
    query = select(Reading).where(Reading.transaction_id.in_(transactions), is_signed())
    rows = session.scalars(query.order_by(Reading.transaction_id, Reading.measured_at, Reading.id))
    return {number or 0: signed_among(group) for number, group in groupby(rows, lambda x: x.transaction_id)}


def forget_signed(session: Session, transactions: Select[int]) -> None:
    """Let go of what was signed of these sessions: it names the card, and a changed one would not hold."""
    query = select(Reading).where(Reading.transaction_id.in_(transactions), is_signed())
    for reading in session.scalars(query):
        kept = [x for x in orjson.loads(reading.samples) if not _is_of_the_signature(x)]
        reading.samples = orjson.dumps(kept).decode()


def signed_among(readings: Iterable[Reading]) -> list[SignedValue]:
    """What was signed, in the readings' order; each once, though a charger may send it again with its stop."""
    found: dict[tuple[str | None, str], SignedValue] = {}
    for reading in readings:
        if any(x in reading.samples for x in _SIGNS):
            for value in _signed(reading):
                found.setdefault((value.context, value.raw), value)
    return list(found.values())


def begin_and_end(values: Sequence[SignedValue]) -> list[SignedValue]:
    """The value of the begin and that of the end: those that are called so, else the first and the last."""
    if not values:
        return []
    begin = next((x for x in values if x.context == BEGIN), values[0])
    end = next((x for x in reversed(values) if x.context == END), values[-1])
    return [begin] if begin is end else [begin, end]


def _signed(reading: Reading) -> Iterator[SignedValue]:
    for sample in orjson.loads(reading.samples):
        raw = sample["raw"]
        if _is_of_the_signature(sample):
            data, public_key = _opened(raw)
            encoding, content = decoded(data)
            is_ocmf = content.startswith(OCMF.encode())
            yield SignedValue(
                reading.measured_at, sample["context"], raw, data, encoding, is_ocmf, public_key
            )


def _is_of_the_signature(sample: dict[str, Any]) -> bool:
    raw = sample["raw"]
    return bool(raw) and (sample["format"] == SIGNED or raw.startswith(OCMF))


def is_signed() -> ColumnElement[bool]:
    """Readings that may hold signed values."""
    return or_(*(Reading.samples.contains(x) for x in _SIGNS))


def _opened(raw: str) -> tuple[str, str | None]:
    """(what was signed, the meter's public key) of a value that may be OCPP 2.0.1's SignedMeterValue as text."""
    try:
        told: Any = orjson.loads(raw) if raw.startswith("{") else None
    except orjson.JSONDecodeError:
        told = None
    if not isinstance(told, dict):
        return raw, None
    data = told.get("signedMeterData") or told.get("signedMeterValue")
    key = told.get("publicKey")
    if not isinstance(data, str) or not data:
        return raw, None
    return data, key if isinstance(key, str) and key else None


def decoded(text: str) -> tuple[str, bytes]:
    """(the encoding that a text is in by its look, the bytes that it stands for)."""
    if _HEX.fullmatch(text):
        return "hex", bytes.fromhex(text)
    try:
        return "base64", b64decode(text, validate=True)
    except (Error, ValueError):  # a ValueError: beyond ASCII
        return "plain", text.encode()
