"""Under the pseudo-locale the pages of the installation have no word left in plain English."""

from __future__ import annotations

import re
from datetime import timedelta
from zoneinfo import available_timezones

import pytest
from make import store

from csms import alerts as sender
from csms import channels, clock
from csms.domain import accounts
from csms.domain.accounts import Role
from csms.domain.chargers import LinkLease
from csms.domain.webhooks import Event
from csms.work import atomic
from tests.web import pseudo
from tests.web.pseudo import assert_translated
from tests.web.visitor import PASSWORD

pytestmark = pytest.mark.sqlite_is_enough

TERMS = (
    *("Odoo", "OCPP", "API", "Stripe", "GB", "MB", "CSV", "Redis", "Python", "Excel", "OpenAPI", "README"),
    *("owner-0", "amberline@charging.test"),
)
FOUND = ("SQLite", "PostgreSQL", "flask --app wsgi restore --replace FILE", "Unreleased", "ms")


@pytest.fixture
def owner(reader, site):
    return reader.log_in(Role.OWNER)


def assert_pages(who, site, *pages, names=()):
    for page in pages:
        site.session.rollback()
        assert_translated(who.get(page), *pseudo.names_in(site.session), *TERMS, *names)


def test_alerts_and_their_rules(app, owner, site):
    assert_pages(owner, site, "/alerts", "/alerts/rules/new")
    given = {"name": "Anything", "kind": "offline", "quiet_from": "02:00", "quiet_until": "02:01"}
    assert owner.post("/alerts/rules", given | {"is_enabled": "1"}).status_code == 302
    lease = site.session.get_one(LinkLease, site.charger.id)
    lease.online_until, lease.closed_at = None, site.now - timedelta(minutes=1)
    store(site.session)
    site.session.rollback()
    with app.app_context(), atomic() as unit:
        sender.look(unit, clock.now())
    # The title of an alert is stored in English: what is said of it must be translated, and its charger's name not.
    names = [x for x in pseudo.names_in(site.session) if "cannot be reached" not in x]
    assert_translated(owner.get("/alerts"), *names, *TERMS)
    assert_translated(owner.post("/alerts/rules", given | {"mail_to": "nobody"}), *names, *TERMS)
    rule = re.search(r"/alerts/rules/\d+", owner.text("/alerts"))
    assert rule
    assert_pages(owner, site, rule[0], "/alerts/channels/new?kind=ntfy", "/alerts/channels/new?kind=mqtt")
    channel = {"kind": "mqtt", "name": "Home", "url": "mqtt://broker.invalid", "topic_prefix": "home"}
    assert_translated(owner.post("/alerts/channels", channel | {"url": "none"}), *names, *TERMS, "home")
    assert owner.post("/alerts/channels", channel).status_code == 302
    found = re.search(r"/alerts/channels/(\d+)", owner.text("/alerts"))
    assert found
    chosen = {"is_enabled": "1", "channel_ids": found[1]}
    assert owner.post(rule[0], given | chosen).status_code == 302
    assert owner.post(f"{found[0]}/test").status_code == 302
    with app.app_context():
        channels.send_due(app)
    for page in ("/alerts", rule[0], found[0]):
        assert_translated(
            owner.get(page), *names, *TERMS, "Home", "home", "mqtt://broker.invalid", "broker.invalid"
        )
    for verb in ("test", "remove"):
        owner.post(f"{rule[0]}/{verb}")
        assert_pages(owner, site, "/alerts", names=("broker.invalid",))


def test_webhooks(owner, site):
    events = event_names()
    assert_pages(owner, site, "/webhooks", "/webhooks/new", names=events)
    given = {"name": "Billing", "url": "https://hooks.example.org/in", "events": ["transaction.ended"]}
    answer = owner.post("/webhooks", given)
    assert_translated(answer, *pseudo.names_in(site.session), *TERMS, *events, *secrets(answer))
    assert_translated(owner.post("/webhooks", {"name": ""}), *TERMS, *events)
    hook = re.search(r"/webhooks/\d+", answer.get_data(as_text=True))
    assert hook
    for verb in ("test", "off"):
        owner.post(f"{hook[0]}/{verb}")
        assert_pages(owner, site, hook[0], f"{hook[0]}/edit", "/webhooks", names=events)
    owner.post(f"{hook[0]}/remove")
    assert_pages(owner, site, "/webhooks")


def event_names() -> tuple[str, ...]:
    return tuple(x.value for x in Event)


def secrets(answer) -> tuple[str, ...]:
    return tuple(re.findall(r"whsec_[\w+/=]+", answer.get_data(as_text=True)))


def test_keys_of_programs(owner, site):
    scopes = ("read", "operate", "money", "admin", "own", "csms")
    assert_pages(owner, site, "/integrations", names=scopes)
    answer = owner.post("/integrations/keys", {"name": "Billing", "scopes": ["read"], "sight": "test"})
    page = answer.get_data(as_text=True)
    shown = tuple(re.findall(r"csms_\w+|curl [^<]+", page))
    assert_translated(answer, *pseudo.names_in(site.session), *TERMS, *scopes, *shown, "curl", "Bearer")
    key = re.search(r"/integrations/keys/\d+", owner.text("/integrations"))
    assert key
    assert_pages(owner, site, key[0], "/integrations", names=(*scopes, "test"))
    owner.post(f"{key[0]}/revoke")
    assert_pages(owner, site, key[0], "/integrations", names=(*scopes, "test"))
    assert_translated(owner.post("/integrations/keys", {"name": ""}), *pseudo.names_in(site.session), *scopes)


def test_peers_of_ocpi(owner, site):
    same = ("ES*AMB", "DE", "dimanĉo")
    assert_pages(owner, site, "/integrations/ocpi", names=same)
    assert_translated(owner.post("/integrations/ocpi", {"name": "Roads"}), *TERMS, *same)
    assert owner.post("/integrations/ocpi/party", {"country_code": "ES", "party_id": "AMB"}).location
    site.charger.is_public = True
    store(site.session)
    answer = owner.post("/integrations/ocpi", {"name": "Roads"})
    shown = tuple(re.findall(r'data-copy="([^"]+)"', answer.get_data(as_text=True)))
    assert_translated(answer, *pseudo.names_in(site.session), *TERMS, *shown, "Roads")
    here = re.search(r"/integrations/ocpi/\d+", owner.text("/integrations/ocpi"))
    assert here
    for verb in ("suspend", "resume"):
        owner.post(f"{here[0]}/{verb}")
        assert_pages(owner, site, here[0], "/integrations/ocpi", names=(*same, *shown, "Roads", "AMB", "ES"))


def test_odoo_and_host_names(owner, site):
    assert_pages(owner, site, "/odoo", "/odoo/new", "/hostnames")
    given = {"name": "Books", "url": "https://odoo.example.org", "password": "secret"}
    owner.post("/odoo", given)
    assert_translated(owner.post("/odoo", given | {"url": "no"}), *TERMS, "Books")
    owner.post("/hostnames", {"hostname": "my.example.org", "module": "accounts"})
    assert_pages(owner, site, "/odoo", "/hostnames")
    assert_translated(owner.post("/hostnames", {"hostname": "a b"}), *pseudo.names_in(site.session), *TERMS)


def test_second_factor(owner, site):
    assert_pages(owner, site, "/profile/second-factor")
    for password in ("wrong", PASSWORD):
        answer = owner.post("/profile/second-factor/begin", {"password": password})
        letters = re.findall(r"\b[A-Z2-7]{4}\b", answer.get_data(as_text=True))
        assert_translated(answer, *letters, "owner", *TERMS)


def test_settings(owner, site):
    accounts.create_user(site.session, "marta", None, Role.DRIVER, at=site.now, email="marta@example.org")
    store(site.session)
    packages = (
        "flask",
        "gevent",
        "sqlalchemy",
        "ocpp",
        "websockets",
        "sqlite",
        "postgresql",
        "ws",
        "identity",
    )
    pages = ("users", "mail", "payments", "backups", "retention", "health", "audit", "audit?q=nobody")
    owner.post("/settings/mail/test", {"email": "olga@example.org"})
    for page in ("", *(f"/{x}" for x in pages)):
        answer = owner.get(f"/settings{page}")
        addresses = re.findall(r"\w+://[^\s<\"]+", answer.get_data(as_text=True))
        names = (*pseudo.names_in(site.session), *TERMS, *packages, *available_timezones(), *addresses)
        assert_translated(
            answer,
            *names,
            "SQLite",
            "PostgreSQL",
            "flask --app wsgi restore --replace FILE",
            "Unreleased",
            "ms",
        )
    users = re.findall(r'href="(/settings/users/\d+)"', owner.text("/settings/users"))
    assert_pages(owner, site, *users, names=("Werkzeug",))


def test_a_user_is_judged(owner, site):
    user = accounts.create_user(
        site.session, "marta", None, Role.DRIVER, at=site.now, email="marta@example.org"
    )
    store(site.session)
    here = f"/settings/users/{user.id}"
    for verb in ("disable", "enable", "log_out", "invite", "drop_factor", "remove"):
        owner.post(f"{here}/{verb}")
        assert_pages(owner, site, "/settings/users", names=("marta", "marta@example.org"))
    for given in ({"username": "x", "role": "no"}, {"username": "marta", "role": "driver"}):
        answer = owner.post("/settings/users", given)
        assert_translated(answer, *pseudo.names_in(site.session), *TERMS)


def test_the_first_steps_of_a_developer(owner, site):
    page = owner.text("/developers")
    shown = re.findall(r'value="([^"]+)"', page)
    names = (
        *event_names(),
        "JavaScript",
        "Node.js",
        "POST",
        "RFC",
        "verify_webhook.py",
        "verify_webhook.mjs",
    )
    assert_translated(owner.get("/developers"), *TERMS, *names, *shown)


def test_a_set_up_link_that_works_no_more(reader, site):
    assert_translated(reader.get("/setup/nothing"))
