"""API keys: what a program can do with one, and what it cannot."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from make import make_charger, store
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import accounts, sites
from csms.domain.accounts import ApiKey, AuditEntry, Role, User
from csms.domain.sites import Site
from tests.api.caller import Api, begin


def made(owner: Api, *scopes: str, **more: Any) -> tuple[Api, dict[str, Any]]:
    """A caller with a new key, and what was told of it."""
    answer = owner.post("/api-keys", {"name": "Billing", "scopes": scopes or ["read"], **more})
    assert answer.status_code == 201, answer.json
    return owner.but_with(answer.json["key"]), answer.json


@pytest.fixture
def garage(session: Session) -> Site:
    """CP-1 stands in the garage, CP-2 elsewhere, and SIM-1 is simulated."""
    at = clock.now()
    garage = sites.add(session, sites.Details(name="Garage"), at=at)
    make_charger(session, "CP-1", at=at, online=True).site_id = garage.id
    make_charger(session, "CP-2", at=at, online=True)
    make_charger(session, "SIM-1", at=at, online=True, is_simulated=True)
    store(session)
    return garage


def test_a_key_reads_and_is_noted(owner, garage, session):
    api, told = made(owner)
    assert told["key"].startswith(f"csms_live_{told['key_id']}_")
    assert {x["identity"] for x in api.get("/chargers").json["data"]} == {"CP-1", "CP-2", "SIM-1"}
    shown = owner.get(f"/api-keys/{told['id']}").json
    assert (shown["state"], shown["last_used_from"], "key" in shown) == ("good", "127.0.0.1", False)
    assert shown["last_used_at"] is not None
    stored = session.scalars(select(ApiKey)).one()
    assert told["key"].removeprefix(f"csms_live_{told['key_id']}_") not in str(vars(stored))


def test_a_key_is_changed_by_its_owner_and_not_by_itself(owner, garage):
    api, told = made(owner, "own")
    here = f"/api-keys/{told['id']}"
    assert api.patch(here, {"scopes": ["admin"]}).status_code == 403
    changed = owner.patch(here, {"scopes": ["read"], "site_uuids": [garage.uuid]}).json
    assert (changed["name"], changed["scopes"], changed["site_uuids"]) == ("Billing", ["read"], [garage.uuid])
    assert {x["identity"] for x in api.get("/chargers").json["data"]} == {"CP-1"}
    assert owner.patch(here, {"site_uuids": None}).json["site_uuids"] is None
    assert {x["identity"] for x in api.get("/chargers").json["data"]} == {"CP-1", "CP-2", "SIM-1"}
    made(owner, name="Other")
    assert "key Other already" in owner.patch(here, {"name": "Other"}).json["detail"]


def test_a_key_does_what_its_scopes_say_and_no_more(owner, garage):
    api, _ = made(owner, "read")
    refused = api.post("/chargers/CP-1/commands", {"action": "Reset", "payload": {"type": "Soft"}})
    assert (refused.status_code, refused.json["detail"]) == (
        403,
        "Without the scope operate this key may not do this.",
    )
    assert api.get("/users").status_code == 403
    assert api.get("/me").status_code == 403  # it is nobody's own
    assert made(owner, "own", name="Directory")[0].get("/users").status_code == 200


def test_a_key_can_do_no_more_than_who_made_it_and_ends_with_them(owner, session, garage):
    api, told = made(owner, "read", "admin")
    assert api.get("/webhooks").status_code == 200
    begin(session)
    user = session.scalars(select(User)).one()
    user.role = Role.READ_ONLY
    store(session)
    assert api.get("/webhooks").status_code == 403
    assert api.get("/chargers").status_code == 200
    begin(session)
    session.get_one(User, user.id).is_enabled = False
    store(session)
    assert api.get("/chargers").status_code == 401
    begin(session)
    accounts.create_user(session, "other", None, Role.OWNER, at=clock.now())
    accounts.remove_user(session, session.get_one(User, user.id), at=clock.now())
    store(session)
    assert session.scalars(select(ApiKey)).all() == []


def test_what_a_key_does_bears_its_name_in_the_audit(owner, session, garage):
    api, _ = made(owner, "read", "operate")
    order = {"action": "Reset", "payload": {"type": "Soft"}}
    assert api.post("/chargers/CP-1/commands", order).json["requested_by"] == "key Billing"
    session.rollback()
    noted = {x.action: x for x in session.scalars(select(AuditEntry))}
    assert noted["command"].actor == "key Billing"
    assert noted["api_key.added"].subject == "Billing"


def test_a_key_for_a_site_sees_and_orders_nothing_of_others(owner, garage):
    api, _ = made(owner, "read", "operate", site_uuids=[garage.uuid])
    assert [x["identity"] for x in api.get("/chargers").json["data"]] == ["CP-1"]
    assert api.get("/chargers/CP-2").status_code == 404
    order = {"action": "Reset", "payload": {"type": "Soft"}}
    theirs = owner.post("/chargers/CP-2/commands", order).json["id"]
    assert api.post("/chargers/CP-2/commands", order).status_code == 404
    assert api.patch("/chargers/CP-2", {"name": "Mine"}).status_code == 404
    mine = api.post("/chargers/CP-1/commands", order).json["id"]
    assert api.get(f"/commands/{mine}").status_code == 200
    assert api.get(f"/commands/{theirs}").status_code == 404
    assert {x["charger"] for x in api.get("/commands").json["data"]} == {"CP-1"}
    assert [x["name"] for x in api.get("/sites").json["data"]] == ["Garage"]
    for path in ("/id-tokens", "/tariffs", "/alerts", "/reports/sessions"):
        assert api.get(path).status_code in (200, 403), path
        assert not (api.get(path).json or {}).get("data"), path


def test_a_key_whose_site_is_gone_sees_nothing(owner, session):
    site = sites.add(session, sites.Details(name="Gone"), at=clock.now())
    make_charger(session, "CP-1", at=clock.now())
    store(session)
    api, _ = made(owner, site_uuids=[site.uuid])
    assert owner.delete(f"/sites/{site.uuid}").status_code == 204
    assert api.get("/chargers").json["data"] == []


def test_a_test_key_sees_simulated_chargers_alone(owner, garage):
    api, told = made(owner, "read", "operate", is_test=True)
    assert told["key"].startswith("csms_test_")
    assert [x["identity"] for x in api.get("/chargers").json["data"]] == ["SIM-1"]
    order = {"action": "Reset", "payload": {"type": "Soft"}}
    assert api.post("/chargers/SIM-1/commands", order).status_code == 202
    assert api.post("/chargers/CP-1/commands", order).status_code == 404
    assert api.get("/sites").json["data"] == []


def test_a_secret_is_renewed_while_the_old_one_goes_on(owner, garage, session):
    api, told = made(owner)
    renewed = owner.post(f"/api-keys/{told['id']}/rotate", {"overlap_s": 3600}).json
    assert renewed["key_id"] == told["key_id"]
    newer = owner.but_with(renewed["key"])
    assert api.get("/chargers").status_code == newer.get("/chargers").status_code == 200
    begin(session)
    session.scalars(select(ApiKey)).one().old_until = clock.now() - timedelta(seconds=1)
    store(session)
    assert api.get("/chargers").status_code == 401
    assert newer.get("/chargers").status_code == 200
    at_once = owner.post(f"/api-keys/{told['id']}/rotate", {"overlap_s": 0}).json
    assert newer.get("/chargers").status_code == 401
    assert owner.but_with(at_once["key"]).get("/chargers").status_code == 200


def test_a_key_that_is_revoked_over_or_made_up_opens_nothing(owner, garage, session):
    api, told = made(owner)
    wrong = told["key"][:-1] + ("a" if told["key"][-1] != "a" else "b")
    assert owner.but_with(wrong).get("/chargers").status_code == 401
    begin(session)
    session.scalars(select(ApiKey)).one().expires_at = clock.now() - timedelta(seconds=1)
    store(session)
    assert api.get("/chargers").json["code"] == "bad_key"
    other, told = made(owner, name="Other")
    assert owner.delete(f"/api-keys/{told['id']}").status_code == 204
    assert other.get("/chargers").status_code == 401
    assert owner.get(f"/api-keys/{told['id']}").json["state"] == "revoked"


def test_guessing_keys_is_slowed_down(owner, stranger):
    api, _ = made(owner)
    guess = stranger.but_with("csms_live_aaaaaaaaaaaa_" + "x" * 43)
    answers = [guess.get("/chargers").status_code for _ in range(31)]
    assert answers == [401] * 30 + [429]


def test_keys_that_make_no_sense_are_refused(owner, garage):
    def refused(**given: Any) -> Any:
        return owner.post("/api-keys", {"name": "x", "scopes": ["read"], **given}).json

    assert "only read and operate" in refused(scopes=["money"], is_test=True)["detail"]
    assert "is over already" in refused(expires_at="2020-01-01T00:00:00Z")["detail"]
    assert refused(scopes=["self"])["status"] == 422
    assert refused(site_uuids=["nowhere"])["status"] == 404
    made(owner)
    assert refused(name="Billing")["status"] == 409


def test_a_key_makes_no_keys(owner):
    api, told = made(owner, "own")
    assert api.get("/api-keys").status_code == 200
    assert api.post("/api-keys", {"name": "Second", "scopes": ["own"]}).status_code == 403
    assert api.post(f"/api-keys/{told['id']}/rotate", {}).status_code == 403


def test_a_key_repeats_nobody_elses_request(owner, garage):
    same = {"headers": {"Idempotency-Key": "once"}}
    site = {"name": "North"}
    assert owner.post("/sites", site, **same).status_code == 201
    api, _ = made(owner, "read", "admin")
    answer = api.post("/sites", site, **same)
    assert (answer.status_code, "Idempotency-Replayed" in answer.headers) == (409, False)
    repeated = owner.post("/sites", site, **same)
    assert (repeated.status_code, repeated.headers["Idempotency-Replayed"]) == (201, "true")


def test_a_key_is_not_told_a_second_time(owner):
    wanted = {"name": "Once", "scopes": ["read"]}
    same = {"headers": {"Idempotency-Key": "key-1"}}
    assert owner.post("/api-keys", wanted, **same).status_code == 201
    assert owner.post("/api-keys", wanted, **same).json["code"] == "idempotency_secret"


def test_the_description_tells_of_keys(client):
    document = client.get("/api/openapi.json").json
    assert document["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"
    assert {"apiKey": []} in document["security"]
