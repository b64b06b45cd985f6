"""What an administrator does from a shell: `flask --app wsgi create-user …`."""

from __future__ import annotations

import secrets
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import click
from alembic.script import ScriptDirectory
from flask import Flask, current_app
from flask.cli import with_appcontext
from flask_migrate import upgrade

from config import Config
from csms import backups, clock, documents
from csms.api import tokens as api_tokens
from csms.compat.ov2xmp import dso as old_dso
from csms.domain import accounts, chargers, dso, security, verify
from csms.domain.accounts import Role
from csms.domain.base import DomainError
from csms.domain.chargers import Admission, AuthorizationPolicy, editing
from csms.extensions import db
from csms.imports.commands import import_arthexis, import_ocppbackend, import_ov2xmp, import_steve
from csms.ocpp import coverage
from csms.ocpp import trace as traces
from csms.ocpp.endpoint import DEFAULT_VERSION, VERSIONS
from csms.simulator import __main__ as simulator
from csms.web import setup
from csms.work import atomic

DEFAULT_USERNAME = "admin"
FIRST_CHARGERS = {"charger_1": "Tagmo3", "charger_2": "Zayed", "charger_3": "Shrouk"}


def register(app: Flask) -> None:
    """Hang the commands on the application."""
    app.cli.add_command(create_user, "create_user")  # as scripts of long ago call them
    app.cli.add_command(create_chargers, "create_chargers")
    app.cli.add_command(import_dso, "importer_dso")
    app.cli.add_command(build_readme, "build_readme")
    for command in (
        create_user,
        create_chargers,
        build_readme,
        setup_link,
        drop_second_factor,
        add_charger,
        sign_certificate,
        simulate,
        verify_data,
        backup,
        restore,
        show_config,
        show_coverage,
        trace,
        import_dso,
        import_ov2xmp,
        import_ocppbackend,
        import_arthexis,
        import_steve,
    ):
        app.cli.add_command(command)


@click.command("create-user")
@click.option("--username", help=f"{DEFAULT_USERNAME} when not given, with both tokens printed.")
@click.option(
    "--password",
    help="Asked for when not given, or made up if --username is not given either; - reads standard input.",
)
@click.option(
    "--role",
    type=click.Choice([x.value for x in Role]),
    help=f"{Role.OPERATOR.value} when not given, or {Role.OWNER.value} if --username is not given either.",
)
@click.option("--email")
@click.option("--tokens", is_flag=True, help="Print tokens of the JSON API; for somebody who is there, too.")
@with_appcontext
def create_user(
    username: str | None, password: str | None, role: str | None, email: str | None, tokens: bool
) -> None:
    """Add somebody who may log in."""
    role = role or (Role.OPERATOR if username else Role.OWNER).value
    with_tokens = tokens or username is None
    name = username or DEFAULT_USERNAME
    is_there = accounts.find_user(db.session(), name) is not None
    db.session.rollback()
    if not (with_tokens and is_there):
        _add_user(name, _password(password, may_be_made=username is None), role, email)
    if with_tokens:
        _print_tokens(name)


def _password(given: str | None, *, may_be_made: bool) -> str:
    """The password to set. Raises ClickException for one that is no good."""
    if given is None and may_be_made and not sys.stdin.isatty():
        given = secrets.token_urlsafe(12)
        click.echo(f"Password: {given}  (shown this once)")
    elif given is None:
        given = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    elif given == "-":
        given = sys.stdin.readline().rstrip("\r\n")
    problem = accounts.password_problem(given)
    if problem:
        raise click.ClickException(problem)
    return given


def _add_user(username: str, password: str, role: str, email: str | None) -> None:
    password_hash = accounts.hash_password(password)
    at = clock.now()
    try:
        with atomic() as session:
            user = accounts.create_user(session, username, password_hash, Role(role), at=at, email=email)
            accounts.audit(session, "shell", "create_user", at=at, subject=user.username, detail=role)
            name = user.username
    except DomainError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Added the {role} {name}.")


def _print_tokens(username: str) -> None:
    with atomic() as session:
        user = accounts.find_user(session, username)
        if user is None:
            raise click.ClickException(f"There is no user {username}.")
        pair = api_tokens.issue(session, user)
        accounts.audit(session, "shell", "issue_tokens", at=clock.now(), subject=user.username)
    click.echo(f"JWT Access Token >>>>   {pair.access}")
    click.echo(f"JWT Refresh Token >>>>   {pair.refresh}")


@click.command("create-chargers")
@with_appcontext
def create_chargers() -> None:
    """Register charger_1 to charger_3 with two connectors each, for trying things out."""
    at = clock.now()
    with atomic() as session:
        for identity, location in FIRST_CHARGERS.items():
            charger = chargers.find(session, identity)
            if charger is None:
                charger = chargers.add(
                    session, identity, admission=Admission.ACCEPTED, policy=AuthorizationPolicy.KNOWN, at=at
                )
                charger.location = location
                accounts.audit(session, "shell", "add_charger", at=at, subject=identity)
            for number in (1, 2):
                chargers.connector_of(session, charger.id, number)
    click.echo("Successfully created chargers")


@click.command("build-readme")
@with_appcontext
def build_readme() -> None:
    """Write README.md out of README.base.md and the README.md of each module."""
    config: Config = current_app.extensions["settings"]
    path = config.root / "README.md"
    path.write_text(documents.joined(config.root), encoding="utf-8")
    click.echo(f"Wrote {path}")


@click.command("setup-link")
@with_appcontext
def setup_link() -> None:
    """Print a new address at which the first owner is made. It works once, for half an hour."""
    url = setup.setup_url(current_app._get_current_object())  # type: ignore[attr-defined]
    if url is None:
        raise click.ClickException("There is a user already: log in, or add one with create-user.")
    click.echo(url)


@click.command("drop-second-factor")
@click.argument("username")
@with_appcontext
def drop_second_factor(username: str) -> None:
    """Let USERNAME in without a second factor: phone and recovery codes are lost."""
    with atomic() as session:
        user = accounts.find_user(session, username)
        if user is None:
            raise click.ClickException(f"There is no user {username}.")
        accounts.drop_factor(session, user)
        accounts.audit(session, "shell", "user.drop_factor", at=clock.now(), subject=user.username)
    click.echo(f"{username} has no second factor any more.")


@click.command("add-charger")
@click.argument("identity")
@click.option("--key", is_flag=True, help="Make a key for it and print it, this once.")
@click.option("--name", help="What people call it.")
@click.option(
    "--policy",
    type=click.Choice([x.value for x in AuthorizationPolicy]),
    default=AuthorizationPolicy.KNOWN.value,
    show_default=True,
    help="Who may charge.",
)
@with_appcontext
def add_charger(identity: str, key: bool, name: str | None, policy: str) -> None:
    """Register a charger, so that it is let in when it connects."""
    secret, at = None, clock.now()
    try:
        with atomic() as session:
            charger = chargers.add(
                session,
                identity,
                admission=Admission.ACCEPTED,
                policy=AuthorizationPolicy(policy),
                at=at,
                name=name,
            )
            if key:
                secret = editing.renew_key(session, charger, current_app.config["PEPPER"])
            accounts.audit(session, "shell", "add_charger", at=at, subject=identity)
    except DomainError as error:
        raise click.ClickException(str(error)) from None
    config: Config = current_app.extensions["settings"]
    click.echo(f"Address: {config.websocket_base_url}/ws/ocpp/{identity}")
    if secret is not None:
        click.echo(f"Key:     {secret}")


@click.command("sign-certificate")
@click.argument("identity")
@click.argument("request", type=click.File())
@with_appcontext
def sign_certificate(identity: str, request: TextIO) -> None:
    """Sign a charger's REQUEST (a file, - for standard input), and print the certificate with its chain."""
    at = clock.now()
    try:
        with atomic() as session:
            charger = chargers.find(session, identity)
            if charger is None:
                raise click.ClickException(f"No charger is called {identity}.")
            chain = security.sign_by_hand(
                session,
                charger,
                request.read(),
                current_app.extensions["authority"],
                organization=current_app.config["CPO_NAME"],
                at=at,
            )
            accounts.audit(session, "shell", "sign_certificate", at=at, subject=charger.identity)
    except DomainError as error:
        raise click.ClickException(str(error)) from None
    click.echo(chain, nl=False)


@click.command("simulate", context_settings={"ignore_unknown_options": True})
@click.argument("identity")
@click.option("--url", help="What stands before the identity; otherwise this installation's own address.")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@with_appcontext
def simulate(identity: str, url: str | None, options: tuple[str, ...]) -> None:
    """Run a charger in software until Ctrl-C. Other OPTIONS are those of `python -m csms.simulator`."""
    config: Config = current_app.extensions["settings"]
    address = url or f"ws{config.local_url.removeprefix('http')}/ws/ocpp"
    sys.exit(simulator.main([identity, "--url", address, *options]))


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
    migrations = str(config.root / "migrations")
    known = {x.revision for x in ScriptDirectory(migrations).walk_revisions()}
    try:
        about = backups.about_of(file)
        aside = backups.restore(file, known, replaces=replace)
    except backups.BackupFailed as error:
        raise click.ClickException(str(error)) from None
    upgrade(directory=migrations)
    with atomic() as session:
        accounts.audit(
            session, "shell", "backup.restored", at=clock.now(), subject=file.name, detail=about.made_at
        )
    click.echo(f"The database is as it was on {about.made_at}.")
    if aside is not None:
        click.echo(f"What was there before is in {aside}.")
    if about.key != backups.key_of(config.secret_key):
        click.echo(
            "It was made with another SECRET_KEY: everybody must log in again, chargers need new keys, and what it "
            "sealed (passwords for Odoo and simulators, secrets of webhooks, second factors) must be set anew."
        )


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
