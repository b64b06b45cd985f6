"""The outbox of the API: the owner's alone, and without what the mails say."""

from __future__ import annotations

from dataclasses import replace

from flask import Flask
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import mail
from tests.api.caller import Api, begin, store


def test_a_mail_is_stored_and_then_told_of(app: Flask, owner: Api) -> None:
    mail_settings = replace(app.extensions["settings"], smtp_url="smtp://mail.example.org")
    app.extensions["settings"] = mail_settings
    given = {"recipient": "marta@example.org", "subject": "Works on Friday", "text": "The garage is closed."}
    answer = owner.post("/mails", given)
    assert answer.status_code == 202
    told = owner.get(answer.headers["Location"].removeprefix("/api/v1")).json
    assert (told["state"], told["recipient"], told["kind"]) == ("queued", "marta@example.org", "own")
    assert "garage" not in owner.get("/mails").text
    assert owner.get("/mails?state=queued&q=MARTA").json["data"] == [told]
    assert owner.post(f"/mails/{told['id']}/retry").status_code == 200
    assert owner.post("/mails", given | {"recipient": "nobody"}).status_code == 422


def test_without_a_server_it_says_so(owner: Api, session: Session) -> None:
    given = {"recipient": "marta@example.org", "subject": "Hello", "text": "x"}
    assert owner.post("/mails", given).status_code == 503
    begin(session)
    mail.queue(session, "marta@example.org", "Hello", "x", kind="test", at=clock.now())
    store(session)
    told = owner.get("/mails").json
    assert (told["has_server"], len(told["data"])) == (False, 1)
