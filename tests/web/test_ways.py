"""Every page has a way on: no link of it leads to a page that is not there for whoever reads it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from csms.domain.accounts import Role
from tests.web.visitor import Visitor

LINK = re.compile(r'<a [^>]*href="(/[^"#]*)')
FORM = re.compile(r'<form [^>]*action="(/search)"')


def dead_ends(browser: Visitor, first: str) -> set[tuple[str, str]]:
    """(page, where its link leads) of all that is not there, one address of each kind tried."""
    todo, met, found = [("", first)], set(), set()
    for source, path in todo:  # grows
        shape = re.sub(r"/(\d+|[\w-]{20,})(?=/|$)", "/*", urlsplit(path).path)
        if shape in met:
            continue
        met.add(shape)
        answer = browser.get(path, follow_redirects=True)
        if answer.status_code == 404:
            found.add((source, path))
        elif answer.mimetype == "text/html":
            todo += [
                (path, x.replace("&amp;", "&")) for x in LINK.findall(answer.text) + FORM.findall(answer.text)
            ]
        answer.close()
    return found


@pytest.mark.sqlite_is_enough
@pytest.mark.parametrize("role", [Role.SITE_HOST, Role.DRIVER, Role.ACCOUNTANT, Role.READ_ONLY])
def test_no_link_leads_a_role_to_what_is_not_there_for_it(visitor, site, role):
    assert dead_ends(visitor().log_in(role), "/profile") == set()


@pytest.mark.parametrize(("role", "first"), [(Role.SITE_HOST, "Chargers"), (Role.DRIVER, "My account")])
def test_the_way_to_the_start_leads_everybody_to_their_own(visitor, site, role, first):
    browser = visitor().log_in(role)
    lost = browser.text("/no-such-page")
    assert 'href="/ui/"' in lost
    assert f"<title>{first}" in browser.text("/ui/", follow_redirects=True)


def test_a_driver_finds_the_way_between_their_own_pages(visitor, site):
    browser = visitor().log_in(Role.DRIVER, site.account.id)
    page = browser.text("/profile")
    assert '<a href="/accounts/me" title="My account"' in page
    assert '<a href="/find" title="Find a charger"' in page
    for operators in ("Search chargers", "nothing needs you", "Tariffs", "Lab mode"):
        assert operators not in page


def test_an_operator_who_drives_has_both(visitor, site):
    driving = visitor().log_in(Role.OPERATOR, site.account.id)
    assert 'href="/accounts/me" title=' in driving.text("/ui/", follow_redirects=True)
    other = visitor().log_in(Role.SUPPORT)
    assert 'href="/accounts/me" title=' not in other.text("/ui/", follow_redirects=True)


@pytest.mark.parametrize("path", ["/c/nonsense", "/s/nonsense", "/no-such-page"])
def test_a_driver_who_is_lost_is_shown_where_to_charge(visitor, path):
    assert 'href="/find"' in visitor().text(path)
