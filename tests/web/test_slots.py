"""Prices and limits of a connector by the time of day, on the charger's pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

from csms.domain.accounts import Role
from tests.web.site import Site
from tests.web.visitor import Visitor, told


def cells(page: str, caption: str) -> list[list[str]]:
    """The rows of a table, each cell without its markup."""
    table = page.split(f">{caption}")[1].split("</table>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", table.split("<tbody data-rows>")[1], re.S)
    return [
        [" ".join(re.sub(r"<[^>]*>", " ", x).split()) for x in re.findall(r"<td.*?</td>", row, re.S)]
        for row in rows
    ]


def test_a_day_is_told_and_slots_are_written_and_given_back(
    visitor: Callable[[], Visitor], site: Site
) -> None:
    site.status("Available")
    olga, here = visitor().log_in(), f"/chargers/{site.charger.id}/slots"
    assert f'href="{here}"' in olga.text(f"/chargers/{site.charger.id}/smart-charging")
    before = olga.text(here)
    assert "Nothing written" in before
    assert [x[-1] for x in cells(before, "Price of a kWh on")] == ["The tariff"]
    assert "Nothing limits the power on this day." in before
    assert before.count("<svg viewBox") == 1  # the prices are drawn, and no empty chart of limits
    night = {"connector": "1", "kind": "tariff", "from": "22:00", "until": "06:00", "value": "0,25"}
    assert olga.post(here, night).status_code == 302
    olga.post(here, night | {"kind": "capacity", "value": "7.4"})
    page = olga.text(here)
    assert cells(page, "Price of a kWh on") == [
        ["00:00", "06:00", "0.25 €/kWh", "Written for every day"],
        ["06:00", "22:00", "0.49 €/kWh", "The tariff"],
        ["22:00", "00:00", "0.25 €/kWh", "Written for every day"],
    ]
    assert [x[2:] for x in cells(page, "Most power on")][0] == ["7.40 kW", "Written for every day"]
    assert [x[2] for x in cells(page, "Most power on")] == ["7.40 kW", "no limit", "7.40 kW"]
    assert "sent" in page.lower()
    yesterday = (site.now - timedelta(days=2)).date()
    assert "Nothing written" in olga.text(f"{here}?day={yesterday}")
    olga.post(here, night | {"from": "00:00", "until": "00:00", "value": ""})
    assert [x[-1] for x in cells(olga.text(here), "Price of a kWh on")] == ["The tariff"]
    assert "given back" in olga.text(here)


def test_what_makes_no_slots_is_said(visitor: Callable[[], Visitor], site: Site) -> None:
    site.status("Available")
    olga, here = visitor().log_in(), f"/chargers/{site.charger.id}/slots"
    given = {"connector": "1", "kind": "tariff", "from": "22:00", "until": "06:00", "value": "cheap"}
    for change, why in (
        ({}, "Write a number such as"),
        ({"from": "22:02", "value": "1"}, "whole five minutes"),
        ({"value": "0.12345678"}, "with six decimals at most"),
    ):
        wrong = olga.post(here, given | change)
        assert wrong.status_code == 422
        page = told(wrong)
        assert why in page
        assert page.count("data-again") == 1
        typed = given | change
        assert all(f'value="{typed[name]}"' in page for name in ("from", "until", "value"))
    limit = olga.post(here, given | {"kind": "capacity"})
    assert '<option value="capacity" selected>' in told(limit)
    assert "Nothing written" in olga.text(here)
    assert olga.get(f"{here}?connector=9").status_code == 404
    assert olga.get(f"{here}?day=soon").status_code == 200


def test_whoever_may_not_edit_reads_and_does_not_write(visitor: Callable[[], Visitor], site: Site) -> None:
    site.status("Available")
    anna, here = visitor().log_in(Role.ACCOUNTANT), f"/chargers/{site.charger.id}/slots"
    assert "Write slots" not in anna.text(here)
    assert anna.post(here, {"connector": "1"}).status_code == 404
