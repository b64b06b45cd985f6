"""ov2xmp-django: people, their profiles, new passwords, mails."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import LedgerKind, Role
from csms.domain.mail import Mail
from tests.api.caller import begin, store
from tests.compat.near import Near

MARTA = {
    "username": "marta",
    "password": "four quite new words",
    "first_name": "Marta",
    "last_name": "Ruiz",
    "email": "marta@example.org",
}


@pytest.fixture
def near(app: Flask, session: Session) -> Near:
    return Near(app, session)


@pytest.fixture
def is_open(app: Flask) -> None:
    """Anybody may sign up, and mails go out."""
    given = replace(app.extensions["settings"], sign_up=True, smtp_url="smtp://mail.example.org")
    app.extensions["settings"] = given


def as_marta(near: Near) -> Near:
    asked = {"username": "marta", "password": MARTA["password"]}
    return Near(near.app, near.session, near.post("/api/token/", asked).json["access"])


def newest_mail(session: Session) -> Mail:
    session.rollback()
    session.expire_all()
    return session.scalars(select(Mail).order_by(Mail.id.desc())).first()


@pytest.mark.seed("000", "POST /api/user/create/")
def test_signing_up_makes_a_user_and_never_tells_the_password(near: Near, is_open: None) -> None:
    answer = near.post("/api/user/create/", MARTA)
    assert answer.status_code == 201
    assert answer.json == {x: y for x, y in MARTA.items() if x != "password"}
    assert near.post("/api/user/create", MARTA | {"username": "other"}).json == {
        "email": ["There is a user with this e-mail address already."]
    }
    assert "password" in near.post("/api/user/create/", MARTA | {"password": "short"}).json
    assert near.post("/api/user/create/", {"username": "x"}).json["email"] == ["This field is required."]


@pytest.mark.seed("000", "POST /api/user/create/")
def test_where_sign_up_is_closed_it_says_so(near: Near) -> None:
    assert near.post("/api/user/create/", MARTA).status_code == 403


@pytest.mark.seed("000", "/api/user/", "/api/user/<username>/")
def test_a_profile_is_read_and_changed_by_whose_it_is(near: Near, is_open: None, session: Session) -> None:
    near.post("/api/user/create/", MARTA)
    marta = as_marta(near)
    begin(session)
    account = accounts.find_user(session, "marta").account
    accounts.book(session, account, LedgerKind.TOP_UP, at=clock.now(), amount_cents=1_250)
    store(session)
    near.as_role(Role.OPERATOR)
    assert [x["user"]["username"] for x in marta.get("/api/user/").json] == ["marta"]
    told = marta.get("/api/user/MARTA/").json
    assert (told["credit_balance"], told["cc_number"], told["chargepoint_sockets"]) == (12.5, None, [])
    given = {"timezone": "Europe/Athens", "chargepoint_sockets": ["IEC_62196_T2"], "tariff_preference": 0.35}
    told = marta.call("PATCH", "/api/user/marta/", json=given).json
    assert {x: told[x] for x in given} == given
    assert marta.call("PUT", "/api/user/marta/", json=told).json == told
    assert marta.get("/api/user/?fields=timezone").json == [{"timezone": "Europe/Athens"}]
    assert marta.get("/api/user/near-operator/").status_code == 404
    assert marta.call("DELETE", "/api/user/marta/").status_code == 403


@pytest.mark.seed("000", "/api/user/<username>/")
def test_what_is_not_kept_is_refused_in_words(near: Near, is_open: None) -> None:
    near.post("/api/user/create/", MARTA)
    marta = as_marta(near)
    for given, field in (
        ({"cc_number": "4242424242424242"}, "cc_number"),
        ({"cc_expirydate": "12/30"}, "cc_expirydate"),
        ({"credit_balance": 1000}, "credit_balance"),
        ({"user": {"username": "root"}}, "username"),
        ({"timezone": "Mars/Phobos"}, "timezone"),
    ):
        answer = marta.call("PATCH", "/api/user/marta/", json=given)
        assert (answer.status_code, list(answer.json)) == (400, [field])
    assert marta.call("PATCH", "/api/user/marta/", json={"user": {"is_superuser": True}}).status_code == 403


@pytest.mark.seed("000", "/api/user/<username>/")
def test_an_owner_changes_and_removes_anybody(near: Near, is_open: None) -> None:
    near.post("/api/user/create/", MARTA)
    owner = near.as_role(Role.OWNER)
    assert {x["user"]["username"] for x in owner.get("/api/user/").json} == {"marta", "near-owner"}
    given = {"user": {"is_active": False, "password": "another quite long one"}}
    assert owner.call("PATCH", "/api/user/marta/", json=given).json["user"]["is_active"] is False
    assert (
        near.post("/api/token/", {"username": "marta", "password": "another quite long one"}).status_code
        == 401
    )
    assert owner.call("DELETE", "/api/user/near-owner/").status_code == 409
    assert owner.call("DELETE", "/api/user/marta/").status_code == 204
    assert owner.get("/api/user/marta/").status_code == 404


@pytest.mark.seed("000", "/api/user/password-reset/request/", "/api/user/password-reset/submit/")
def test_a_new_password_by_mail_once(near: Near, is_open: None, session: Session) -> None:
    near.post("/api/user/create/", MARTA)
    asked = [
        near.post("/api/user/password-reset/request/", {"email": x})
        for x in (MARTA["email"], "no@example.org")
    ]
    assert asked[0].status_code == asked[1].status_code == 200
    assert asked[0].json == asked[1].json
    token = re.search(r"/login/password/(\S+)", newest_mail(session).text)[1]
    new = "another quite long one"
    given: dict[str, Any] = {"token": token, "new_password": new, "confirm_password": new}
    submit = "/api/user/password-reset/submit/"
    assert list(near.post(submit, given | {"confirm_password": "x"}).json) == ["confirm_password"]
    short = {"new_password": "short", "confirm_password": "short"}
    assert list(near.post(submit, given | short).json) == ["new_password"]
    assert near.post(submit, given).status_code == 200
    assert near.post(submit, given).status_code == 400
    assert near.post("/api/token/", {"username": "marta", "password": new}).status_code == 200


@pytest.mark.seed("000", "POST /api/mailsending/")
def test_mails_are_the_owners_to_send(near: Near, is_open: None, session: Session) -> None:
    given = {
        "subject": "Works on Friday",
        "message": "The garage is closed.",
        "recipient_email": "a@example.org",
    }
    assert near.as_role(Role.OPERATOR).post("/api/mailsending/", given).status_code == 403
    owner = near.as_role(Role.OWNER)
    assert owner.post("/api/mailsending/", given).json == {"status": "Email sent successfully!"}
    assert newest_mail(session).text == "The garage is closed."
    assert "message" in owner.post("/api/mailsending/", given | {"message": "x" * 501}).json


@pytest.mark.seed("000", "POST /api/mailsending/")
def test_without_a_mail_server_it_says_so(near: Near) -> None:
    given = {"subject": "x", "message": "x", "recipient_email": "a@example.org"}
    assert near.as_role(Role.OWNER).post("/api/mailsending/", given).status_code == 500
