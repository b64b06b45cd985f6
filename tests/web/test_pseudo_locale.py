"""Under the pseudo-locale no page of a door that speaks languages has a word left in plain English."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from jinja2 import Environment, nodes
from make import store

from csms.domain import accounts, commands, reservations
from csms.domain.accounts import Role
from csms.domain.chargers import AuthorizationPolicy
from csms.web import errors
from tests.web import pseudo
from tests.web.pseudo import assert_translated
from tests.web.till import Till
from tools import words

pytestmark = pytest.mark.sqlite_is_enough

TEMPLATES = Path(__file__).parents[2] / "templates"
# What programs and those who build on this read is in English (`languages.ENGLISH_DOORS`).
ENGLISH = ("api", "readme", "ui_kit.html")
JINJA = re.compile(r"\{#.*?#\}|\{%-?\s*trans\b.*?endtrans\s*-?%\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
PARSER = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
MARKS = ("_", "_l", "gettext", "ngettext", "pgettext")
# A word with a capital, or several words; nothing of an address, of code or of a file's name.
WORDS = re.compile(
    r"“?[A-Z][a-z’]+[.!?…”]*|[A-Za-z“][\w’,]*( [\w’,“”]+){2,}[^/=?{\"$]*|[A-Z][a-z]+ [^/=?{\"$]*"
)
STATUSES = {"Available", "Preparing", "Charging", "Reserved", "Unavailable", "Faulted", "Offline", "Unknown"}
SPECIFIED = STATUSES | {
    "Accepted",
    "Amberline",
    "Enter",
    "Hard",
    "Heartbeat",
    "Idle",
    "Inoperative",
    "Operative",
}
SPECIFIED |= {"Soft", "Web", "Wh"}


def templates() -> list[Path]:
    found = [x for kind in ("html", "txt") for x in TEMPLATES.rglob(f"*.{kind}")]
    return sorted(x for x in found if x.relative_to(TEMPLATES).parts[0] not in ENGLISH)


def unmarked(node: nodes.Node) -> Iterator[str]:
    """The strings in a template's expressions that are words for people, and in no mark for translation."""
    if isinstance(node, nodes.Call) and getattr(node.node, "name", None) in MARKS:
        return
    if isinstance(node, nodes.Operand) and isinstance(node.expr, nodes.Const | nodes.Tuple | nodes.List):
        return  # compared with, and not shown
    is_key = isinstance(node, nodes.Compare | nodes.Getitem | nodes.Test | nodes.Filter)
    for child in node.iter_child_nodes(exclude=("key",)):
        if not isinstance(child, nodes.Const):
            yield from unmarked(child)
        elif not is_key and isinstance(child.value, str) and WORDS.fullmatch(child.value):
            yield from {child.value} - SPECIFIED


@pytest.mark.parametrize("template", templates(), ids=lambda x: str(x.relative_to(TEMPLATES)))
def test_no_template_says_anything_without_marking_it(template: Path) -> None:
    text = template.read_text()
    assert list(pseudo.plain_words(JINJA.sub("", text), ("Amberline", "ms"))) == []
    assert list(unmarked(PARSER.parse(text))) == []


@pytest.mark.parametrize(
    "status", ["Available", "Preparing", "Charging", "SuspendedEVSE", "Finishing", "Unavailable", "Faulted"]
)
def test_a_station_in_every_state(reader, site, status):
    site.status(status)
    for page in ("", "/trouble", "/status"):
        assert_translated(reader.get(f"/c/{site.slug}{page}"))


def test_a_station_that_is_offline_or_charges_somebody_else(reader, site):
    site.begin()
    assert_translated(reader.get(f"/c/{site.slug}"))
    assert_translated(reader.get(f"/c/{site.slug}/status"))
    site.charger.lease.online_until = None
    store(site.session)
    for page in ("", "/trouble"):
        assert_translated(reader.get(f"/c/{site.slug}{page}"))


def test_a_station_that_is_kept_for_somebody(reader, site):
    site.status("Available")
    reservations.book(
        site.session,
        site.charger,
        id_tag="04A2B39F",
        evse=1,
        expires_at=site.now + timedelta(hours=1),
        by="olga",
        at=site.now,
    )
    store(site.session)
    assert_translated(reader.get(f"/c/{site.slug}"))


def test_a_charger_asks_which_connector(reader, site):
    for number in (1, 2):
        report = {"connectorId": number, "status": "Available", "errorCode": "NoError"}
        site.tell("StatusNotification", report, site.now)
    assert_translated(reader.get(f"/c/{site.charger.slug}"))
    assert_translated(reader.get(f"/c/{site.charger.slug}/2"))


@pytest.mark.parametrize(
    ("status", "given"),
    [
        ("Available", {"method": "card", "card": "04A2B39F"}),
        ("Available", {"method": "card", "card": "04A2B39F", "station_code": "WRONG1"}),
        ("Preparing", {"method": "card", "card": ""}),
        ("Preparing", {"method": "card", "card": "04FFFFFF"}),
        ("Preparing", {"method": "voucher", "code": "AAAA-BBBB-CCCC"}),
        ("Preparing", {"method": "payment"}),
        ("Charging", {"method": "card", "card": "04A2B39F"}),
    ],
)
def test_a_start_that_is_refused(reader, site, status, given):
    site.charger.policy = AuthorizationPolicy.KNOWN
    store(site.session)
    site.status(status)
    answer = reader.post(f"/c/{site.slug}/start", given)
    assert answer.status_code in (409, 422)
    assert_translated(answer)


def test_how_far_a_start_has_come(reader, site):
    site.status("Preparing")
    asked = reader.post(f"/c/{site.slug}/start", {"method": "card", "card": "04a2b39f"}).location
    assert_translated(reader.get(asked))
    order = commands.get(site.session, urlsplit(asked).path.rpartition("/")[2])
    for state in (commands.CommandState.REJECTED, commands.CommandState.TIMEOUT, commands.CommandState.ERROR):
        order.state = state
        store(site.session)
        assert_translated(reader.get(asked))


def test_a_payment_from_its_explanation_to_its_end(app, reader, site):
    till = Till(app, site).set_up()
    site.status("Preparing")
    assert_translated(reader.get(f"/c/{site.slug}"))
    page = reader.post(f"/c/{site.slug}/start", {"method": "payment"}).location
    assert_translated(reader.get(page))
    assert_translated(reader.get(f"{page}?back=1"))
    reader.post(till.payment.checkout_url, {"outcome": "pays"})
    till.work()
    assert_translated(reader.get(page))
    reader.post(f"{page}/cancel")
    till.work()
    assert_translated(reader.get(page))


def test_a_payment_that_the_bank_declines(app, reader, site):
    till = Till(app, site).set_up()
    site.status("Preparing")
    page = reader.post(f"/c/{site.slug}/start", {"method": "payment"}).location
    reader.post(till.payment.checkout_url, {"outcome": "declines"})
    till.work()
    assert_translated(reader.get(page))


def test_trouble_that_is_told_or_cannot_be_helped(reader, site):
    site.status("Preparing")
    trouble = f"/c/{site.slug}/trouble"
    assert_translated(reader.post(f"{trouble}/release"))
    assert_translated(reader.post(f"{trouble}/tell", {"kind": "nothing"}))
    reader.post(f"{trouble}/ask")
    reader.post(f"{trouble}/tell", {"kind": "stuck"})
    assert_translated(reader.get(trouble))


def test_an_address_that_leads_nowhere(reader):
    assert_translated(reader.get("/c/nowhere"))


@pytest.mark.parametrize("status", ["Charging", "SuspendedEV", "SuspendedEVSE", "Faulted"])
def test_a_drivers_own_session_and_its_end(reader, site, status):
    begun_at = site.now - timedelta(hours=1)
    transaction = site.begin(at=begun_at)
    for minutes, meter_wh in ((10, 3_000), (20, 6_000), (30, 9_000)):
        site.measure(transaction, meter_wh, begun_at + timedelta(minutes=minutes))
    site.status(status)
    reader.post(f"/c/{site.slug}/mine", {"card": "04A2B39F"})
    session = f"/s/{transaction.secret}"
    assert_translated(reader.get(session))
    assert_translated(reader.get(f"{session}/stop"))
    reader.post(f"{session}/stop")
    assert_translated(reader.get(session))
    site.end(transaction, 18_000)
    for page in ("", "/receipt", "/stop"):
        assert_translated(reader.get(f"{session}{page}"))


def test_a_stranger_who_wants_to_stop_a_session(reader, site):
    session = f"/s/{site.begin().secret}"
    assert_translated(reader.get(f"{session}/stop"))
    for card in ("", "04FFFFFF"):
        assert_translated(reader.post(f"{session}/stop", {"card": card}))
    assert_translated(reader.get("/s/nowhere"))


def test_a_session_at_a_station_that_cannot_be_heard(reader, site):
    transaction = site.begin(at=site.now - timedelta(hours=1))
    site.charger.lease.online_until = None
    store(site.session)
    assert_translated(reader.get(f"/s/{transaction.secret}"))


def test_the_page_of_the_test_provider(app, reader, site):
    till = Till(app, site).set_up()
    till.ask(reader)
    assert_translated(reader.get(till.payment.checkout_url))
    assert_translated(reader.post(till.payment.checkout_url, {"outcome": "late"}))
    assert_translated(reader.get("/pay/test/nowhere"))


@pytest.mark.parametrize("asked", ["", "?q=nowhere", "?all=1&near=25.670,-100.310&power=22"])
def test_the_finder(reader, site, asked):
    site.charger.is_public = True
    store(site.session)
    site.status("Available")
    assert_translated(reader.get(f"/find{asked}"))


def test_logging_in(reader, site):
    for page in ("/login", "/login/link", "/login/password"):
        assert_translated(reader.get(page))
    for form, given in (
        ("/login", {"username": "olga", "password": "no"}),
        ("/login/card", {"uid": "04A2B39F", "pin": "0000"}),
    ):
        assert_translated(reader.post(form, given), "olga")
    assert_translated(reader.get("/login/link/nothing"))
    assert_translated(reader.get("/login/password/nothing"))


def test_too_many_tries_to_log_in(reader, site):
    for _ in range(6):
        answer = reader.post("/login", {"username": "olga", "password": "no"})
    assert answer.status_code == 429
    assert_translated(answer, "olga")


def test_links_that_let_somebody_in(reader, site):
    user = accounts.create_user(
        site.session, "marta", None, Role.DRIVER, at=site.now, email="marta@example.org"
    )
    paths = []
    for purpose in (accounts.SIGN_IN, accounts.PASSWORD, accounts.INVITATION, accounts.EMAIL):
        token = accounts.issue_link(site.session, purpose, at=site.now, ttl=timedelta(hours=1), user=user)
        paths.append((purpose, token))
    store(site.session)
    pages = {accounts.SIGN_IN: "link", accounts.PASSWORD: "password", accounts.INVITATION: "invitation"}
    for purpose, token in paths:
        assert_translated(
            reader.get(f"/login/{pages.get(purpose, 'email')}/{token}"), "marta@example.org", "marta"
        )
    for password in ("short", "x" * 300, "password1234"):
        answer = reader.post(f"/login/password/{paths[1][1]}", {"password": password})
        assert answer.status_code == 422
        assert_translated(answer, "marta")
    reader.post(f"/login/email/{paths[3][1]}")
    assert_translated(reader.get("/login"), "marta@example.org")


def test_errors(reader, site):
    assert_translated(reader.get("/no/such/page"))
    assert_translated(reader.client.post("/login"))
    assert_translated(reader.post("/language", {"language": "xx"}))


def test_every_explanation_of_an_error_is_marked():
    marked = {x.id for x in words.extracted()}
    for one in errors.EXPLANATIONS.values():
        assert {str(one.title), str(one.words)} <= marked
