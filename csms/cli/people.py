"""Who may log in: users, the link to set up, second factors."""

from __future__ import annotations

import secrets
import sys

import click
from flask import current_app
from flask.cli import with_appcontext

from csms import clock
from csms.api import tokens as api_tokens
from csms.domain import accounts
from csms.domain.accounts import Role
from csms.domain.base import DomainError
from csms.extensions import db
from csms.web import setup
from csms.work import atomic

DEFAULT_USERNAME = "admin"


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
    role = role or (Role.OWNER if username is None else Role.OPERATOR).value
    with_tokens = tokens or username is None
    name = DEFAULT_USERNAME if username is None else username
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
        raise click.ClickException(str(problem))
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
