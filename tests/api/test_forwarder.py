"""Second backends, for programs."""

from __future__ import annotations

from typing import Any

import pytest
from make import NOW, make_charger, store
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain import forwarding
from csms.domain.accounts import Role
from csms.domain.forwarding import Forwarder
from tests.api.caller import Api

pytestmark = pytest.mark.sqlite_is_enough
PATH = "/chargers/CP-1/forwarder"
GIVEN = {"url": "wss://93.184.215.14/ocpp", "identity": "THERE-7", "password": "open sesame over there"}


def test_a_program_sets_up_a_second_backend_changes_pauses_and_removes_it(
    session: Session, owner: Api
) -> None:
    make_charger(session)
    assert owner.get(PATH).status_code == 404
    made = owner.call("PUT", PATH, json=GIVEN)
    assert made.status_code == 200, made.text
    told = made.json
    assert (told["identity"], told["has_password"], told["state"]) == ("THERE-7", True, "waiting")
    assert (told["permits"], told["waiting"], told["sent"]) == ([], 0, 0)
    assert "sesame" not in made.text
    changed = owner.call(
        "PUT", PATH, json={"url": GIVEN["url"], "permits": ["stop"], "traffic": ["sessions"]}
    )
    assert (changed.json["identity"], changed.json["has_password"]) == ("CP-1", True)
    assert (changed.json["permits"], changed.json["traffic"]) == (["stop"], ["sessions"])
    assert owner.post(f"{PATH}/pause").json["is_paused"] is True
    assert owner.post(f"{PATH}/resume", {"from_now": True}).json["is_paused"] is False
    assert owner.call("PUT", PATH, json=GIVEN | {"password": ""}).json["has_password"] is False
    assert owner.delete(PATH).status_code == 204
    assert owner.get(PATH).status_code == 404


@pytest.mark.parametrize(
    "given",
    [{"url": "ws://127.0.0.1:9"}, {"url": "http://x.org"}, {"permits": ["everything"]}, {"pass": "x"}],
)
def test_what_cannot_be_is_refused(session: Session, owner: Api, given: dict[str, object]) -> None:
    make_charger(session)
    assert owner.call("PUT", PATH, json=GIVEN | given).status_code == 422
    session.rollback()
    assert session.scalars(select(Forwarder)).all() == []


def test_who_may_only_look_sees_its_cards_masked(session: Session, as_role: Any) -> None:
    charger = make_charger(session)
    wish = forwarding.Wish("wss://csms.example.org", "THERE-7", cards=("04A2B39F11",))
    row = forwarding.set_up(session, charger, wish, password_sealed=None, at=NOW)
    forwarding.compare(row, frame_id=7, action="Authorize", ours="Accepted", theirs="Invalid", at=NOW)
    store(session)
    told = as_role(Role.READ_ONLY).get(PATH).json
    assert told["cards"] == ["04•••11"]
    [one] = told["differences"]
    assert (one["frame"], one["ours"], one["theirs"]) == (7, "Accepted", "Invalid")
