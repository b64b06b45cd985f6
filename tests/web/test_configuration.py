"""Desired configuration on pages: templates, drift, and the look at what would be written."""

from __future__ import annotations

import pytest
from make import make_charger, store
from sqlalchemy import event

from csms import clock
from csms.domain import chargers, configuration, sites
from csms.domain.accounts import Role
from csms.domain.configuration import queries
from csms.domain.sites import Details
from csms.extensions import db
from tests.web.visitor import told

FORM = {"name": "Duo", "vendor": "volta", "wanted": "HeartbeatInterval = 900\nAuthorizeRemoteTxRequests=true"}


@pytest.fixture
def box(session):
    charger = make_charger(session, "BOX-1", at=clock.now(), vendor="Volta", name="Garage")
    keys = [("HeartbeatInterval", "300", False), ("AuthorizeRemoteTxRequests", "TRUE", False)]
    chargers.store_configuration(session, charger, keys, at=clock.now())
    store(session)
    return charger


def test_a_template_shows_the_chargers_that_it_speaks_of_and_what_differs_there(visitor, session, box):
    olga = visitor().log_in()
    answer = olga.post("/configuration/new", FORM)
    assert answer.status_code == 302
    assert "Garage" in olga.text(answer.headers["Location"])
    drift = olga.text("/configuration/drift")
    assert "HeartbeatInterval" in drift
    assert "AuthorizeRemoteTxRequests" not in drift
    page = olga.text(f"/chargers/{box.id}/configuration")
    assert "What templates want of it" in page
    assert page.index("As wanted") > 0
    assert page.index("Differs") > 0


def test_chargers_of_many_sites_take_no_more_queries_than_those_of_one(visitor, session, box):
    olga = visitor().log_in()
    olga.post("/configuration/new", FORM)
    asked = []

    def note(*seen: object) -> None:
        asked.append(seen[2])

    def count() -> int:
        asked.clear()
        olga.text("/configuration/drift")
        return len(asked)

    event.listen(db.engine, "before_cursor_execute", note)
    few = count()
    for number in range(5):
        site = sites.add(session, Details(f"Site {number}"), at=clock.now())
        session.flush()
        make_charger(session, f"AT-{number}", vendor="Volta", site_id=site.id)
    store(session)
    assert count() == few
    event.remove(db.engine, "before_cursor_execute", note)


def test_what_would_be_written_is_shown_before_it_is(visitor, session, box):
    olga = visitor().log_in()
    olga.post("/configuration/new", FORM)
    preview = olga.text(f"/configuration/apply?charger={box.id}")
    assert "Write 1 key" in preview
    olga.post("/configuration/apply", {"charger": str(box.id)})
    upkeep = queries.upkeep(session, box.id)
    assert upkeep is not None
    assert upkeep.apply_by == "owner-0"
    assert "configuration.apply" in olga.text("/settings/audit")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"wanted": "HeartbeatInterval 900"}, "Line 1 has no ="),
        ({"wanted": "AuthorizationKey = 1234"}, "own secret"),
        ({"wanted": "A = 1\nA = 2"}, "there twice"),
        ({"name": ""}, "Give the template a name"),
        ({"priority": "first"}, "whole number"),
    ],
)
def test_a_template_that_makes_no_sense_is_explained(visitor, site, change, words):
    answer = visitor().log_in().post("/configuration/new", FORM | change)
    assert answer.status_code == 422
    assert words in told(answer)


def test_a_boot_loop_is_among_what_needs_somebody_until_somebody_has_looked(visitor, session, box):
    for second in range(6):
        at = clock.now().replace(microsecond=second)
        configuration.booted(session, chargers.get(session, box.id), at=at)
    store(session)
    olga = visitor().log_in()
    assert "boots again and again" in olga.text("/")
    assert "Write again" in olga.text(f"/chargers/{box.id}/configuration")
    olga.post(f"/configuration/chargers/{box.id}/resume")
    assert "boots again and again" not in olga.text("/")


def test_whoever_may_only_look_writes_nothing(visitor, session, box):
    visitor().log_in().post("/configuration/new", FORM)
    reader = visitor().log_in(Role.READ_ONLY)
    assert "HeartbeatInterval" in reader.text("/configuration/drift")
    assert reader.post("/configuration/apply", {"charger": str(box.id)}).status_code == 404
    assert reader.post(f"/configuration/chargers/{box.id}/read").status_code == 404


def test_what_is_written_on_a_day_is_set_for_keys_and_for_profiles(visitor, box):
    olga = visitor().log_in()
    assert (
        olga.post("/configuration/budget", {"writes_per_day": "2", "profile_writes_per_day": "7"}).status_code
        == 302
    )
    assert "Profiles sent today" in (page := olga.text(f"/chargers/{box.id}/smart-charging"))
    assert "0; by itself at most 7" in page
    refused = olga.post("/configuration/budget", {"writes_per_day": "41", "profile_writes_per_day": "none"})
    assert (refused.status_code, "Between 1 and 1000 writes a day" in refused.text) == (422, True)
    assert all(f'value="{typed}"' in refused.text for typed in ("41", "none"))


def test_a_template_names_the_sites_of_its_chargers(visitor, session, box):
    box.site_id = sites.add(session, Details("Harbour"), at=clock.now()).id
    store(session)
    olga = visitor().log_in()
    answer = olga.post("/configuration/new", FORM)
    assert "Harbour" in olga.text(answer.headers["Location"])


def test_nobody_is_shown_the_password_of_an_address_and_it_stays_unless_another_is_written(
    visitor, session, box
):
    olga, looker = visitor().log_in(), visitor().log_in(Role.READ_ONLY)
    keys = [("LogServer", "ftp://box:SECRET-0@logs.example/in", False)]
    chargers.store_configuration(session, box, keys, at=clock.now())
    store(session)
    form = FORM | {"wanted": "LogServer = ftp://box:SECRET-1@logs.example/in"}
    here = olga.post("/configuration/new", form).headers["Location"]
    pages = (
        here,
        "/configuration/drift",
        f"/configuration/apply?charger={box.id}",
        f"/chargers/{box.id}/configuration",
    )
    for page in pages:
        assert "ftp://box:…@logs.example/in" in olga.text(page), page
        for browser in (olga, looker):
            assert "SECRET" not in browser.text(page), page
    kept = "LogServer = ftp://box:…@logs.example/in\nHeartbeatInterval = 300"
    assert olga.post(here, form | {"wanted": kept}).status_code == 302
    session.rollback()
    session.expire_all()
    assert queries.templates(session)[0].wanted["LogServer"] == "ftp://box:SECRET-1@logs.example/in"
    moved = kept.replace("logs.example", "elsewhere.example")
    refused = olga.post(here, form | {"wanted": moved})
    assert refused.status_code == 422
    assert "Write the password in the address of LogServer" in told(refused)
    assert moved in told(refused).replace("\r", "")
