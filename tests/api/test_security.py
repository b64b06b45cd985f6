"""Security by the API: profiles, keys, certificates and events of chargers."""

from __future__ import annotations

from flask import Flask
from make import make_charger, store
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import security
from csms.domain.chargers import Charger, keys
from csms.domain.security import EventReport
from tests import pki
from tests.api.caller import Api, begin


def arrange(session: Session) -> Charger:
    begin(session)
    return make_charger(session, "CP-1", at=clock.now(), online=True, serial_number="SN-1")


def test_a_charger_tells_how_safe_it_is(session: Session, owner: Api) -> None:
    arrange(session)
    told = owner.get("/chargers/CP-1/security").json
    assert (told["security_profile"], told["has_key"], told["key_is_changing"]) == (0, False, False)
    assert owner.patch("/chargers/CP-1/security", {"security_profile": 2}).status_code == 409
    assert owner.patch("/chargers/CP-1/security", {"security_profile": 4}).status_code == 422
    assert owner.patch("/chargers/CP-1/security", {"security_profile": 3}).json["security_profile"] == 3


def test_a_key_is_sent_and_told_once(app: Flask, session: Session, owner: Api) -> None:
    charger = arrange(session)
    answer = owner.post("/chargers/CP-1/key/rotate")
    assert answer.status_code == 202
    session.rollback()
    session.refresh(charger)
    assert keys.matches(charger.next_key_hash or "", answer.json["key"].encode(), app.config["PEPPER"])
    assert answer.json["key"] not in owner.get("/commands").get_data(as_text=True)
    assert owner.get("/chargers/CP-1/security").json["key_is_changing"] is True
    assert owner.post("/chargers/CP-1/key/rotate").status_code == 409


def test_a_key_that_is_ordered_in_the_words_of_ocpp_counts_as_well(
    app: Flask, session: Session, owner: Api
) -> None:
    charger = arrange(session)
    payload = {"key": "AuthorizationKey", "value": "AB" * 20}
    order = {"action": "ChangeConfiguration", "payload": payload}
    assert owner.post("/chargers/CP-1/commands", order).status_code == 202
    session.rollback()
    session.refresh(charger)
    assert keys.matches(charger.next_key_hash or "", b"AB" * 20, app.config["PEPPER"])


def test_certificates_are_asked_for_installed_and_listed(app: Flask, session: Session, owner: Api) -> None:
    app.extensions["authority"] = pki.authority_of
    arrange(session)
    asked = owner.post("/chargers/CP-1/certificates/renew")
    assert asked.status_code == 202
    assert owner.get(f"/commands/{asked.json['id']}").json["state"] == "queued"
    assert owner.post("/chargers/CP-1/certificates/read", {"use": "manufacturer"}).status_code == 202
    root = {"use": "central_system", "certificate": pki.authority_of().pem}
    assert owner.post("/chargers/CP-1/certificates", root).status_code == 202
    assert owner.post("/chargers/CP-1/certificates", root | {"certificate": "x"}).status_code == 422
    assert owner.delete("/chargers/CP-1/certificates/9").status_code == 404
    assert owner.get("/certificates/authority").json["certificate"] == pki.authority_of().pem
    listed = owner.get("/certificates/roots").json["data"]
    assert [x["subject"] for x in listed] == ["CN=Amberline CA,O=Amberline"]
    assert owner.delete(f"/certificates/roots/{listed[0]['id']}").status_code == 204


def test_what_was_signed_is_listed_with_its_end(session: Session, owner: Api) -> None:
    charger = arrange(session)
    begin(session)
    at = clock.now()
    assert security.ask_for_signature(session, charger, pki.csr("SN-1"), organization="Amberline", at=at)
    security.sign_due(session, pki.authority_of, at=at)
    store(session)
    (told,) = owner.get("/certificates?charger=cp-1").json["data"]
    assert told["state"] == "sent"
    assert told["certificate"].startswith("-----BEGIN CERTIFICATE-----")
    assert owner.get("/certificates?expires_before=2020-01-01T00:00:00Z").json["data"] == []
    assert owner.get("/chargers/CP-1/security").json["certificates"][0]["subject"] == "CN=SN-1,O=Amberline"


def test_events_are_listed_and_looked_at(session: Session, owner: Api) -> None:
    charger = arrange(session)
    begin(session)
    for kind in ("MemoryExhaustion", "InvalidMessages"):
        security.note_event(session, charger.id, EventReport(kind, None, clock.now(), kind), at=clock.now())
    store(session)
    assert len(owner.get("/security-events").json["data"]) == 2
    (critical,) = owner.get("/security-events?critical=true&charger=CP-1").json["data"]
    assert (critical["type"], critical["is_open"]) == ("MemoryExhaustion", True)
    assert owner.post("/chargers/CP-1/security-events/acknowledge").status_code == 204
    assert owner.get("/security-events?critical=true").json["data"][0]["is_open"] is False
