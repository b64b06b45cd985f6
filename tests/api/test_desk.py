"""Notes, receipts, PINs and drivers' reports through the API."""

from __future__ import annotations

from typing import Any

import pytest
from make import NOW, make_charger, make_wire, store
from sqlalchemy import select
from sqlalchemy.orm import Session
from story import Story

from csms.domain import accounts, troubles
from csms.domain.accounts import IdToken, Role
from csms.domain.chargers import Connector
from csms.domain.transactions import Transaction
from csms.domain.troubles import TroubleKind
from tests.api.caller import Api, begin


@pytest.fixture
def story(session: Session) -> Story:
    begin(session)
    return Story(make_wire(session, make_charger(session, online=True)))


def test_notes_are_added_and_read(story: Story, owner: Api, session: Session) -> None:
    begin(session)
    here = f"/transactions/{story.start()}/notes"
    added = owner.post(here, {"text": "The cable was stuck."})
    assert (added.status_code, added.json["text"]) == (201, "The cable was stuck.")
    assert [x["text"] for x in owner.get(here).json["data"]] == ["The cable was stuck."]
    assert owner.post(here, {"text": ""}).status_code == 422


def test_a_receipt_is_there_once_the_session_is_over(
    story: Story, owner: Api, as_role: Any, session: Session
) -> None:
    begin(session)
    number = story.start(meter=1000)
    assert owner.get(f"/transactions/{number}/receipt").status_code == 409
    begin(session)
    story.stop(number, meter=2000)
    told = owner.get(f"/transactions/{number}/receipt").json
    assert told["pdf_url"] == f"{told['url']}.pdf"
    path = told["pdf_url"].partition("//")[2].partition("/")[2]
    session.rollback()
    assert owner.client.get(f"/{path}").mimetype == "application/pdf"
    assert as_role(Role.DRIVER).get(f"/transactions/{number}/receipt").status_code == 404
    secret = session.get_one(Transaction, number).secret
    assert told["url"].endswith(f"/s/{secret}/receipt")
    copy = as_role(Role.ACCOUNTANT).get(f"/transactions/{number}/receipt").json
    assert secret not in copy["url"]  # whoever is shown masked cards is not led to what the meter has signed
    path = copy["pdf_url"].partition("//")[2].partition("/")[2]
    session.rollback()
    assert owner.client.get(f"/{path}").mimetype == "application/pdf"


def test_a_pin_is_set_by_whoever_may_and_for_ones_own_card(
    owner: Api, as_role: Any, session: Session
) -> None:
    begin(session)
    account = accounts.open_account(session, "Ada", at=NOW)
    token = accounts.add_token(session, "04A2B39F", at=NOW, account_id=account.id)
    other = accounts.add_token(session, "04A2B400", at=NOW)
    store(session)
    token_id, other_id, account_id = token.id, other.id, account.id
    ada = as_role(Role.DRIVER, account_id)
    assert ada.call("PUT", f"/id-tokens/{token_id}/pin", json={"pin": "1234"}).status_code == 422
    assert ada.call("PUT", f"/id-tokens/{token_id}/pin", json={"pin": "7351"}).status_code == 204
    assert ada.call("PUT", f"/id-tokens/{other_id}/pin", json={"pin": "7351"}).status_code == 404
    session.rollback()
    assert session.get_one(IdToken, token_id).pin_hash
    assert owner.delete(f"/id-tokens/{token_id}/pin").status_code == 204
    session.rollback()
    assert session.get_one(IdToken, token_id).pin_hash is None


def test_what_drivers_tell_is_listed_and_closed(story: Story, owner: Api, session: Session) -> None:
    begin(session)
    connector = session.scalars(select(Connector)).first()
    assert connector is not None
    troubles.tell(session, connector, TroubleKind.STUCK, "The plug does not come out", at=NOW)
    store(session)
    [told] = owner.get("/troubles?is_open=true&charger=CP-1").json["data"]
    assert (told["charger"], told["kind"], told["count"]) == ("CP-1", "stuck", 1)
    closed = owner.post(f"/troubles/{told['id']}/close").json
    assert closed["closed_by"] is not None
    assert owner.get("/troubles?is_open=true").json["data"] == []
    assert len(owner.get("/troubles?is_open=false").json["data"]) == 1
    assert owner.post("/troubles/999/close").status_code == 404
