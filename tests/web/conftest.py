"""Fixtures of the people's door."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from csms.web import languages
from tests.stripe import SmallStripe
from tests.web import pseudo
from tests.web.browser import Browser, logged_in
from tests.web.site import Site, make_site
from tests.web.visitor import Visitor

# Terms and names that are the same in every language.
TERMS = ("dimanĉo", "OCPP", "SIM", "HTTPS", "NaN", "VAT", "SVG", "Leaflet")


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


@pytest.fixture(scope="session")
def _stripe() -> Iterator[SmallStripe]:
    with SmallStripe() as stripe:
        yield stripe


@pytest.fixture
def stripe(_stripe: SmallStripe) -> SmallStripe:
    """A Stripe of whom nobody has asked anything: at one address, as applications are made for each."""
    _stripe.forget()
    return _stripe


@pytest.fixture(scope="session")
def pseudo_catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pseudo-locale's catalogue."""
    directory = tmp_path_factory.mktemp("pseudo")
    pseudo.write_catalogue(directory)
    return directory


@pytest.fixture
def reader(
    app: Flask, visitor: Callable[[], Visitor], pseudo_catalogue: Path, monkeypatch: pytest.MonkeyPatch
) -> Visitor:
    """A browser that asks for the pseudo-locale."""
    monkeypatch.setitem(languages.LANGUAGES, pseudo.CODE, "Esperanto")
    app.extensions["babel"].translation_directories.append(str(pseudo_catalogue))
    made = visitor()
    made.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = pseudo.CODE
    return made


@pytest.fixture
def look(reader: Visitor, site: Site) -> Callable[..., None]:
    """Opens pages as the owner, and finds every word of them in the pseudo-locale."""
    reader.log_in()

    def open_them(*pages: str) -> None:
        for page in pages:
            answer = reader.get(page)
            assert answer.status_code == 200, page
            pseudo.assert_translated(answer, *pseudo.names_in(site.session), *TERMS)
            site.session.rollback()

    return open_them
