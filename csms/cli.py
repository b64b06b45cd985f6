"""What an administrator does from a shell: `flask --app wsgi create-user …`."""

from __future__ import annotations

import sys

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from config import Config
from csms import clock
from csms.domain import accounts, chargers, verify
from csms.domain.accounts import Role
from csms.domain.base import DomainError
from csms.domain.chargers import Admission, AuthorizationPolicy, editing
from csms.extensions import db
from csms.simulator import __main__ as simulator
from csms.web import setup
from csms.work import atomic


def register(app: Flask) -> None:
    """Hang the commands on the application."""
    for command in (create_user, setup_link, add_charger, simulate, verify_data, show_config):
        app.cli.add_command(command)


@click.command("create-user")
@click.option("--username", required=True)
@click.option("--password", help="Asked for when not given; - reads it from standard input.")
@click.option(
    "--role", type=click.Choice([x.value for x in Role]), default=Role.OPERATOR.value, show_default=True
)
@click.option("--email")
@with_appcontext
def create_user(username: str, password: str | None, role: str, email: str | None) -> None:
    """Add somebody who may log in."""
    if password is None:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    elif password == "-":  # noqa: S105  no password: where to read it
        password = sys.stdin.readline().rstrip("\r\n")
    problem = accounts.password_problem(password)
    if problem:
        raise click.ClickException(problem)
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


@click.command("setup-link")
@with_appcontext
def setup_link() -> None:
    """Print a new address at which the first owner is made. It works once, for half an hour."""
    url = setup.setup_url(current_app._get_current_object())  # type: ignore[attr-defined]
    if url is None:
        raise click.ClickException("There is a user already: log in, or add one with create-user.")
    click.echo(url)


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


@click.command("config")
@with_appcontext
def show_config() -> None:
    """Print the settings as they are; secrets are not shown."""
    config: Config = current_app.extensions["settings"]
    for name, declared in Config.settings():
        value = getattr(config, name)
        shown = ("(set)" if value else "(empty)") if declared.secret else getattr(value, "value", value)
        click.echo(f"{declared.name}={shown}")
