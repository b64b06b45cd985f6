"""The page of the grid's signals."""

from __future__ import annotations

import re
from datetime import timedelta

from make import store

from csms.domain import sites
from csms.domain.accounts import Role
from csms.domain.sites import Details


def fed(site):
    """The charger's site gets a substation."""
    depot = sites.add(site.session, Details("Depot", substation_id="TR-7"), at=site.now)
    site.session.flush()
    site.session.merge(site.charger).site_id = depot.id
    store(site.session)
    site.session.rollback()


def given(site, **more):
    begin, end = (site.now + timedelta(hours=x) for x in (-1, 1))
    return {
        "kind": "capacity",
        "substation_id": "TR-7",
        "from": begin.isoformat(),
        "until": end.isoformat(),
        "value": "6,9",
    } | more


def test_a_limit_is_received_shown_over_the_power_and_withdrawn(visitor, site):
    fed(site)
    olga = visitor().log_in()
    assert "No signal holds" in olga.text("/grid")
    assert olga.post("/grid", given(site)).status_code == 302
    page = olga.text("/grid")
    for words in ("Limit 6.9 kW", "Depot", "Waiting", "Power at Depot today", "What the grid allows"):
        assert words in page
    place = re.search(r'"(/sites/\d+)"', olga.text("/sites"))
    assert place
    assert "What the grid allows" in olga.text(place.group(1))
    withdraw = re.search(r'action="(/grid/\d+/withdraw)"', page)
    assert withdraw
    assert olga.post(withdraw.group(1)).status_code == 302
    page = olga.text("/grid")
    assert "No signal holds" in page
    assert "withdrawn by owner-0" in page


def test_a_price_is_a_band_over_the_power_stronger_where_it_is_dearer(visitor, site):
    fed(site)
    olga = visitor().log_in()
    midnight = site.now.replace(hour=0, minute=0, second=0, microsecond=0)
    for begin, end, value in ((0, 6, "0.12"), (6, 24, "0.42")):  # at any time of the day one of them holds
        times = {"from": (midnight + timedelta(hours=begin)), "until": midnight + timedelta(hours=end)}
        sent = given(site, kind="tariff", value=value, **{x: y.isoformat() for x, y in times.items()})
        assert olga.post("/grid", sent).status_code == 302
    place = re.search(r'"(/sites/\d+)"', olga.text("/sites"))
    assert place
    for page in (olga.text("/grid"), olga.text(place.group(1))):
        bands = re.findall(
            r'<rect class="price-(\d)" x="([\d.]+)" width="([\d.]+)".*?<title>(.*?)</title>', page
        )
        assert [(shade, x, width) for shade, x, width, _ in bands] == [
            ("1", "0.0", "150.0"),
            ("3", "150.0", "450.0"),
        ]
        assert bands[1][3].startswith("06:00 – 00:00 – 0.42 ")
        assert "What the grid asks for a kWh" in page
        assert "0.12 " in page


def test_what_is_no_signal_is_told_at_its_field_and_support_only_looks(visitor, site):
    fed(site)
    olga = visitor().log_in()
    olga.text("/grid")
    wrong = olga.post("/grid", given(site, value="much"))
    assert wrong.status_code == 422
    assert "Write a number" in wrong.get_data(as_text=True)
    helper = visitor().log_in(Role.SUPPORT)
    assert "Receive a signal by hand" not in helper.text("/grid")
    assert helper.post("/grid", given(site)).status_code == 404
