"""Coming in, staying in, and being kept out."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from flask import Flask
from make import store
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import AuditEntry, Role, User
from tests.api.caller import PASSWORD, Api, begin, make_user


@pytest.fixture
def olga(session: Session, password_hash: str) -> User:
    return make_user(session, Role.OPERATOR, password_hash, username="Olga")


def log_in(api: Api, password: str = PASSWORD, username: str = "olga") -> Any:
    return api.post("/token", {"username": username, "password": password})


def test_a_name_and_a_password_give_tokens_that_open_the_api(stranger: Api, olga: User) -> None:
    pair = log_in(stranger).json
    claims = json.loads(base64.urlsafe_b64decode(pair["access"].split(".")[1] + "=="))
    assert claims["username"] == "Olga"
    assert claims["role"] == "operator"
    assert claims["token_type"] == "access"
    assert claims["user_id"] == olga.id
    assert stranger.but_with(pair["access"]).get("/chargers").status_code == 200


def test_a_wrong_password_and_an_unknown_name_look_the_same(stranger: Api, olga: User) -> None:
    wrong, unknown = log_in(stranger, "wrong password"), log_in(stranger, username="nobody")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json["detail"] == unknown.json["detail"]


def test_a_password_is_taken_with_its_blanks(stranger: Api, session: Session) -> None:
    spaced = accounts.hash_password("  twelve and more  ")
    make_user(session, Role.OWNER, spaced, username="spaced")
    assert log_in(stranger, "  twelve and more  ", "spaced").status_code == 200
    assert log_in(stranger, "twelve and more", "spaced").status_code == 401


def test_a_disabled_user_stays_out_also_with_a_token_from_before(
    stranger: Api, session: Session, olga: User
) -> None:
    pair = log_in(stranger).json
    begin(session)
    olga.is_enabled = False
    store(session)
    assert log_in(stranger).status_code == 401
    assert stranger.but_with(pair["access"]).get("/chargers").status_code == 401
    assert stranger.post("/token/refresh", {"refresh": pair["refresh"]}).status_code == 401


def test_five_wrong_passwords_shut_the_door_for_that_account_and_address(
    stranger: Api, session: Session, olga: User, password_hash: str
) -> None:
    make_user(session, Role.OWNER, password_hash, username="other")
    assert [log_in(stranger, "wrong password").status_code for _ in range(5)] == [401] * 5
    shut = log_in(stranger)
    assert shut.status_code == 429
    assert 0 < int(shut.headers["Retry-After"]) <= 900
    assert log_in(stranger, username="other").status_code == 200


def test_a_refresh_token_is_exchanged_for_a_new_pair(stranger: Api, olga: User) -> None:
    first = log_in(stranger).json
    second = stranger.post("/token/refresh", {"refresh": first["refresh"]}).json
    assert second["refresh"] != first["refresh"]
    assert stranger.but_with(second["access"]).get("/chargers").status_code == 200


def test_a_refresh_token_used_twice_ends_all_that_came_of_its_log_in(stranger: Api, olga: User) -> None:
    first = log_in(stranger).json["refresh"]
    second = stranger.post("/token/refresh", {"refresh": first}).json["refresh"]
    assert stranger.post("/token/refresh", {"refresh": first}).status_code == 401
    assert stranger.post("/token/refresh", {"refresh": second}).status_code == 401


def test_a_revoked_log_in_cannot_be_refreshed(stranger: Api, olga: User) -> None:
    refresh = log_in(stranger).json["refresh"]
    assert stranger.post("/token/revoke", {"refresh": refresh}).status_code == 204
    assert stranger.post("/token/refresh", {"refresh": refresh}).status_code == 401


def test_a_new_password_ends_every_token(
    stranger: Api, session: Session, olga: User, password_hash: str
) -> None:
    pair = log_in(stranger).json
    begin(session)
    accounts.change_password(session, olga, password_hash, at=clock.now())
    store(session)
    assert stranger.but_with(pair["access"]).get("/chargers").status_code == 401
    assert stranger.post("/token/refresh", {"refresh": pair["refresh"]}).status_code == 401


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_token_that_we_did_not_sign_is_refused(app: Flask, stranger: Api, olga: User) -> None:
    good = log_in(stranger).json["access"]
    claims = jwt.decode(good, options={"verify_signature": False})
    secret = app.config["JWT_SECRET_KEY"]
    forgeries = [
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode(claims, "another key that is long enough to be one", algorithm="HS256"),
        jwt.encode(claims, secret * 2, algorithm="HS512"),
        jwt.encode(claims | {"exp": 1}, secret, algorithm="HS256"),
        jwt.encode(claims | {"aud": "another"}, secret, algorithm="HS256"),
        jwt.encode(claims | {"type": "refresh"}, secret, algorithm="HS256"),
        "nonsense",
    ]
    for forged in forgeries:
        answer = stranger.but_with(forged).get("/chargers")
        assert answer.status_code == 401
        assert answer.mimetype == "application/problem+json"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.sqlite_is_enough
def test_a_token_may_make_six_hundred_calls_a_minute(owner: Api) -> None:
    statuses = {owner.get("/chargers/none").status_code for _ in range(600)}
    assert statuses == {404}
    limited = owner.get("/chargers")
    assert limited.status_code == 429
    assert "Retry-After" in limited.headers


def test_log_ins_are_audited_the_failed_ones_too(stranger: Api, session: Session, olga: User) -> None:
    log_in(stranger, "wrong password")
    log_in(stranger)
    entries = session.execute(select(AuditEntry.action, AuditEntry.actor).order_by(AuditEntry.id)).all()
    assert [tuple(x) for x in entries] == [("login.failed", "olga"), ("login", "Olga")]


def test_logging_out_ends_the_access_token_too(stranger: Api, olga: User) -> None:
    pair, other = log_in(stranger).json, log_in(stranger).json
    assert stranger.post("/token/revoke", {"refresh": pair["refresh"]}).status_code == 204
    assert stranger.but_with(pair["access"]).get("/chargers").status_code == 401
    assert stranger.but_with(other["access"]).get("/chargers").status_code == 200


class TestSigningUp:
    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {"sign_up": True}

    def test_a_newcomer_becomes_a_driver_with_an_account(self, stranger: Api) -> None:
        given = {"username": "ada", "password": "a long enough password", "email": "ada@example.org"}
        answer = stranger.post("/sign-up", given)
        assert answer.status_code == 201
        me = stranger.but_with(answer.json["access"])
        assert me.get("/transactions").json["data"] == []
        assert me.get("/chargers").status_code == 403
        assert stranger.post("/sign-up", given).status_code == 409

    def test_a_password_that_anybody_would_try_is_refused(self, stranger: Api) -> None:
        answer = stranger.post("/sign-up", {"username": "ada", "password": "password"})
        assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/password")


def test_nobody_signs_up_where_it_is_not_open(stranger: Api) -> None:
    answer = stranger.post("/sign-up", {"username": "ada", "password": "a long enough password"})
    assert answer.status_code == 403
