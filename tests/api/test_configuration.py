"""Desired configuration through the API."""

from __future__ import annotations

from make import make_charger, store
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import chargers
from csms.domain.configuration import queries
from tests.api.caller import Api, begin


def test_a_template_is_made_changed_and_forgotten(owner: Api) -> None:
    answer = owner.post("/configuration/templates", {"name": "Duo", "wanted": {"HeartbeatInterval": "900"}})
    assert answer.status_code == 201
    path = answer.headers["Location"].removeprefix("/api/v1")
    assert owner.get(path).json["apply"] == "never"
    changed = owner.patch(path, {"apply": "on_boot", "vendor": "volta"}).json
    assert (changed["apply"], changed["vendor"], changed["wanted"]) == (
        "on_boot",
        "volta",
        {"HeartbeatInterval": "900"},
    )
    assert owner.delete(path).status_code == 204
    assert owner.get("/configuration/templates").json == {"data": []}


def test_a_chargers_secret_is_nothing_for_a_template(owner: Api) -> None:
    answer = owner.post("/configuration/templates", {"name": "x", "wanted": {"authorizationkey": "1"}})
    assert answer.status_code == 422
    assert "own secret" in answer.json["detail"]


def test_what_differs_is_listed_and_applied(owner: Api, session: Session) -> None:
    begin(session)
    charger = make_charger(session, at=clock.now(), vendor="Volta")
    chargers.store_configuration(session, charger, [("HeartbeatInterval", "300", False)], at=clock.now())
    store(session)
    owner.post("/configuration/templates", {"name": "Duo", "wanted": {"HeartbeatInterval": "900"}})
    drift = owner.get("/configuration/drift").json["data"]
    assert [(x["charger"], x["keys"][0]["value"], x["keys"][0]["state"]) for x in drift] == [
        ("CP-1", "300", "differs")
    ]
    answer = owner.post("/chargers/CP-1/configuration", {"order": "apply"})
    assert answer.status_code == 202
    assert answer.json["is_apply_due"] is True
    assert answer.json["wanted"][0]["wanted"] == "900"


def test_nothing_to_apply_is_told(owner: Api, session: Session) -> None:
    begin(session)
    make_charger(session)
    answer = owner.post("/chargers/CP-1/configuration", {"order": "apply"})
    assert answer.status_code == 409
    assert "as its templates want it" in answer.json["detail"]


def test_a_template_is_told_without_passwords_and_keeps_them_when_it_is_sent_back(owner: Api) -> None:
    wanted = {"LogServer": "ftp://box:SECRET-1@logs.example/in"}
    answer = owner.post("/configuration/templates", {"name": "Duo", "wanted": wanted})
    path = answer.headers["Location"].removeprefix("/api/v1")
    shown = owner.get(path).json["wanted"]
    assert shown == {"LogServer": "ftp://box:…@logs.example/in"}
    changed = owner.patch(path, {"wanted": shown | {"HeartbeatInterval": "900"}})
    assert "SECRET" not in answer.text + changed.text + owner.get("/configuration/templates").text
    begin(owner.session)
    assert queries.templates(owner.session)[0].wanted == wanted | {"HeartbeatInterval": "900"}
