"""ov2xmp-django: the examples of its document, as they stand."""

from __future__ import annotations

import json

import jwt
import pytest
import requests

from csms.domain.accounts import Role
from tests.compat import documents
from tests.compat.conftest import PASSWORD, USERNAME, Script, make_script
from tests.desk import Desk
from tests.live import LiveServer
from tests.nursery import ForkedServer

SWAGGER = "http://ov2xmp.trsc.net:8000/api"
ADMIN = "http://ov2xmp.trsc.net:8000/admin"
TOKEN = "/api/token/"
RESULT = """
{
    "refresh": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCIsImV4cCI6MTY5MzM4NjEzMSwiaWF0IjoxNj\
kzMjk5NzMxLCJqdGkiOiJhZjdjZWZmNmVkYTk0ZjljOTY0YTQ0NDljYmQ3NDE2OCIsInVzZXJfaWQiOjF9.kVQ1N8NH2RMkQBE1fbEAC7RwqDPD-nlKZboz\
xuTmPlQ",
    "access": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIiwiZXhwIjoxNjk1ODkxNzMxLCJpYXQiOjE2OTM\
yOTk3MzEsImp0aSI6IjlkNjkyNTU2ZWYzMDQ3YTFiZDg0Mzc5ZTZiMzJiMTExIiwidXNlcl9pZCI6MX0.up0gL5vhVlTMkQ1qRgrxIXo4rUbZl1N4tzlA4\
7O4PxA"
}
"""


@pytest.fixture(scope="module")
def live(sqlite_server: ForkedServer) -> LiveServer:
    return sqlite_server


@pytest.fixture(scope="module")
def script(live: LiveServer) -> Script:
    desk = Desk(live)
    made = make_script(live, desk, Role.OPERATOR)
    desk.close()
    return made


@pytest.mark.seed("000", "POST /api/token/", "GET /api")
def test_the_steps_of_the_document_end_with_a_token_that_is_good(live: LiveServer, script: Script) -> None:
    page = requests.get(documents.here(SWAGGER, live), timeout=30)
    assert (page.status_code, "swagger" in page.text) == (200, True)
    described = requests.get(f"{live.url}/api/schema/", timeout=30).json()
    assert "post" in described["paths"][TOKEN]
    assert "jwtAuth" in described["components"]["securitySchemes"]
    given = {"username": f"{USERNAME}-{Role.OPERATOR.value}", "password": PASSWORD}
    result = requests.post(live.url + TOKEN, json=given, timeout=30).json()
    assert set(result) == set(json.loads(RESULT))
    assert Script(live, result["access"]).get("/api/transaction/").json() == []


@pytest.mark.seed("000", "POST /api/token/")
def test_the_access_token_has_the_claims_of_the_one_in_the_document(script: Script) -> None:
    def claims(token: str) -> dict[str, object]:
        return dict(jwt.decode(token, options={"verify_signature": False}))

    assert script.token is not None
    shown, made = claims(json.loads(RESULT)["access"]), claims(script.token)
    assert set(shown) - set(made) == set()
    assert made["token_type"] == shown["token_type"]


@pytest.mark.seed("000", "/admin")
def test_admin_leads_to_the_pages_of_each_object(live: LiveServer) -> None:
    for slash in ("", "/"):
        answer = requests.get(documents.here(ADMIN, live) + slash, timeout=30)
        assert (answer.status_code, "Log in" in answer.text) == (200, True)
    for model, page in (
        ("chargepoint/chargepoint", "chargers"),
        ("idtag/idtag", "cards"),
        ("tariff/cdr", "cdrs"),
        ("location/location", "sites"),
        ("a/b", "ui/"),
    ):
        answer = requests.get(f"{live.url}/admin/{model}/", timeout=30, allow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/{page}")
