"""Nobody sees or does what is not theirs, and every answer carries its headers."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import Environment, nodes
from make import make_charger
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from csms import web
from csms.domain.accounts import Role
from csms.extensions import limiter
from csms.web.security import content_policy, is_public, safe_next
from tests.web.browser import HTMX, Browser, logged_in, publish

PAGES = {blueprint.name for blueprint in web.BLUEPRINTS}


def _rules(app: Flask, method: str) -> list[Rule]:
    return [
        rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] in PAGES and method in (rule.methods or ()) and not rule.websocket
    ]


def _address(rule: Rule) -> str:
    """The rule with something in place of its variables."""
    text = re.sub(r"<uuid:\w+>", "01890a5d-ac96-774b-bcce-b302099a8057", rule.rule)
    text = re.sub(r"<any\((\w+)[^>]*>", r"\1", text)
    text = re.sub(r"<int:\w+>", "1", text)
    return re.sub(r"<[^>]+>", "x", text)


def test_a_stranger_is_sent_to_the_log_in_from_every_page_that_is_not_public(
    app: Flask, client: FlaskClient
) -> None:
    for rule in _rules(app, "GET"):
        if not is_public(rule.endpoint) or hasattr(app.view_functions[rule.endpoint], "permission"):
            response = client.get(_address(rule))
            assert response.status_code in (302, 401), (rule.rule, response.status_code)
            assert "/login" in response.headers.get("Location", "/login")


def test_no_door_of_other_companies_opens_without_a_token_of_theirs(
    client: FlaskClient, olga: Browser
) -> None:
    """Nor for who is logged in here: the door knows no cookies."""
    rules = [x for x in client.application.url_map.iter_rules() if x.endpoint.partition(".")[0] == "ocpi"]
    assert len(rules) > 15
    for browser in (client, olga.client):
        for rule in rules:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                limiter.reset()  # who guesses is sent away before long
                response = browser.open(_address(rule), method=method, json={})
                assert response.status_code == 401, (method, rule.rule, response.status_code)
                assert response.get_json()["status_code"] == 2000
                assert "data" not in response.get_json()


def test_no_form_is_taken_without_its_token(app: Flask, olga: Browser) -> None:
    rules = _rules(app, "POST")
    assert len(rules) > 10
    for rule in rules:
        # The address itself is a charger's secret; a payment provider signs what it sends.
        if rule.endpoint in ("transfers.receive", "checkout.take_news"):
            continue
        response = olga.client.post(_address(rule))
        assert response.status_code == 403, (rule.rule, response.status_code)


def test_the_public_endpoints_are_these_and_no_others(app: Flask) -> None:
    strangers_may = {rule.endpoint for rule in app.url_map.iter_rules() if is_public(rule.endpoint)}
    doors = {endpoint.partition(".")[0] for endpoint in strangers_may}
    assert doors <= {
        "static",
        "health",
        "home",
        "readme",
        "metrics",
        "setup",
        "auth",
        "entrance",
        "sso",
        "landing",
        "basemap",  # the streets that maps draw, those for strangers too
        "branding",  # the logo and the accent colour
        "languages",  # the choice of a language
        "developers",
        "driving",
        "receipt_copies",  # what is told for the address that somebody was given
        "transfers",
        "finder",
        "second_factor",
        "checkout",
    }
    assert {x for x in strangers_may if x.startswith("second_factor")} == {
        "second_factor.ask",
        "second_factor.check",
    }
    assert "setup.close_lab" not in strangers_may


def test_a_form_that_another_site_sends_is_refused(olga: Browser) -> None:
    assert olga.send("/logout", {"Origin": "https://evil.example"}).status_code == 403
    assert olga.send("/logout", {"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert olga.send("/logout", {"Origin": "http://localhost"}).status_code == 302


@pytest.mark.parametrize("path", ["/login", "/healthz", "/nowhere", "/static/app.css"])
def test_every_answer_carries_the_headers(client: FlaskClient, path: str) -> None:
    with client.get(path) as response:
        headers = response.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_the_host_of_map_tiles_is_the_only_stranger_in_the_policy() -> None:
    assert "https://*.tiles.example" in content_policy("https://{s}.tiles.example/{z}/{x}/{y}.png")
    assert "https" not in content_policy("")


def test_assets_are_kept_for_ever_and_pages_not_at_all(client: FlaskClient) -> None:
    with client.get("/static/app.css?v=1") as response:
        assert "immutable" in response.headers["Cache-Control"]
    assert client.get("/login").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("/chargers?q=a", "/chargers?q=a"),
        ("//evil.example/", None),
        ("/\\evil.example", None),
        ("https://evil.example/", None),
        ("javascript:alert(1)", None),
        ("", None),
        ("/a\nb", None),
    ],
)
def test_only_pages_of_ours_follow_the_log_in(target: str, kept: str | None) -> None:
    assert safe_next(target) == kept


def test_what_a_role_may_not_do_is_not_there_for_it(app: Flask, session: Session) -> None:
    make_charger(session)
    publish(session)
    reader = logged_in(app, session, Role.READ_ONLY, "rita")
    assert "Add charger" not in reader.read("/chargers")
    assert reader.open("/chargers/new").status_code == 404
    assert reader.send("/chargers/1/commands", kind="reset").status_code == 404
    assert reader.send("/lab/close").status_code == 404


def test_a_driver_sees_no_operators_page(app: Flask, session: Session) -> None:
    driver = logged_in(app, session, Role.DRIVER, "dave")
    for path in ("/", "/ui/"):
        assert driver.open(path).headers["Location"] == "/accounts/me"
    for path in ("/dashboard/figures", "/chargers", "/commands", "/attempts", "/live?topics=fleet"):
        assert driver.open(path).status_code == 404


def test_a_part_of_a_page_takes_its_page_to_the_log_in(client: FlaskClient) -> None:
    response = client.get("/dashboard/figures", headers=HTMX)
    assert response.status_code == 401
    assert response.headers["HX-Redirect"] == "/login"


def test_words_of_an_address_never_become_an_address_elsewhere(session: Session, olga: Browser) -> None:
    make_charger(session)
    publish(session)
    page = olga.read("/chargers?_scheme=javascript&_external=1&_anchor=x&q=CP")
    assert "javascript:" not in page


def test_no_template_takes_words_for_markup(app: Flask) -> None:
    """What is not escaped could be anybody's: a charger's, a driver's, a translator's."""
    parser = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    told = []
    for name in app.jinja_env.list_templates(extensions=["html", "xml"]):
        source, _, _ = app.jinja_env.loader.get_source(app.jinja_env, name)  # type: ignore[union-attr]
        tree = parser.parse(source)
        told += [name for x in tree.find_all(nodes.Filter) if x.name == "safe"]
        told += [name for _ in tree.find_all(nodes.ScopedEvalContextModifier)]  # {% autoescape false %}
    assert told == []
