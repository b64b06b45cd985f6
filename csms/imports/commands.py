"""`flask --app wsgi import-…`: taking over another system's data."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import accounts
from csms.extensions import db
from csms.imports import arthexis, ocppbackend, ov2xmp, steve
from csms.imports.dumps import Dump, Unreadable
from csms.imports.importer import Done, Importer
from csms.imports.records import Row
from csms.imports.rehearsal import rehearsed
from csms.imports.report import Report
from csms.imports.tables import Database, Folder, Unreachable
from csms.work import atomic

Command = Callable[..., Any]


@dataclass(frozen=True)
class How:
    """What every import can be told."""

    name: str | None
    dry_run: bool
    running_days: int
    report: TextIO | None


def _options(command: Command) -> Command:
    """The options of `How`."""
    name = click.option(
        "--name", help="What this installation is called, where several of its kind are taken over."
    )
    dry_run = click.option(
        "--dry-run", is_flag=True, help="Tell what would be taken over, and change nothing."
    )
    report = click.option(
        "--report", type=click.File("w"), help="Write what is left out to this file, as CSV."
    )
    days = click.option(
        "--running-days",
        type=click.IntRange(0, 100_000),
        default=3,
        show_default=True,
        help="A session without an end that has told nothing for so long is over.",
    )
    return name(dry_run(days(report(with_appcontext(command)))))


DUMP = click.argument("dump", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.command("import-ov2xmp")
@DUMP
@_options
def import_ov2xmp(dump: Path, **how: Any) -> None:
    """Take over ov2xmp-django from its DUMP (`manage.py dumpdata`)."""
    zone = current_app.extensions["settings"].time_zone.key
    _take("ov2xmp", lambda: ov2xmp.rows(Dump(dump), zone), How(**how))


@click.command("import-ocppbackend")
@DUMP
@_options
def import_ocppbackend(dump: Path, **how: Any) -> None:
    """Take over the OCPP Backend Module from its DUMP (`manage.py dumpdata`)."""
    _take("ocppbackend", lambda: ocppbackend.rows(Dump(dump)), How(**how))


@click.command("import-arthexis")
@DUMP
@_options
def import_arthexis(dump: Path, **how: Any) -> None:
    """Take over Arthexis from its DUMP (`manage.py dumpdata`)."""
    _take("arthexis", lambda: arthexis.rows(Dump(dump)), How(**how))


@click.command("import-steve")
@click.argument("source")
@click.option(
    "--ask-password", is_flag=True, help="Ask for the database's password: then it is in no history."
)
@_options
def import_steve(source: str, ask_password: bool, **how: Any) -> None:
    """Take over SteVe from SOURCE: its database (mysql://user@host/stevedb), or a folder of its tables as CSV files."""
    password = click.prompt("Password", hide_input=True) if ask_password else None
    _take("steve", lambda: _steve(source, password), How(**how))


def _steve(source: str, password: str | None) -> Iterator[Row]:
    if "://" not in source:
        yield from steve.rows(Folder(Path(source)))
        return
    with Database(source, password) as tables:
        yield from steve.rows(tables)


def _take(system: str, rows: Callable[[], Iterable[Row]], how: How) -> None:
    """Read, store, and tell. Ends with status 1 where there is nothing to read."""
    report, source, at = Report(), (how.name or system)[:40], clock.now()
    since = at - timedelta(days=how.running_days)
    try:
        if how.dry_run:
            with tempfile.TemporaryDirectory() as directory, rehearsed(db.engine, Path(directory)) as write:
                Importer(source, write, report, at=at, running_since=since).take(rows())
        else:
            Importer(source, _write, report, at=at, running_since=since).take(rows())
            with atomic() as session:
                accounts.audit(session, "shell", "import", at=at, subject=source, detail=report.summary)
    except (Unreadable, Unreachable) as error:
        raise click.ClickException(str(error)) from None
    except KeyError as error:
        told = f"A table has no column {error}: mend it and run this again. What is stored stays."
        raise click.ClickException(told) from None
    if how.report is not None:
        report.write(how.report)
    click.echo("\n".join(report.lines()))
    click.echo("Nothing was changed: this was a rehearsal." if how.dry_run else "Done. It may be run again.")


def _write(unit: Callable[[Session], list[Done]]) -> list[Done]:
    try:
        with atomic() as session:
            return unit(session)
    except BaseException:
        db.session.remove()  # what it made there is gone, and must not be taken for what comes next
        raise
