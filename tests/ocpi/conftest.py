"""Fixtures of the door of OCPI: an operator's pages, a peer with a server of its own, and a charger that it may see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from make import store
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from csms import clock
from csms.domain import sites
from csms.domain.chargers import ConnectorFormat, ConnectorStandard, PowerType
from csms.domain.sites import Details
from tests.emsp import Emsp, token
from tests.web.site import Site, make_site
from tests.web.visitor import Visitor

PLAZA = Details(
    "Plaza",
    address="Calle Mayor 1",
    city="Madrid",
    country="ESP",
    latitude=40.4168,
    longitude=-3.7038,
    time_zone="Europe/Madrid",
    is_public=True,
)
EVSE_UID = "2d8f0c58-5a0e-4f0e-9f59-6f7f3e9d1b11"


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"private_targets": True}


@pytest.fixture
def olga(app: Flask, session: Session) -> Visitor:
    """The owner, logged in; the installation is ES*AMB."""
    browser = Visitor(app, session).log_in()
    assert browser.post("/integrations/ocpi/party", {"country_code": "es", "party_id": "amb"}).location
    return browser


@pytest.fixture
def emsp() -> Iterator[Emsp]:
    with Emsp() as emsp:
        yield emsp


@dataclass
class Ours:
    """Our product, as a peer calls it."""

    app: Flask
    session: Session  # the test's own
    token: str

    def call(self, method: str, path: str, **more: Any) -> TestResponse:
        self.session.rollback()
        headers = {"Authorization": token(self.token)} | more.pop("headers", {})
        with self.app.app_context():
            return self.app.test_client().open(f"/ocpi{path}", method=method, headers=headers, **more)

    def data(self, path: str, method: str = "GET", **more: Any) -> Any:
        """What the envelope of a success holds."""
        answer = self.call(method, path, **more)
        assert answer.status_code in (200, 201), answer.text
        envelope = answer.get_json()
        assert envelope["status_code"] == 1000, envelope
        assert envelope["timestamp"].endswith("Z")
        return envelope.get("data")

    def register(self, emsp: Emsp) -> None:
        self.token = self.data("/2.2.1/credentials", "POST", json=emsp.credentials)["token"]


def invited(olga: Visitor, name: str = "Amber Roads") -> Ours:
    """A peer with a token to register with."""
    answer = olga.post("/integrations/ocpi", {"name": name})
    shown = re.findall(r'data-copy="([^"]+)"', answer.get_data(as_text=True))
    assert shown[0] == "http://charging.test/ocpi/versions"
    return Ours(olga.app, olga.session, shown[1])


@pytest.fixture
def ours(olga: Visitor, emsp: Emsp) -> Ours:
    """What a registered peer calls."""
    made = invited(olga)
    made.register(emsp)
    return made


@pytest.fixture
def plaza(session: Session) -> Site:
    """CP-1 at a place that everybody may see, a free Type 2 socket of 22 kW, with prices."""
    made = make_site(session)
    place = sites.add(session, PLAZA, at=clock.now() - timedelta(days=1))
    made.charger.site_id = place.id
    connector = made.connector
    connector.standard = ConnectorStandard.IEC_62196_T2
    connector.format, connector.power_type = ConnectorFormat.SOCKET, PowerType.AC_3_PHASE
    connector.max_power_w = 22_000
    connector.uuid, connector.code = EVSE_UID, "K7Q4M9"
    store(session)
    made.status("Available")
    session.rollback()
    return made
