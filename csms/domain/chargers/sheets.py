"""Chargers from a sheet (CSV): read, checked line by line, and kept all or none."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from csms.domain import sites
from csms.domain.base import Invalid, announce
from csms.domain.chargers import tags as labels
from csms.domain.chargers.editing import stand_at
from csms.domain.chargers.models import Admission, AuthorizationPolicy, Charger
from csms.domain.chargers.service import IDENTITY, RESERVED_IDENTITIES, add
from csms.domain.sites import check_position
from csms.sentences import told

MOST_LINES = 5000
FIELDS = ("identity", "name", "site", "location", "latitude", "longitude", "policy", "tariff", "tags")
_LONGEST = {"name": 80, "site": 80, "location": 200}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a line; the first one, with the names of the columns, is 1."""

    line: int
    words: str


@dataclass(frozen=True, slots=True)
class Line:
    """One charger as a line has it. A cell that is empty changes nothing, and so does a column that is not there."""

    number: int
    identity: str
    name: str | None = None
    site: str | None = None
    location: str | None = None
    position: tuple[float, float] | None = None
    policy: AuthorizationPolicy | None = None
    tariff_id: int | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """`known`: the chargers that are here already, by folded identity; the others are new."""

    lines: Sequence[Line] = ()
    faults: Sequence[Fault] = ()
    known: Mapping[str, Charger] = field(default_factory=dict)

    @property
    def added(self) -> list[Line]:
        return [x for x in self.lines if x.identity.casefold() not in self.known]

    @property
    def changed(self) -> list[Line]:
        return [x for x in self.lines if x.identity.casefold() in self.known]


def read(session: Session, text: str, tariff_ids: Mapping[str, int]) -> Sheet:
    """What a sheet says, with commas, semicolons or tabs between its cells. `tariff_ids`: by name, without case."""
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), _dialect(text))
    try:
        table = [(rows.line_num, [x.strip() for x in row]) for row in rows if any(x.strip() for x in row)]
    except csv.Error as error:
        return Sheet(faults=[Fault(rows.line_num, told("This is no CSV: %(error)s.", error=error))])
    if faults := _wrong_table(table):
        return Sheet(faults=faults)
    names = [x.casefold() for x in table[0][1]]
    lines: list[Line] = []
    faults = []
    seen: dict[str, int] = {}
    for number, cells in table[1:]:
        try:
            line = _line(number, dict(zip(names, cells, strict=False)), tariff_ids)
            first = seen.setdefault(line.identity.casefold(), number)
            if first != number:
                raise Invalid(
                    "%(identity)s stands in line %(first)s already.", identity=line.identity, first=first
                )
            lines.append(line)
        except Invalid as error:
            faults.append(Fault(number, str(error)))
    return Sheet(lines, faults, _known(session, lines))


def _dialect(text: str) -> type[csv.Dialect]:
    first = text.partition("\n")[0]

    class Written(csv.excel):
        delimiter = max(",;\t", key=first.count)
        strict = True

    return Written


def _wrong_table(table: Sequence[tuple[int, list[str]]]) -> list[Fault]:
    if not table:
        return [Fault(1, told("The sheet is empty."))]
    names = [x.casefold() for x in table[0][1]]
    if "identity" not in names:
        others = ", ".join(FIELDS[1:])
        return [
            Fault(1, told("The first line names the columns: identity, and any of %(names)s.", names=others))
        ]
    if unknown := [x for x in names if x not in FIELDS]:
        names_known = ", ".join(FIELDS)
        words = told("There is no column %(name)s: it can be %(names)s.", name=unknown[0], names=names_known)
        return [
            Fault(
                1,
                words
                if unknown[0]
                else told("A column has no name: it can be %(names)s.", names=names_known),
            )
        ]
    if len(table) - 1 > MOST_LINES:
        return [Fault(1, told("At most %(most)s chargers at once, please.", most=MOST_LINES))]
    return []


def _line(number: int, cells: Mapping[str, str], tariff_ids: Mapping[str, int]) -> Line:
    identity = cells.get("identity", "")
    if len(identity) > 48 or not re.fullmatch(IDENTITY, identity):
        raise Invalid(
            "An identity has 1 to 48 characters, without colon or slash: “%(identity)s”.",
            identity=identity[:60],
        )
    if identity.casefold() in RESERVED_IDENTITIES:
        raise Invalid("No charger can be called %(identity)s.", identity=identity)
    for name, longest in _LONGEST.items():
        if len(cells.get(name, "")) > longest or not cells.get(name, "").isprintable():
            raise Invalid("The %(name)s has at most %(longest)s characters.", name=name, longest=longest)
    tariff = cells.get("tariff", "")
    if tariff and tariff.casefold() not in tariff_ids:
        raise Invalid("There is no tariff “%(tariff)s”.", tariff=tariff[:60])
    return Line(
        number,
        identity,
        name=cells.get("name") or None,
        site=cells.get("site") or None,
        location=cells.get("location") or None,
        position=_position(cells.get("latitude", ""), cells.get("longitude", "")),
        policy=_policy(cells.get("policy", "")),
        tariff_id=tariff_ids[tariff.casefold()] if tariff else None,
        tags=labels.read(cells.get("tags", "")),
    )


def _position(latitude: str, longitude: str) -> tuple[float, float] | None:
    if not latitude and not longitude:
        return None
    try:
        found = float(latitude.replace(",", ".")), float(longitude.replace(",", "."))
    except ValueError:
        raise Invalid("A position is a latitude and a longitude, in degrees such as 40.4168.") from None
    check_position(*found)
    return found


def _policy(text: str) -> AuthorizationPolicy | None:
    try:
        return AuthorizationPolicy(text.casefold()) if text else None
    except ValueError:
        raise Invalid(
            "Who may charge is %(authorizationpolicy)s, and not “%(text)s”.",
            authorizationpolicy=", ".join(AuthorizationPolicy),
            text=text[:40],
        ) from None


def _known(session: Session, lines: Sequence[Line]) -> dict[str, Charger]:
    folded = [x.identity.casefold() for x in lines]
    query = select(Charger).where(Charger.identity_folded.in_(folded)).options(selectinload(Charger.tags))
    return {x.identity_folded: x for x in session.scalars(query)}


def store(session: Session, sheet: Sheet, *, at: datetime) -> None:
    """Keep every line. Raises Invalid when one of them is wrong: then nothing is to be kept."""
    if sheet.faults:
        raise Invalid("Nothing was kept: some lines are wrong.")
    places = {
        x: sites.named(session, x, at=at)[0].id for x in dict.fromkeys(y.site for y in sheet.lines) if x
    }
    for line in sheet.lines:
        charger = sheet.known.get(line.identity.casefold()) or _new(session, line, at)
        charger.name = line.name or charger.name
        charger.location = line.location or charger.location
        if line.position is not None:
            charger.latitude, charger.longitude = line.position
        charger.policy = line.policy or charger.policy
        charger.tariff_id = line.tariff_id or charger.tariff_id
        if line.site:
            stand_at(session, charger, places[line.site])
        if line.tags:
            labels.write(session, charger, line.tags)
        announce(session, charger.topic, charger.link_topic, "fleet")


def _new(session: Session, line: Line, at: datetime) -> Charger:
    policy = line.policy or AuthorizationPolicy.KNOWN
    return add(session, line.identity, admission=Admission.ACCEPTED, policy=policy, at=at)
