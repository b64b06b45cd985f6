"""Fixtures of the people's door."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests.web.browser import Browser, logged_in
from tests.web.site import Site, make_site
from tests.web.visitor import Visitor


@pytest.fixture
def olga(app: Flask, session: Session) -> Browser:
    """The owner, logged in."""
    return logged_in(app, session)


@pytest.fixture
def visitor(app: Flask, session: Session) -> Callable[[], Visitor]:
    """Makes browsers, each of a stranger until it logs in."""
    return lambda: Visitor(app, session)


@pytest.fixture
def site(session: Session) -> Site:
    """A charger with prices, and a driver with a card."""
    return make_site(session)
