"""Users by the API, and what everybody may do with their own."""

from __future__ import annotations

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain.accounts import Role
from csms.domain.mail import Mail
from tests.api.caller import PASSWORD, Api

NEW = {"username": "marta", "role": "support", "email": "marta@example.org"}


def link_in(session: Session) -> str:
    session.rollback()
    session.expire_all()
    mail = session.scalars(select(Mail).order_by(Mail.id.desc())).first()
    assert mail is not None
    found = re.search(r"/login/\w+/(\S+)", mail.text or "")
    assert found
    return found[1]


def test_an_owner_invites_somebody_who_then_logs_in(owner: Api, stranger: Api, session: Session) -> None:
    added = owner.post("/users", NEW | {"is_invited": True})
    assert added.status_code == 201
    assert (added.json["has_password"], added.json["role"]) == (False, "support")
    assert link_in(session)
    path = f"/users/{added.json['id']}"
    assert owner.get("/users?q=MART").json["data"] == [added.json]
    assert owner.patch(path, {"password": "four quite new words"}).json["has_password"]
    given = {"username": "marta", "password": "four quite new words"}
    marta = stranger.but_with(stranger.post("/token", given).json["access"])
    assert marta.get("/me").json["username"] == "marta"
    assert owner.post(f"{path}/log-out").status_code == 204
    assert marta.get("/me").status_code == 401
    assert owner.get(f"{path}/log-ins").json == {"data": []}
    assert owner.delete(path).status_code == 204
    assert owner.get(path).status_code == 404


def test_an_owner_cannot_lock_all_owners_out(owner: Api) -> None:
    me = owner.get("/me").json
    assert owner.patch(f"/users/{me['id']}", {"role": "support"}).status_code == 409
    assert owner.patch(f"/users/{me['id']}", {"is_enabled": False}).status_code == 409
    assert owner.delete(f"/users/{me['id']}").status_code == 409


def test_ones_own_profile(as_role, session: Session) -> None:
    driver = as_role(Role.DRIVER)
    given = {"first_name": "Marta", "time_zone": "Europe/Madrid", "sockets": ["IEC_62196_T2"]}
    told = driver.patch("/me", given | {"email": "marta@example.org"}).json
    assert {x: told[x] for x in given} == given
    assert told["email_verified_at"] is None
    assert link_in(session)
    assert driver.patch("/me", {"role": "owner"}).status_code == 422
    wrong = driver.post("/me/password", {"old": "no", "password": "four quite new words"})
    assert wrong.json["errors"][0]["pointer"] == "/old"
    new = driver.post("/me/password", {"old": PASSWORD, "password": "four quite new words"})
    assert driver.get("/me").status_code == 401
    assert driver.but_with(new.json["access"]).get("/me").status_code == 200


def test_a_link_by_mail_gives_tokens_once(owner: Api, stranger: Api, session: Session) -> None:
    owner.post("/users", NEW)
    assert stranger.post("/sign-in-links", {"email": "MARTA@example.org"}).status_code == 202
    assert stranger.post("/sign-in-links", {"email": "nobody@example.org"}).status_code == 202
    given = {"token": link_in(session)}
    pair = stranger.post("/token/link", given)
    assert stranger.but_with(pair.json["access"]).get("/me").json["username"] == "marta"
    assert stranger.post("/token/link", given).status_code == 401


def test_a_new_password_by_mail(owner: Api, stranger: Api, session: Session) -> None:
    owner.post("/users", NEW)
    assert stranger.post("/password-links", {"email": "marta@example.org"}).status_code == 202
    given = {"token": link_in(session), "password": "four quite new words"}
    assert stranger.post("/passwords", given | {"password": "short"}).status_code == 422
    assert stranger.post("/passwords", given).status_code == 204
    assert stranger.post("/passwords", given).status_code == 422
    assert stranger.post("/token", {"username": "marta", "password": given["password"]}).status_code == 200
