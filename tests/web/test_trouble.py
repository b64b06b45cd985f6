"""A station that does not react: what a driver may do, what nobody may do to another, and what the operator hears."""

from __future__ import annotations

from datetime import timedelta

import pytest
from make import store
from sqlalchemy import select

from csms import clock
from csms.domain import commands
from csms.domain.accounts import Role
from csms.domain.alerts import AlertKind, AlertRule, finding
from csms.domain.commands import Command, CommandState, Kind
from csms.domain.troubles import Trouble
from tests.web.visitor import told


def orders(site):
    site.session.rollback()
    return site.session.scalars(select(Command).order_by(Command.requested_at)).all()


def settle(site, state):
    [order] = orders(site)
    order.state = state
    store(site.session)


def test_the_page_of_a_station_leads_there(visitor, site):
    site.status("Preparing")
    assert f"/c/{site.slug}/trouble" in visitor().text(f"/c/{site.slug}")


@pytest.mark.parametrize(
    ("state", "words"),
    [(CommandState.ACCEPTED, "It answers"), (CommandState.TIMEOUT, "It does not answer")],
)
def test_the_station_is_asked_how_it_is_and_the_page_says_what_came(visitor, site, state, words):
    site.status("Preparing")
    driver = visitor()
    assert driver.post(f"/c/{site.slug}/trouble/ask").status_code == 303
    [order] = orders(site)
    assert (order.kind, order.arguments) == (Kind.TRIGGER, {"message": "StatusNotification", "evse": 1})
    assert "It is being asked" in driver.text(f"/c/{site.slug}/trouble")
    settle(site, state)
    assert words in driver.text(f"/c/{site.slug}/trouble/state")


def test_a_station_that_is_not_connected_is_not_asked(visitor, site):
    site.charger.lease.online_until = None
    store(site.session)
    driver = visitor()
    assert "It is not connected" in driver.text(f"/c/{site.slug}/trouble")
    answer = driver.post(f"/c/{site.slug}/trouble/ask")
    assert answer.status_code == 409
    assert "cannot be reached now" in told(answer)


def test_asking_ends_after_three_times(visitor, site):
    answers = [visitor().post(f"/c/{site.slug}/trouble/ask").status_code for _ in range(4)]
    assert answers == [303, 303, 303, 429]


def test_only_whoever_has_just_charged_has_the_plug_released(visitor, site):
    transaction = site.begin(at=site.now - timedelta(minutes=30))
    own = visitor().log_in(Role.DRIVER, site.account.id)
    assert own.post(f"/c/{site.slug}/trouble/release").status_code == 403  # it still charges
    site.end(transaction, 9_000, site.now - timedelta(minutes=1))
    site.status("Finishing")
    assert "Release the plug" not in visitor().text(f"/c/{site.slug}/trouble").replace(
        'aria-label="Release', ""
    )
    assert visitor().post(f"/c/{site.slug}/trouble/release").status_code == 403
    assert orders(site) == []
    assert own.post(f"/c/{site.slug}/trouble/release").status_code == 303
    [order] = orders(site)
    assert (order.kind, order.arguments) == (Kind.UNLOCK, {"evse": 1})


def test_the_plug_is_not_released_long_afterwards(visitor, site):
    transaction = site.begin(at=site.now - timedelta(hours=3))
    site.end(transaction, 9_000, site.now - timedelta(hours=1))
    own = visitor().log_in(Role.DRIVER, site.account.id)
    assert own.post(f"/c/{site.slug}/trouble/release").status_code == 403


def test_what_a_driver_tells_comes_to_the_operators_list_and_is_counted(visitor, site):
    driver = visitor()
    for words in ("", "The screen is dark"):
        given = {"kind": "no_start", "words": words}
        assert driver.post(f"/c/{site.slug}/trouble/tell", given).status_code == 303
    assert "The operator was told at" in driver.text(f"/c/{site.slug}/trouble")
    operator = visitor().log_in(Role.SUPPORT)
    page = operator.text("/ui/")
    assert "a driver cannot start, told 2 times" in page
    assert "The screen is dark" in page
    site.session.rollback()
    [trouble] = site.session.scalars(select(Trouble)).all()
    assert operator.post(f"/chargers/troubles/{trouble.id}/close").status_code == 302
    assert "a driver cannot start" not in operator.text("/ui/")
    assert "The operator was told" not in driver.text(f"/c/{site.slug}/trouble")


def test_a_rule_tells_of_it(visitor, site):
    visitor().post(f"/c/{site.slug}/trouble/tell", {"kind": "stuck"})
    site.session.rollback()
    rule = AlertRule(kind=AlertKind.TROUBLE, after_minutes=0)
    [found] = finding.find(site.session, rule, clock.now())
    assert found.title == "A driver says that Plaza AC-2 does not react"


def test_what_is_the_matter_has_to_be_one_of_the_list(visitor, site):
    assert visitor().post(f"/c/{site.slug}/trouble/tell", {"kind": "explosion"}).status_code == 422


def test_drivers_close_nothing(visitor, site):
    driver = visitor().log_in(Role.DRIVER, site.account.id)
    driver.post(f"/c/{site.slug}/trouble/tell", {"kind": "stuck"})
    site.session.rollback()
    [trouble] = site.session.scalars(select(Trouble)).all()
    assert driver.post(f"/chargers/troubles/{trouble.id}/close").status_code == 404


def test_a_start_that_failed_leads_on(visitor, site):
    site.status("Preparing")
    driver = visitor()
    asked = driver.post(f"/c/{site.slug}/start", {"method": "card", "card": "04A2B39F"}).location
    settle(site, commands.CommandState.TIMEOUT)
    assert f"/c/{site.slug}/trouble" in driver.text(asked)
