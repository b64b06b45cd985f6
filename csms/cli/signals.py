"""Signals of a grid operator, from files."""

from __future__ import annotations

from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from csms import clock
from csms.compat.ov2xmp import dso as old_dso
from csms.domain import accounts, dso
from csms.domain.base import DomainError
from csms.work import atomic


@click.command("import-dso")
@click.option("--file", "name", help="One file, by its name in --path.")
@click.option("--all", "is_all", is_flag=True, help="Every dso_signals_*.json in --path.")
@click.option(
    "--path", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".", show_default=True
)
@with_appcontext
def import_dso(name: str | None, is_all: bool, path: Path) -> None:
    """Receive signals of a grid operator from files, as /api/dso/signal/ takes them. What is known already is left."""
    if (name is None) == (not is_all):
        raise click.UsageError("Give either --file or --all.")
    files = sorted(path.glob("dso_signals_*.json")) if is_all else [path / str(name)]
    for file in files:
        click.echo(f"{file.name}: {_import_signals(file)} received")


def _import_signals(file: Path) -> int:
    """How many signals of a file are new. Raises ClickException where one cannot be read: then none is kept."""
    currency, at, count = current_app.extensions["settings"].currency, clock.now(), 0
    try:
        notices = old_dso.read_signals(file.read_text())
        with atomic() as session:
            for notice in notices:
                if notice.number is not None and dso.find(session, notice.number) is not None:
                    continue
                signal = dso.receive(session, notice, currency=currency, by="shell", at=at)
                accounts.audit(session, "shell", "dso_signal.received", at=at, subject=signal.substation_id)
                count += 1
    except (OSError, UnicodeDecodeError, DomainError) as error:
        raise click.ClickException(f"{file.name}: {error}") from None
    return count
