"""Arthexis: Odoo instances, against a small server that answers as Odoo does."""

from __future__ import annotations

import json
import xmlrpc.client
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain.accounts import Role
from csms.domain.odoo import OdooInstance
from tests.compat.near import Near
from tests.web.visitor import Visitor, told
from tests.web_server import Requests, WebServer

KEY, PASSWORD = "a1b2c3d4e5", "swordfish"
Reply = tuple[int, str]


class Odoo(WebServer):
    """What the server answers: `json2` and `xmlrpc` are told path, headers and body."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], str]] = []
        self.json2: Callable[[dict[str, str]], Reply] = _json2
        self.xmlrpc: Callable[[str], Reply] = _xmlrpc
        self.location = ""
        odoo = self

        class Handler(Requests):
            def do_POST(self) -> None:  # noqa: N802  the library's name
                body = self.body()
                odoo.asked.append((self.path, dict(self.headers), body))
                is_json2 = self.path == "/json/2/res.users/context_get"
                status, text = odoo.json2(dict(self.headers)) if is_json2 else odoo.xmlrpc(body)
                self.reply(status, text, **({"Location": odoo.location} if odoo.location else {}))

        super().__init__(Handler)


def _json2(headers: dict[str, str]) -> Reply:
    """Odoo 19, which takes API keys."""
    if headers["Authorization"] != f"bearer {KEY}":
        return 401, json.dumps({"name": "werkzeug.exceptions.Unauthorized", "message": "Invalid apikey"})
    return 200, json.dumps({"lang": "en_US", "tz": "UTC", "uid": 2})


def _xmlrpc(body: str) -> Reply:
    (_, _, password, _), method = xmlrpc.client.loads(body)
    assert method == "authenticate"
    user_id = 2 if password in (KEY, PASSWORD) else False
    return 200, xmlrpc.client.dumps((user_id,), methodresponse=True)


def absent(_: object) -> Reply:
    return 404, "not here"


@pytest.fixture
def odoo() -> Iterator[Odoo]:
    with Odoo() as odoo:
        yield odoo


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"private_targets": getattr(request, "param", True)}


@pytest.fixture
def clerk(app: Flask, session: Session) -> Near:
    return Near(app, session).as_role(Role.OPERATOR)


def entered(clerk: Near, odoo: Odoo, password: str = KEY, **more: Any) -> int:
    given = {"name": "Books", "url": odoo.url, "database": "prod", "username": "olga", "password": password}
    answer = clerk.post("/api/v1/odoo-instances", given | more)
    assert answer.status_code == 201, answer.text
    assert "password" not in answer.text
    return int(answer.json["id"])


@pytest.mark.seed("003", "/odoo/test/<id>/")
def test_odoo_test_lets_in_by_api_key_and_tells_what_is_wrong(clerk: Near, odoo: Odoo) -> None:
    known = entered(clerk, odoo)
    for method, slash in (("GET", "/"), ("POST", "")):
        answer = clerk.call(method, f"/odoo/test/{known}{slash}")
        assert (answer.status_code, answer.json) == (200, {"detail": "success"})
    (_, headers, body), *_ = odoo.asked
    assert (headers["Authorization"], headers["X-Odoo-Database"], body) == (f"bearer {KEY}", "prod", "{}")
    wrong = clerk.get(f"/odoo/test/{entered(clerk, odoo, 'guess')}/")
    assert (wrong.status_code, wrong.json) == (401, {"detail": "invalid credentials"})
    assert clerk.get("/odoo/test/999/").status_code == 404
    odoo.json2 = lambda _: (500, "sorry")
    broken = clerk.get(f"/odoo/test/{known}/")
    assert (broken.status_code, broken.json) == (400, {"detail": "The server answered with 500."})


def test_older_servers_and_passwords_are_tested_by_xml_rpc(clerk: Near, odoo: Odoo) -> None:
    by_password = entered(clerk, odoo, PASSWORD)
    assert clerk.get(f"/odoo/test/{by_password}/").status_code == 200
    odoo.json2 = absent
    assert clerk.get(f"/odoo/test/{by_password}/").status_code == 200
    tested = clerk.post(f"/api/v1/odoo-instances/{by_password}/test").json
    assert (tested["check_result"], tested["check_interface"]) == ("success", "XML-RPC")
    assert clerk.get(f"/odoo/test/{entered(clerk, odoo, 'guess')}/").status_code == 401
    fault = xmlrpc.client.dumps(xmlrpc.client.Fault(1, 'database "prod" does not exist'))
    odoo.xmlrpc = lambda _: (200, fault)
    assert clerk.get(f"/odoo/test/{by_password}/").json == {"detail": 'database "prod" does not exist'}
    odoo.xmlrpc = lambda _: (200, "<html>no xml")
    assert "No Odoo" in clerk.get(f"/odoo/test/{by_password}/").json["detail"]
    odoo.xmlrpc = absent
    assert "No Odoo" in clerk.get(f"/odoo/test/{by_password}/").json["detail"]


def test_redirects_are_told_and_not_followed(clerk: Near, odoo: Odoo) -> None:
    known = entered(clerk, odoo)
    odoo.json2, odoo.location = (lambda _: (302, "")), "http://169.254.169.254/"
    answer = clerk.get(f"/odoo/test/{known}/")
    assert answer.status_code == 400
    assert "http://169.254.169.254/" in answer.json["detail"]
    assert len(odoo.asked) == 1


@pytest.mark.parametrize("settings", [False], indirect=True)
def test_addresses_of_private_networks_are_not_asked(clerk: Near, odoo: Odoo) -> None:
    for url in (
        odoo.url,
        odoo.url.replace("127.0.0.1", "localhost"),
        odoo.url.replace("127.0.0.1", "[::ffff:127.0.0.1]"),
    ):
        answer = clerk.get(f"/odoo/test/{entered(clerk, odoo, url=url)}/")
        assert answer.status_code == 400, url
        assert "no public address" in answer.json["detail"]
    assert odoo.asked == []


def test_link_local_addresses_are_never_asked(clerk: Near, odoo: Odoo) -> None:
    known = entered(clerk, odoo, url="http://169.254.169.254")
    assert "no public address" in clerk.get(f"/odoo/test/{known}/").json["detail"]


@pytest.mark.seed("003", "Odoo instances")
def test_odoo_instances_keep_their_secret_encrypted(clerk: Near, odoo: Odoo, session: Session) -> None:
    known = entered(clerk, odoo)
    stored = session.scalars(select(OdooInstance)).one()
    assert KEY not in stored.password_sealed
    address = f"/api/v1/odoo-instances/{known}"
    moved = clerk.call("PATCH", address, json={"url": "http://127.0.0.1:9"})
    assert moved.status_code == 422  # the password would go where it was not meant to go
    assert clerk.call("PATCH", address, json={"name": "Ledger"}).json["name"] == "Ledger"
    assert clerk.get(f"/odoo/test/{known}/").status_code == 200
    assert clerk.call("PATCH", address, json={"url": "ftp://x"}).status_code == 422
    gone = clerk.call("PATCH", address, json={"url": "http://127.0.0.1:9", "password": KEY})
    assert gone.json["check_result"] is None
    assert "cannot be reached" in clerk.get(f"/odoo/test/{known}/").json["detail"]
    assert clerk.call("DELETE", address).status_code == 204
    assert clerk.get("/api/v1/odoo-instances").json["data"] == []


def test_only_those_who_may_edit_test_and_see_the_page(app: Flask, session: Session, odoo: Odoo) -> None:
    near = Near(app, session)
    assert near.get("/odoo/test/1/").status_code == 401
    assert near.as_role(Role.SUPPORT).get("/odoo/test/1/").status_code == 403


def test_an_odoo_server_is_entered_and_tested_on_the_page(app: Flask, session: Session, odoo: Odoo) -> None:
    olga = Visitor(app, session).log_in(Role.OPERATOR)
    form = {"name": "Books", "url": f"{odoo.url}/", "database": "prod", "username": "olga"}
    assert "Enter the API key" in told(olga.post("/odoo", form))
    assert olga.post("/odoo", form | {"password": KEY}).status_code == 302
    known = session.scalars(select(OdooInstance)).one().id
    assert "Not tested" in olga.text("/odoo")
    olga.post(f"/odoo/{known}/test")
    assert "Lets us in" in olga.text("/odoo")
    assert olga.post(f"/odoo/{known}", form | {"name": "Ledger"}).status_code == 302
    assert KEY not in olga.text(f"/odoo/{known}")
    olga.post(f"/odoo/{known}/remove")
    assert "No Odoo server yet" in olga.text("/odoo")
