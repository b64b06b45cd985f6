"""Refused connections, for programs."""

from __future__ import annotations

from make import NOW, make_charger, store
from sqlalchemy.orm import Session

from csms.domain import chargers
from csms.domain.accounts import Role
from csms.domain.chargers import RefusalCause
from tests.api.caller import Api


def refuse(session: Session, identity: str, cause: RefusalCause = RefusalCause.UNKNOWN_CHARGER) -> None:
    chargers.note_attempt(
        session,
        identity=identity,
        address="192.0.2.7",
        cause=cause,
        path=f"/ws/ocpp/{identity}",
        detail="No charger is called so.",
        remedy="Add it.",
        status_code=404,
        at=NOW,
    )
    store(session)


def test_a_charger_that_was_refused_is_let_in_and_its_attempt_forgotten(session: Session, owner: Api) -> None:
    refuse(session, "BOX-9")
    (attempt,) = owner.get("/attempts").json["data"]
    assert (attempt["identity"], attempt["cause"], attempt["count"]) == ("BOX-9", "unknown_charger", 1)
    admitted = owner.post(f"/attempts/{attempt['id']}/admit")
    assert admitted.status_code == 201
    assert (admitted.json["admission"], admitted.json["policy"]) == ("accepted", "known")
    assert owner.get(admitted.headers["Location"].removeprefix("/api/v1")).status_code == 200
    assert owner.delete(f"/attempts/{attempt['id']}").status_code == 204
    assert owner.get("/attempts").json["data"] == []
    assert owner.post(f"/attempts/{attempt['id']}/admit").status_code == 404


def test_letting_in_is_no_cure_for_a_wrong_password(session: Session, owner: Api, as_role: object) -> None:
    make_charger(session, "BOX-9")
    refuse(session, "BOX-9", RefusalCause.WRONG_CREDENTIAL)
    (attempt,) = owner.get("/attempts").json["data"]
    assert owner.post(f"/attempts/{attempt['id']}/admit").status_code == 409
    reader: Api = as_role(Role.READ_ONLY)  # type: ignore[operator]
    assert reader.post(f"/attempts/{attempt['id']}/admit").status_code == 403
