"""The installation: its settings and documents, whether its data add up, its backups."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from config import Config
from csms import backups, documents
from csms.domain import reports, verify
from csms.extensions import db
from csms.ocpp import coverage
from csms.ocpp.endpoint import VERSIONS
from csms.work import atomic


@click.command("build-readme")
@with_appcontext
def build_readme() -> None:
    """Write README.md out of README.base.md and the README.md of each module."""
    config: Config = current_app.extensions["settings"]
    path = config.root / "README.md"
    path.write_text(documents.joined(config.root), encoding="utf-8")
    click.echo(f"Wrote {path}")


@click.command("config")
@with_appcontext
def show_config() -> None:
    """Print the settings as they are; secrets are not shown."""
    config: Config = current_app.extensions["settings"]
    for name, declared in Config.settings():
        value = getattr(config, name)
        shown = ("(set)" if value else "(empty)") if declared.secret else getattr(value, "value", value)
        click.echo(f"{declared.name}={shown}")


@click.command("ocpp-coverage")
def show_coverage() -> None:
    """Print which messages are there, and which way, for each version of OCPP."""
    for protocol, version in VERSIONS.items():
        click.echo(f"## {protocol}\n\n{coverage.table(version)}")


@click.command("verify")
@with_appcontext
def verify_data() -> None:
    """Look for what must not be: energy, bills and credit that do not add up, a journal with gaps."""
    findings = verify.verify(db.session())
    for finding in findings:
        click.echo(finding)
    if findings:
        sys.exit(1)
    click.echo("Everything adds up.")


@click.command("recount-sessions")
@with_appcontext
def recount_sessions() -> None:
    """Count anew what sessions brought, when `verify` has found that reports count otherwise. The server may run."""
    with atomic() as session:
        count = reports.recount_sessions(session)
    click.echo(f"{count} registers are what the sessions say.")


@click.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@with_appcontext
def backup(file: Path | None) -> None:
    """Write the whole database to FILE, or among the backups in the instance directory. The server may be running."""
    try:
        made = backups.make(file)
    except backups.BackupFailed as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Wrote {made} ({made.stat().st_size / 1e6:.1f} MB). Keep the secret key with it.")


@click.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--replace", is_flag=True, help="Also where there are users already; what was there is kept aside."
)
@with_appcontext
def restore(file: Path, replace: bool) -> None:
    """Put the backup FILE in the place of the database, and bring it up to date. Stop the server first."""
    config: Config = current_app.extensions["settings"]
    try:
        restored = backups.restore(file, by="shell", replaces=replace)
    except backups.BackupFailed as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"The database is as it was on {restored.about.made_at}.")
    if restored.aside is not None:
        click.echo(f"What was there before is in {restored.aside}.")
    if restored.about.key != backups.key_of(config.secret_key):
        click.echo(
            "It was made with another SECRET_KEY: everybody must log in again, chargers need new keys, and what it "
            "sealed (passwords for Odoo and simulators, secrets of webhooks, second factors) must be set anew."
        )
