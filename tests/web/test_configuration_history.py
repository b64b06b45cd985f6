"""What a charger's keys were before, on its Configuration tab, and the way back to it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from make import make_charger, store
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import chargers, commands
from csms.domain.accounts import Role
from csms.domain.chargers import Charger
from csms.domain.chargers.changes import MOST_KEPT
from csms.domain.chargers.models import ConfigurationChange
from csms.domain.commands import Kind


@pytest.fixture
def box(session: Session) -> Charger:
    return make_charger(session, "BOX-1", at=clock.now(), online=True)


def keep(
    session: Session, box: Charger, name: str, value: str | None, at: datetime | None = None, **how: object
) -> None:
    chargers.store_configuration(session, box, [(name, value, False)], at=at or clock.now(), **how)
    store(session)


def test_only_what_changed_has_a_history(session, box):
    for value in ("300", "300", "900"):
        keep(session, box, "HeartbeatInterval", value)
    keep(session, box, "ResetRetries", "3")
    past = chargers.changes_of(session, box.id)
    assert {name: [(x.old_value, x.new_value) for x in found] for name, found in past.items()} == {
        "HeartbeatInterval": [("300", "900")]
    }


def test_of_a_key_that_always_changes_the_newest_are_kept(session, box):
    keep(session, box, "ResetRetries", "3")
    keep(session, box, "ResetRetries", "5")
    for number in range(MOST_KEPT + 5):
        keep(session, box, "Uptime", str(number))
    past = chargers.changes_of(session, box.id)
    assert len(past["Uptime"]) == MOST_KEPT
    assert past["Uptime"][0].new_value == str(MOST_KEPT + 4)
    assert len(past["ResetRetries"]) == 1


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("AuthorizationKey", "SECRET-1", "SECRET-2"),
        ("authorizationkey", "SECRET-1", "SECRET-2"),
        ("LogServer", "ftp://box:SECRET-1@logs.example", "ftp://logs.example"),
    ],
)
def test_secrets_have_no_history(session, box, name, old, new):
    keep(session, box, name, old)
    keep(session, box, name, new)
    assert not chargers.changes_of(session, box.id)


def test_the_history_tells_the_newest_first_and_who_set_it(visitor, session, box):
    begun_at = clock.now() - timedelta(hours=2)
    keep(session, box, "HeartbeatInterval", "300", begun_at)
    keep(session, box, "HeartbeatInterval", "900", begun_at + timedelta(hours=1), is_set=True, by="mia")
    keep(session, box, "HeartbeatInterval", "60", begun_at + timedelta(hours=2))
    page = visitor().log_in().text(f"/chargers/{box.id}/configuration")
    assert page.index("900 → 60") < page.index("told by the charger") < page.index("300 → 900")
    assert page.index("300 → 900") < page.index("set by mia")


def test_a_key_is_set_back_by_an_order_as_any_other(visitor, session, box):
    keep(session, box, "HeartbeatInterval", "300")
    keep(session, box, "HeartbeatInterval", "900")
    olga = visitor().log_in()
    assert "Set back to 300" in olga.text(f"/chargers/{box.id}/configuration")
    form = {"kind": "change_configuration", "name": "HeartbeatInterval", "value": "300"}
    assert olga.post(f"/chargers/{box.id}/commands", form).status_code == 302
    order = commands.recent(session, limit=1)[0]
    assert (order.kind, order.arguments["value"]) == (Kind.CHANGE_CONFIGURATION, "300")


def test_whoever_may_only_look_sees_the_history_and_sets_nothing_back(visitor, session, box):
    keep(session, box, "HeartbeatInterval", "300")
    keep(session, box, "HeartbeatInterval", "900")
    page = visitor().log_in(Role.READ_ONLY).text(f"/chargers/{box.id}/configuration")
    assert "300 → 900" in page
    assert "Set back" not in page


def test_what_cannot_be_written_is_not_set_back(visitor, session, box):
    keep(session, box, "Model", "Solo")
    chargers.store_configuration(session, box, [("Model", "Duo", True)], at=clock.now())
    store(session)
    page = visitor().log_in().text(f"/chargers/{box.id}/configuration")
    assert "Solo → Duo" in page
    assert "Set back" not in page


def test_the_history_goes_with_its_charger(visitor, session):
    box = make_charger(session, "BOX-2", at=clock.now())
    keep(session, box, "HeartbeatInterval", "300")
    keep(session, box, "HeartbeatInterval", "900")
    visitor().log_in().post(f"/chargers/{box.id}/delete")
    session.rollback()
    assert session.scalar(select(func.count()).select_from(ConfigurationChange)) == 0


def test_what_a_charger_has_becomes_a_template_for_others(session, box, visitor):
    box.vendor, box.model = "Vessel", "Quay 22"
    for name, value, is_readonly in (
        ("HeartbeatInterval", "900", False),
        ("NumberOfConnectors", "2", True),
        ("AuthorizationKey", "0123456789abcdef0123", False),
    ):
        chargers.store_configuration(session, box, [(name, value, is_readonly)], at=clock.now())
    store(session)
    olga = visitor().log_in()
    assert f"/configuration/new?charger={box.id}" in olga.text(f"/chargers/{box.id}/configuration")
    form = olga.text(f"/configuration/new?charger={box.id}")
    assert ">HeartbeatInterval = 900</textarea>" in form
    assert 'value="Quay 22"' in form
    assert 'value="Like BOX-1"' in form
    assert olga.get("/configuration/new?charger=4711").status_code == 404
    for nonsense in ("²", "CP-1", "9" * 30):
        assert olga.get(f"/configuration/new?charger={nonsense}").status_code == 200
