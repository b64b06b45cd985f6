"""Chargers: registered, certified, simulated."""

from __future__ import annotations

import sys
from typing import TextIO

import click
from flask import current_app
from flask.cli import with_appcontext

from config import Config
from csms import clock
from csms.domain import accounts, chargers, security
from csms.domain.base import DomainError
from csms.domain.chargers import Admission, AuthorizationPolicy, editing
from csms.simulator import __main__ as simulator
from csms.work import atomic

FIRST_CHARGERS = {"charger_1": "Tagmo3", "charger_2": "Zayed", "charger_3": "Shrouk"}


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
