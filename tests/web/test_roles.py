"""Every role at every page: the routes are those of the application, so that a new one is tried without being named."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask

from csms import web
from csms.domain.accounts import Role
from csms.web.security import DEFAULT_PERMISSION, PERMISSIONS, is_public
from tests.web.visitor import Visitor

# Changes that those may make who may only look; the views judge further.
LOOKERS_CHANGES = {
    "chargers.save_view",  # one's own list of filters
    "chargers.remove_view",
    "report_schedules.add",  # one's own mails
    "report_schedules.change",
    "report_schedules.pause",
    "report_schedules.remove",
    "repairs.change",  # by what the repair is about: commands or money
    "ui_kit.press",  # nothing at all
}
NOBODYS = "00000000-0000-4000-8000-000000000000"
# Pages that go on, or lead elsewhere, for whoever has logged in.
OTHERWISE = {"live.stream", "home.show", "dashboard.show", "me.ask_to_erase"}


def routes(app: Flask, method: str) -> Iterator[tuple[str, str, str]]:
    """(endpoint, an address of it, the permission that it asks for) of every page that is not for strangers."""
    pages = {x.name for x in web.BLUEPRINTS}
    for rule in app.url_map.iter_rules():
        is_page = rule.endpoint.rpartition(".")[0] in pages and method in (rule.methods or ())
        asked = getattr(app.view_functions[rule.endpoint], "permission", None)
        if not is_page or rule.websocket or (asked is None and is_public(rule.endpoint)):
            continue
        path = re.sub(r"<int:\w+>", "987654", re.sub(r"<any\((\w+)[^>]*>", r"\1", rule.rule))
        path = re.sub(r"<uuid:\w+>", NOBODYS, path)
        yield rule.endpoint, re.sub(r"<[^>]+>", "x", path), asked or DEFAULT_PERMISSION


def test_what_changes_something_asks_for_more_than_looking(app: Flask) -> None:
    weak = {endpoint for endpoint, _, asked in routes(app, "POST") if asked in (DEFAULT_PERMISSION, "host")}
    assert weak <= LOOKERS_CHANGES, "give it a permission, or name it in the table above"


def test_every_permission_that_is_asked_for_is_somebodys(app: Flask) -> None:
    known = frozenset().union(*PERMISSIONS.values())
    for method in ("GET", "POST"):
        assert {asked for _, _, asked in routes(app, method)} <= known


@pytest.mark.sqlite_is_enough
@pytest.mark.parametrize("role", [x for x in Role if x is not Role.OWNER])
def test_what_a_role_may_not_see_or_do_is_not_there_for_it(app: Flask, visitor, role: Role) -> None:
    browser: Visitor = visitor().log_in(role)
    browser.home = "/profile"
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.text("/profile"))
    assert token
    for method in ("GET", "POST"):
        for endpoint, path, asked in routes(app, method):
            if asked in PERMISSIONS[role] or endpoint in OTHERWISE:
                continue
            answer = browser.client.open(path, method=method, data={"csrf_token": token[1]})
            assert answer.status_code == 404, (method, path, answer.status_code)
            answer.close()


@pytest.mark.sqlite_is_enough
@pytest.mark.parametrize("role", [Role.OWNER, Role.ACCOUNTANT, Role.SITE_HOST])
def test_what_a_role_may_see_is_there_or_says_that_the_thing_is_not(app: Flask, visitor, role: Role) -> None:
    browser: Visitor = visitor().log_in(role)
    for endpoint, path, asked in routes(app, "GET"):
        if asked not in PERMISSIONS[role] or endpoint in OTHERWISE:
            continue
        answer = browser.get(path)
        assert answer.status_code in (200, 302, 308, 404, 422), (path, answer.status_code)
        assert not answer.headers.get("Location", "").startswith("/login"), path
        if not any(x in path for x in ("987654", NOBODYS, "/x")):
            assert answer.status_code != 404, path
        answer.close()
