"""The administrator's commands, as a shell runs them."""

from __future__ import annotations

import pytest
from click.testing import Result
from cryptography import x509
from flask import Flask
from make import make_charger
from sqlalchemy.orm import Session

from csms.domain import accounts
from csms.extensions import db
from tests import pki

PASSWORD = "an amber line at dusk"


def run(app: Flask, *arguments: str, typed: str | None = None) -> Result:
    db.session.remove()
    return app.test_cli_runner().invoke(args=arguments, input=typed)


@pytest.mark.parametrize(
    ("password", "typed"),
    [
        ((f"--password={PASSWORD}",), None),
        ((), f"{PASSWORD}\n{PASSWORD}\n"),
        (("--password=-",), f"{PASSWORD}\n"),
    ],
)
def test_a_user_is_added_with_a_password_from_anywhere(
    app: Flask, password: tuple[str, ...], typed: str | None
) -> None:
    done = run(app, "create-user", "--username", "olga", "--role", "owner", *password, typed=typed)
    assert done.exit_code == 0, done.output
    user = accounts.find_user(db.session(), "olga")
    assert user is not None
    assert user.role is accounts.Role.OWNER
    assert accounts.password_matches(user.password_hash, PASSWORD)


def test_a_bad_password_and_a_taken_name_are_told(app: Flask) -> None:
    short = run(app, "create-user", "--username", "olga", "--password", "short")
    assert short.exit_code == 1
    assert "12 characters" in short.output
    run(app, "create-user", "--username", "olga", "--password", PASSWORD)
    again = run(app, "create-user", "--username", "Olga", "--password", PASSWORD)
    assert again.exit_code == 1
    assert "already" in again.output


def test_a_name_that_is_empty_adds_nobody(
    app: Flask,
) -> None:  # a variable that is not set, in somebody's script
    done = run(app, "create-user", "--username", "", "--password", PASSWORD)
    assert done.exit_code == 1
    assert accounts.find_user(db.session(), "admin") is None


def test_a_set_up_link_is_printed_while_there_is_no_user(app: Flask) -> None:
    assert run(app, "setup-link").output.startswith("http://charging.test/setup/")
    run(app, "create-user", "--username", "olga", "--password", PASSWORD)
    assert run(app, "setup-link").exit_code == 1


def test_a_charger_is_added_with_its_address_and_key(app: Flask) -> None:
    done = run(app, "add-charger", "CP-1", "--key", "--name", "Gate")
    assert "ws://charging.test/ws/ocpp/CP-1" in done.output
    assert len(done.output.split()[-1]) == 40
    assert run(app, "add-charger", "cp-1").exit_code == 1


def test_verify_is_content_with_sound_data_and_tells_what_is_wrong(app: Flask, session: Session) -> None:
    account = accounts.open_account(session, "Household", at=make_charger(session).created_at)
    session.commit()
    assert run(app, "verify").exit_code == 0
    account.balance_cents = 5
    session.commit()
    broken = run(app, "verify")
    assert broken.exit_code == 1
    assert "its balance" in broken.output


def test_settings_are_printed_without_secrets(app: Flask) -> None:
    printed = run(app, "config").output
    assert "PUBLIC_BASE_URL=http://charging.test" in printed
    assert "SECRET_KEY=(set)" in printed
    assert "k" * 43 not in printed


def test_a_charger_that_cannot_connect_gets_its_certificate_by_hand(app: Flask, session: Session) -> None:
    app.extensions["authority"] = pki.authority_of
    make_charger(session, "CP-1", serial_number="SN-1")
    session.rollback()
    done = run(app, "sign-certificate", "cp-1", "-", typed=pki.csr("SN-1", "Amberline"))
    assert done.exit_code == 0, done.output
    leaf, issuer = x509.load_pem_x509_certificates(done.output.encode())
    leaf.verify_directly_issued_by(issuer)
    wrong = run(app, "sign-certificate", "cp-1", "-", typed=pki.csr("SN-2"))
    assert wrong.exit_code == 1
    assert "serial number" in wrong.output
    assert "No charger is called" in run(app, "sign-certificate", "CP-2", "-", typed="").output
