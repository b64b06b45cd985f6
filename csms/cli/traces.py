"""Traces of a charger's wire."""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import click
from flask.cli import with_appcontext

from csms.domain import chargers
from csms.extensions import db
from csms.ocpp import trace as traces
from csms.ocpp.endpoint import DEFAULT_VERSION, VERSIONS


class Moment(click.ParamType[datetime]):
    """A day or a moment; without a zone it is meant in UTC."""

    name = "moment"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value} is no moment: write 2026-03-14 or 2026-03-14T09:00:00Z", param, ctx)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


@click.group("trace")
def trace() -> None:
    """What went over a charger's wire, as a file; and such a file played again."""


@trace.command("export")
@click.argument("identity", metavar="CHARGER")
@click.option("--since", type=Moment(), help="From when on; a session that ran then is told from its start.")
@click.option("--until", type=Moment(), help="Before when.")
@click.option(
    "--anonymise", is_flag=True, help="Made-up names for the charger, cards, serials and addresses."
)
@with_appcontext
def export_trace(identity: str, since: datetime | None, until: datetime | None, anonymise: bool) -> None:
    """Print a charger's frames and sessions, a JSON object a line."""
    session = db.session()
    charger = chargers.find(session, identity)
    if charger is None:
        raise click.ClickException(f"There is no charger {identity}.")
    lines = traces.recorded(session, charger, protocol=DEFAULT_VERSION, since=since, until=until)
    for line in traces.anonymous(lines) if anonymise else lines:
        click.echo(line.model_dump_json())


@trace.command("replay")
@click.argument("file", type=click.File())
@click.option("--against", type=click.File(), help="Compare with the sessions in this file, not in FILE.")
@click.option("--keep", type=click.File("w"), help="Write what becomes of the sessions to this file.")
def replay_trace(file: TextIO, against: TextIO | None, keep: TextIO | None) -> None:
    """Play a trace against an empty database, and print which sessions turn out otherwise than it says.

    Ends with status 1 if one does. Nothing of this installation is read or changed.
    """
    try:
        lines = traces.read_lines(file)
        expected = traces.read_lines(against) if against else lines
        with tempfile.TemporaryDirectory() as directory:
            found = traces.replayed(lines, VERSIONS, Path(directory))
    except traces.Unreadable as error:
        raise click.ClickException(str(error)) from None
    for line in found if keep else ():
        click.echo(line.model_dump_json(), keep)
    told = traces.differences([x for x in expected if isinstance(x, traces.SessionLine)], found)
    for sentence in told:
        click.echo(sentence)
    if told:
        sys.exit(1)
    click.echo(f"{len(found)} sessions, all as they were.")
