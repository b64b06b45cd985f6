"""Quiet mode: what nobody ordered is not sent, neither asked for before it nor in it."""

from __future__ import annotations

import pytest
from make import NOW, Wire, store
from orders import take
from sqlalchemy import select

from csms.domain import commands, quiet
from csms.domain.chargers import Charger
from csms.domain.commands import CommandState, Kind


def by_itself(wire: Wire) -> commands.Command:
    return commands.request(
        wire.session, wire.charger, Kind.GET_CONFIGURATION, {}, by=None, at=NOW, is_automatic=True
    )


def test_what_happens_by_itself_is_refused_and_what_somebody_orders_is_sent(wire: Wire) -> None:
    quiet.switch(wire.session, is_on=True, at=NOW)
    with pytest.raises(quiet.Hushed, match="quiet mode"):
        by_itself(wire)
    commands.request(wire.session, wire.charger, Kind.CLEAR_CACHE, {}, by="olga", at=NOW)
    store(wire.session)
    order = take(wire)
    assert order is not None
    assert order.action == "ClearCache"


def test_what_was_queued_before_quiet_mode_is_not_sent_in_it(wire: Wire) -> None:
    command = by_itself(wire)
    quiet.switch(wire.session, is_on=True, at=NOW)
    store(wire.session)
    assert take(wire) is None
    wire.session.refresh(command)
    assert (command.state, command.detail) == (CommandState.CANCELLED, "Not sent: quiet mode has begun.")


@pytest.mark.parametrize(
    ("is_installation_quiet", "is_charger_quiet", "is_sent"),
    [
        (False, None, True),
        (True, None, False),
        (True, False, True),
        (False, True, False),
    ],
)
def test_a_charger_may_be_set_otherwise_than_the_installation(
    wire: Wire, is_installation_quiet: bool, is_charger_quiet: bool | None, is_sent: bool
) -> None:
    quiet.switch(wire.session, is_on=is_installation_quiet, at=NOW)
    wire.charger.is_quiet = is_charger_quiet
    store(wire.session)
    due = wire.session.scalars(select(Charger.id).where(quiet.may_be_asked(wire.session, NOW))).all()
    assert bool(due) is is_sent
    assert quiet.is_quiet(wire.session, wire.charger) is not is_sent
