"""Cards and their drivers as lines of a table, to be read from a file and written to one. Pure.

What is written is read back as the same. A column that is not there says nothing; an empty cell says that there is
none.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

from csms.domain.accounts.models import Account, IdToken
from csms.domain.accounts.service import UID_LENGTH
from csms.domain.base import Invalid, is_mail_address
from csms.sentences import told

COLUMNS = (
    "number", "other_numbers", "label", "group", "last_day", "may_charge",
    "driver", "driver_email", "driver_id", "service",
)  # fmt: skip
MOST_LINES = 5000
YES, NO = {"yes", "y", "true", "1", "x"}, {"no", "n", "false", "0"}
LENGTHS = {"label": 80, "group": 20, "driver": 120, "driver_email": 254}


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number in the file, the cells of the columns that the file has, and what is wrong with it."""

    number: int
    cells: Mapping[str, str]
    expires_at: datetime | None = None
    problem: str | None = None

    @property
    def uid(self) -> str:
        return self.cells.get("number", "")

    @property
    def other_numbers(self) -> tuple[str, ...]:
        return tuple(self.cells.get("other_numbers", "").split())

    def says(self, column: str) -> bool:
        return column in self.cells

    def flag(self, column: str) -> bool | None:
        """None: the cell is empty, or there is none."""
        word = self.cells.get(column, "").casefold()
        return True if word in YES else False if word in NO else None


def read(text: str, zone: ZoneInfo) -> list[Line]:
    """The lines of a file with a head. Raises Invalid for what is no such file at all."""
    text = text.lstrip("\ufeff")
    first = text.partition("\n")[0]
    mark = max(";,\t", key=first.count)
    rows = csv.reader(StringIO(text), delimiter=mark)
    try:
        head = [x.strip().casefold().replace(" ", "_") for x in next(rows, [])]
        unknown = [x for x in head if x not in COLUMNS]
        if unknown or not {"number", "driver"} & set(head):
            raise _wrong_head(unknown)
        lines = [_line(rows.line_num, head, row, zone) for row in rows if any(x.strip() for x in row)]
    except csv.Error as error:
        raise Invalid(
            "Line %(line_num)s cannot be read: %(error)s.", "file", line_num=rows.line_num, error=error
        ) from error
    if len(lines) > MOST_LINES:
        raise Invalid(
            "%(lines)s lines are too many: give %(most_lines)s at a time.",
            "file",
            lines=len(lines),
            most_lines=MOST_LINES,
        )
    return lines


def _wrong_head(unknown: list[str]) -> Invalid:
    columns = ", ".join(COLUMNS)
    if not unknown or not unknown[0]:
        return Invalid(
            "The first line must name the columns: %(columns)s. Number or driver is needed.",
            "file",
            columns=columns,
        )
    return Invalid(
        "There is no column “%(unknown)s”. "
        "The first line must name the columns: %(columns)s. Number or driver is needed.",
        "file",
        unknown=unknown[0],
        columns=columns,
    )


def _line(number: int, head: list[str], row: list[str], zone: ZoneInfo) -> Line:
    cells = {name: _plain(value) for name, value in zip(head, row, strict=False)}
    if len(row) > len(head) and any(x.strip() for x in row[len(head) :]):
        problem = told("It has more cells than the first line: look for a stray separator.")
        return Line(number, cells, problem=problem)
    try:
        expires_at = _end_of(cells.get("last_day", ""), zone)
    except ValueError:
        return Line(number, cells, problem=told("Write the last day as 2027-12-31."))
    return Line(number, cells, expires_at, _problem(cells))


def _plain(value: str) -> str:
    """A cell without the sign that keeps a spreadsheet from reckoning with it."""
    value = value.strip()
    return value[1:] if value[:1] == "'" and value[1:2] in tuple("=+-@") else value


def _problem(cells: Mapping[str, str]) -> str | None:
    uid, email = cells.get("number", ""), cells.get("driver_email", "")
    if not uid and not cells.get("driver"):
        return told("Give the card's number, or a driver's name.")
    for one in (uid, *cells.get("other_numbers", "").split()):
        if len(one) > UID_LENGTH or not one.isprintable():
            return told(
                "A card's number has 1 to %(uid_length)s printable characters.", uid_length=UID_LENGTH
            )
        if "E+" in one.upper() and one[0].isdigit():
            return told("The spreadsheet has made a figure of the number: format the column as text.")
    for name in ("may_charge", "service"):
        if cells.get(name) and cells[name].casefold() not in YES | NO:
            return told("Write yes or no under %(column)s.", column=name)
    for name, most in LENGTHS.items():
        if len(cells.get(name, "")) > most:
            return told(
                "What stands under %(column)s is longer than %(most)s characters.", column=name, most=most
            )
    if email and not is_mail_address(email):
        return told("%(email)s is no e-mail address.", email=email)
    if cells.get("driver_id") and not cells["driver_id"].isdecimal():
        return told(
            "The driver's id is a whole number; leave it empty to go by the e-mail address or the name."
        )
    return None


def _end_of(day: str, zone: ZoneInfo) -> datetime | None:
    """The last moment of a day there, or the moment that is given in full. Raises ValueError."""
    if not day:
        return None
    if len(day) > len("2027-12-31"):
        moment = datetime.fromisoformat(day)
        return moment.replace(tzinfo=moment.tzinfo or zone).astimezone(UTC)
    return datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(), zone).astimezone(UTC)


def written(token: IdToken | None, account: Account | None, zone: ZoneInfo) -> Iterator[str]:
    """A card, or a driver without one, as the cells of a line."""
    yield token.uid if token else ""
    yield " ".join(x.uid for x in token.aliases) if token else ""
    yield (token.label or "") if token else ""
    yield (token.parent_uid or "") if token else ""
    yield _day(token.expires_at, zone) if token and token.expires_at else ""
    yield ("yes" if token.is_allowed else "no") if token else ""
    yield account.name if account else ""
    yield (account.email or "") if account else ""
    yield str(account.id) if account else ""
    yield ("yes" if account.is_service else "no") if account else ""


def _day(moment: datetime, zone: ZoneInfo) -> str:
    there = moment.astimezone(zone)
    if there.time() == time():
        return (there.date() - timedelta(days=1)).isoformat()
    return moment.isoformat()
