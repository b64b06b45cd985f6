"""The owner's first steps tick themselves, and go when they are done or put away."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from make import make_charger
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import sites, tariffs
from csms.domain.accounts import Role
from csms.domain.sites import Details
from tests.web.browser import Browser, logged_in, make_user, publish
from tests.web.site import PRICES


def _steps(browser: Browser) -> dict[str, bool]:
    """What is read, and whether it is ticked."""
    items = re.findall(r'<li( class="done")?>(.*?)</li>', browser.read("/dashboard/steps"), re.DOTALL)
    return {re.sub(r"<[^>]+>|\(done\)", "", words).strip(): bool(done) for done, words in items}


def _undone(browser: Browser) -> list[str]:
    return [words for words, is_done in _steps(browser).items() if not is_done]


def test_a_new_installation_has_them_all_before_it(session: Session, olga: Browser) -> None:
    assert _undone(olga) == [
        "Connect a charger of your own",
        "Give it a name and a place",
        "Set a price",
        "Print its label with the QR code",
        "Invite a colleague",
    ]
    assert "Invite a colleague" in olga.read("/")


def test_each_is_ticked_by_what_is_done(session: Session, olga: Browser) -> None:
    at = clock.now()
    charger = make_charger(session, "CP-1", at=at, online=True)
    charger.booted_at = at
    publish(session)
    page = olga.read("/ui/")
    assert "First steps" in page
    assert "1 of 5" in page
    assert f'href="/chargers/{charger.id}/settings">Give it a name and a place' in page
    charger.name, charger.site = "Depot 1", sites.add(session, Details(name="Depot"), at=at)
    tariffs.create(session, "Public", PRICES, at=at, is_default=True)
    publish(session)
    assert _undone(olga) == ["Print its label with the QR code", "Invite a colleague"]
    assert 'hx-post="/labels/printed"' in olga.read("/labels")
    assert olga.send("/labels/printed").status_code == 204
    make_user(session, "marta", Role.OPERATOR)
    assert _steps(olga) == {}
    assert "First steps" not in olga.read("/ui/")


def test_a_simulated_charger_is_none_of_ones_own(session: Session, olga: Browser) -> None:
    charger = make_charger(session, "SIM-0001", at=clock.now(), online=True, is_simulated=True, name="SIM")
    charger.booted_at, charger.location = clock.now(), "Here"
    publish(session)
    assert "0 of 5" in olga.read("/ui/")


def test_they_are_put_away_for_good(session: Session, olga: Browser) -> None:
    make_charger(session, "CP-1", at=clock.now(), online=True)
    publish(session)
    assert "First steps" in olga.read("/ui/")
    assert olga.send("/dashboard/steps/put-away").location == "/ui/"
    assert "The first steps are put away." in olga.read("/ui/")
    assert "of 5" not in olga.read("/ui/")
    assert "First steps: put aside" in olga.read("/settings/audit")


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.READ_ONLY])
def test_they_are_the_owners(app: Flask, session: Session, role: Role) -> None:
    make_charger(session, "CP-1", at=clock.now(), online=True)
    other = logged_in(app, session, role, "marta")
    assert "First steps" not in other.read("/ui/")
    assert other.open("/dashboard/steps").status_code == 404
