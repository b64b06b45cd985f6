"""The list of chargers, and all that is known of one."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from make import make_charger, make_wire
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import chargers
from csms.domain.accounts import Role
from csms.domain.chargers import Admission, AuthorizationPolicy, ConnectorStatus, keys
from csms.domain.chargers import tags as labels
from csms.web import journal, strips
from tests.web.browser import Browser, logged_in, publish
from tests.web.visitor import told as told_page


def _online(session: Session, identity: str = "CP-1", connectors: int = 1) -> int:
    charger = make_charger(session, identity, at=clock.now(), online=True, connectors=connectors)
    return charger.id


def test_the_list_finds_by_letters_and_by_status(session: Session, olga: Browser) -> None:
    make_charger(session, "ALPHA", name="Plaza AC-1", location="Madrid")
    make_charger(session, "BRAVO")
    make_charger(session, "PENDING-1", admission=Admission.PENDING)
    publish(session)
    assert "Plaza AC-1" in olga.read("/chargers?q=madrid")
    assert "BRAVO" not in olga.read("/chargers?q=madrid")
    waiting = olga.read("/chargers?status=pending")
    assert "PENDING-1" in waiting
    assert "BRAVO" not in waiting
    assert "No charger matches" in olga.read("/chargers?q=zulu")
    assert olga.open("/chargers?status=nonsense").status_code == 404
    assert "BRAVO" in olga.read("/chargers?online=0")
    assert "BRAVO" not in olga.read("/chargers?online=1")


def test_a_charger_that_is_there_and_has_told_no_state_was_seen(session: Session, olga: Browser) -> None:
    charger_id = _online(session, connectors=0)
    publish(session)
    page = olga.read(f"/chargers/{charger_id}")
    assert "Connected" in page
    assert "Never seen" not in page


def test_chargers_are_listed_as_people_count(session: Session, olga: Browser) -> None:
    made = [make_charger(session, x) for x in ("BAY-10", "bay-9", "ZULU", "BAY-11")]
    publish(session)
    assert _listed(olga) == ["bay-9", "BAY-10", "BAY-11", "ZULU"]
    made[1].name = "Yard"
    made[2].name = "Bay-010½"
    publish(session)
    assert _listed(olga) == ["BAY-10", "ZULU", "BAY-11", "bay-9"]


def _listed(olga: Browser) -> list[str]:
    """Their identities, in the order of the list."""
    return [x.partition(",")[0] for x in olga.read("/chargers/export.csv").splitlines()[1:]]


def test_the_list_goes_on_where_the_page_before_ended(session: Session, olga: Browser) -> None:
    for number in range(60):
        make_charger(session, f"CP-{number:03}")
    publish(session)
    first = olga.read("/chargers")
    assert "CP-049" in first
    assert "CP-050" not in first
    cursor = first.split("after=")[1].split('"')[0].replace("&amp;", "&")
    second = olga.read(f"/chargers?after={cursor}")
    assert "CP-050" in second
    assert "CP-049" not in second
    assert "CP-000" in olga.read("/chargers?after=nonsense")


@pytest.mark.parametrize("tab", ["", "/sessions", "/messages", "/configuration", "/settings"])
def test_every_tab_of_a_charger_that_never_connected_is_there(
    session: Session, olga: Browser, tab: str
) -> None:
    charger = make_charger(session, connectors=0)
    publish(session)
    page = olga.read(f"/chargers/{charger.id}{tab}")
    assert "has never connected" in page
    assert 'aria-current="page"' in page


def test_the_public_page_is_on_a_code_to_print_with_its_whole_address(
    session: Session, olga: Browser
) -> None:
    charger = make_charger(session)
    publish(session)
    assert f"http://charging.test/c/{charger.slug}" in olga.read(f"/chargers/{charger.id}")


def test_messages_are_told_in_words_and_shown_as_they_were(session: Session, olga: Browser) -> None:
    charger_id = _online(session)
    wire = make_wire(session, chargers.get(session, charger_id))
    wire.call("Authorize", {"idTag": "04A2219F"})
    wire.send('[2,"x","Nonsense",{}]')
    publish(session)
    page = olga.read(f"/chargers/{charger_id}/messages")
    assert "idTag 04A2219F" in page
    assert "Nonsense" in page
    assert "&#34;idTag&#34;: &#34;04A2219F&#34;" in page
    assert "Nonsense" not in olga.read(f"/chargers/{charger_id}/messages/list?action=Authorize")
    assert "Nothing like that" in olga.read(f"/chargers/{charger_id}/messages?q=zulu")


def test_what_a_charger_says_of_itself_is_never_markup(session: Session, olga: Browser) -> None:
    charger_id = _online(session)
    wire = make_wire(session, chargers.get(session, charger_id))
    wire.call("BootNotification", {"chargePointVendor": "<b>x</b>", "chargePointModel": "'\"><i>"})
    publish(session)
    for tab in ("", "/messages", "/settings"):
        page = olga.read(f"/chargers/{charger_id}{tab}")
        assert "<b>x</b>" not in page
        assert '"><i>' not in page


def test_a_charger_is_added_and_its_key_shown_once(app: Flask, session: Session, olga: Browser) -> None:
    answer = olga.send("/chargers/new", identity="NEW-1", name="Plaza", policy="known", key="1")
    key = answer.text.split('data-copy="')[1].split('"')[0]
    session.rollback()
    charger = chargers.find(session, "new-1")
    assert charger is not None
    assert charger.admission is Admission.ACCEPTED
    assert keys.matches(charger.key_hash or "", key.encode(), app.config["PEPPER"])
    assert key not in olga.read(f"/chargers/{charger.id}/settings")
    again = olga.send("/chargers/new", identity="NEW-1", policy="known")
    assert again.status_code == 422
    assert "is there already" in again.text


@pytest.mark.parametrize("identity", ["", "a:b", "a/b", "x" * 49])
def test_an_identity_that_no_charger_can_have_is_refused(olga: Browser, identity: str) -> None:
    assert olga.send("/chargers/new", identity=identity, policy="known").status_code == 422


def test_settings_are_kept_and_nonsense_is_told_at_its_field(session: Session, olga: Browser) -> None:
    charger_id = make_charger(session).id
    publish(session)
    good = {
        "name": "Plaza",
        "location": "Madrid",
        "latitude": "40,4168",
        "longitude": "-3.7038",
        "policy": "credit",
    }
    assert olga.send(f"/chargers/{charger_id}/settings", **good).status_code == 302
    session.rollback()
    charger = chargers.get(session, charger_id)
    assert (charger.name, charger.latitude, charger.policy) == ("Plaza", 40.4168, AuthorizationPolicy.CREDIT)
    for wrong in (
        {"latitude": "north"},
        {"latitude": "91"},
        {"heartbeat_interval_s": "1"},
        {"policy": "all"},
    ):
        answer = olga.send(f"/chargers/{charger_id}/settings", **(good | wrong))
        assert answer.status_code == 422, wrong
        assert 'aria-invalid="true"' in answer.text


def test_a_rejected_charger_can_be_let_in_again(session: Session, olga: Browser) -> None:
    charger_id = make_charger(session).id
    publish(session)
    olga.send(f"/chargers/{charger_id}/reject")
    assert "is rejected" in olga.read(f"/chargers/{charger_id}")
    olga.send(f"/chargers/{charger_id}/adopt")
    assert "is rejected" not in olga.read(f"/chargers/{charger_id}/messages").split("tabs")[1]


def test_a_waiting_charger_that_is_connected_is_asked_to_boot_once_it_is_let_in(
    session: Session, olga: Browser
) -> None:
    waiting = [
        make_charger(session, f"NEW-{x}", admission=Admission.PENDING, online=x == 1, at=clock.now()).id
        for x in (1, 2)
    ]
    publish(session)
    for charger_id in waiting:
        assert olga.send(f"/chargers/{charger_id}/adopt").status_code == 302
    asked = olga.read("/commands/list")
    assert "Ask for BootNotification" in asked
    assert "NEW-1" in asked
    assert "NEW-2" not in asked


def test_only_a_charger_without_a_past_can_be_deleted(session: Session, olga: Browser) -> None:
    charger_id = _online(session)
    wire = make_wire(session, chargers.get(session, charger_id))
    wire.call(
        "StartTransaction",
        {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": clock.now().isoformat()},
    )
    never_used = make_charger(session, "CP-2").id
    publish(session)
    olga.send(f"/chargers/{charger_id}/delete")
    assert "is connected" in olga.read(f"/chargers/{charger_id}/settings")
    chargers.close_link(session, charger_id, 1, reason="1000", at=clock.now())
    publish(session)
    olga.send(f"/chargers/{charger_id}/delete")
    assert "it stays, for the books" in olga.read(f"/chargers/{charger_id}/settings")
    olga.send(f"/chargers/{never_used}/delete")
    assert olga.open(f"/chargers/{never_used}").status_code == 404


def test_support_may_command_and_not_change(app: Flask, session: Session) -> None:
    charger_id = make_charger(session).id
    publish(session)
    sam = logged_in(app, session, Role.SUPPORT, "sam")
    assert "Reset" in sam.read(f"/chargers/{charger_id}")
    assert sam.send(f"/chargers/{charger_id}/settings", policy="open").status_code == 404
    assert sam.send(f"/chargers/{charger_id}/key").status_code == 404
    assert sam.send(f"/chargers/{charger_id}/delete").status_code == 404


def test_a_day_is_what_the_connector_was_and_the_offline_hours_count_as_down(session: Session) -> None:
    at = clock.now()
    charger = make_charger(session, at=at - timedelta(hours=10), online=True)
    report = chargers.StatusReport(1, 1, ConnectorStatus.AVAILABLE, "Available", at - timedelta(hours=8))
    chargers.set_status(session, charger.id, report, at=at - timedelta(hours=8))
    chargers.close_link(session, charger.id, 1, reason="1006", at=at - timedelta(hours=2))
    publish(session)
    from csms.domain.chargers import queries

    since = at - timedelta(hours=24)
    day = strips.day(queries.history(session, charger.id, since=since, at=at), 1, since, at)
    assert [period.words for period in day.periods] == ["Available", "Offline"]
    assert day.up == pytest.approx(6 / 8)


def test_seconds_of_history_make_no_claim_of_reliability(session: Session, olga: Browser) -> None:
    charger_id = _online(session)
    chargers.close_link(session, charger_id, 1, reason="1006", at=clock.now())
    publish(session)
    page = olga.read(f"/chargers/{charger_id}")
    assert "Last 24 hours" in page
    assert "% up" not in page


@pytest.mark.parametrize("text", ["", "{", "[]", "[2]", '[3,"1",null]', '[4,"1"]', "[2,3,4,5]", '"x"'])
def test_a_frame_that_is_no_message_is_still_told(text: str) -> None:
    assert isinstance(journal.pretty(text), str)


def test_the_page_of_a_charger_has_its_status_log_newest_first(session: Session, olga: Browser) -> None:
    at = clock.now()
    charger = make_charger(session, at=at - timedelta(hours=1), online=True)
    for minutes, status, error in (
        (30, ConnectorStatus.AVAILABLE, "NoError"),
        (20, ConnectorStatus.FAULTED, "GroundFailure"),
    ):
        then = at - timedelta(minutes=minutes)
        report = chargers.StatusReport(1, 1, status, status.value, then, error_code=error)
        chargers.set_status(session, charger.id, report, at=then)
    publish(session)
    page = olga.read(f"/chargers/{charger.id}")
    _, _, log = page.partition("Status log")
    assert log.index("GroundFailure") < log.index("Available")


def test_a_connector_that_was_named_by_mistake_goes_and_one_that_has_charged_stays(visitor, site):
    site.status("Available", connector=3)
    site.begin("04A2B39F")
    olga, page = visitor().log_in(), f"/chargers/{site.charger.id}"
    assert "Connector 3" in olga.text(f"{page}/settings")
    for number, words in ((3, "Connector 3 is gone."), (1, "it stays, for the books")):
        answer = olga.post(f"{page}/connectors/{number}/delete")
        assert words in olga.text(answer.headers["Location"])
    assert "connector-1" in olga.text(f"{page}/settings")
    assert "connector-3" not in olga.text(f"{page}/settings")
    assert olga.post(f"{page}/connectors/3/delete").status_code == 404
    site.status("Available", connector=3)
    assert "connector-3" in olga.text(f"{page}/settings")
    assert visitor().log_in(Role.SUPPORT).post(f"{page}/connectors/3/delete").status_code == 404


def test_what_a_connector_is_is_written_down(visitor, site):
    page = f"/chargers/{site.charger.id}"
    olga = visitor().log_in()
    given = {"standard": "IEC_62196_T2", "format": "SOCKET", "power_type": "AC_3_PHASE", "max_power": "22,08"}
    olga.post(f"{page}/connectors/1", given | {"type": "Type 2"})
    site.session.expire_all()
    told = site.connector
    assert (told.standard, told.format, told.power_type) == ("IEC_62196_T2", "SOCKET", "AC_3_PHASE")
    assert (told.type, told.max_power_w) == ("Type 2", 22_080)
    assert 'value="22.08"' in olga.text(f"{page}/settings")
    wrong = olga.post(f"{page}/connectors/1", given | {"type": "Mennekes", "max_power": "much"})
    assert wrong.status_code == 422
    assert "Write the power in kW" in told_page(wrong)
    for typed in ("Mennekes", "much"):
        assert f'value="{typed}"' in told_page(wrong)
    assert olga.post(f"{page}/connectors/9", given).status_code == 404
    assert visitor().log_in(Role.SUPPORT).post(f"{page}/connectors/1", given).status_code == 404


def test_facets_narrow_the_list_and_count_what_they_leave(session: Session, olga: Browser) -> None:
    for number, (model, tags) in enumerate((("M1", ["roof"]), ("M1", []), ("M2", ["roof"])), 1):
        labels.write(session, make_charger(session, f"CP-{number}", model=model), tags)
    publish(session)
    page = olga.read("/chargers?status=all")
    assert re.search(r'model=M1"[^>]*>.*?M1 <span[^>]*>2<', page)
    page = olga.read("/chargers?status=all&model=M1&tag=roof")
    assert "CP-1" in page
    assert "CP-2" not in page
    assert "CP-3" not in page
    assert "Model: M1" in page
    assert re.search(
        r'model=M2"[^>]*>.*?M2 <span[^>]*>1<', page
    )  # counted without the choice of the model itself
    assert "CP-2" in olga.read("/chargers?status=all&tag=none")
    assert olga.open("/chargers?site=nonsense").status_code == 404


def test_columns_and_look_are_remembered(session: Session, olga: Browser) -> None:
    make_charger(session, "CP-1", model="M1", serial_number="SN-77")
    publish(session)
    assert "SN-77" not in olga.read("/chargers?status=all")
    assert "SN-77" in olga.read("/chargers?status=all&cols=serial&cols=tags")
    page = olga.read("/chargers?status=all")
    assert "SN-77" in page
    assert 'data-label="Firmware"' not in page
    assert "<table" not in olga.read("/chargers?look=tiles")
    assert "<table" not in olga.read("/chargers?status=all")
    assert "<table" in olga.read("/chargers?look=table")


def test_a_view_is_kept_opened_first_shared_and_forgotten(
    app: Flask, session: Session, olga: Browser
) -> None:
    make_charger(session, "CP-1", model="M1")
    make_charger(session, "CP-2", model="M2")
    publish(session)
    form = {"name": "Only M2", "query": "status=all&model=M2", "is_default": "1", "is_shared": "1"}
    assert olga.send("/chargers/views", **form).location == "/chargers?status=all&model=M2"
    assert olga.open("/chargers").location == "/chargers?status=all&model=M2"
    assert "CP-1" in olga.read("/chargers?status=all")
    reader = logged_in(app, session, Role.READ_ONLY, "rita")
    page = reader.read("/chargers")
    assert "Only M2" in page
    assert "CP-1" in page
    assert reader.send("/chargers/views/1/delete").status_code == 404
    assert reader.send("/chargers/views", name="For Rita", query="q=CP", is_shared="1").status_code == 302
    assert "For Rita" not in olga.read("/chargers?status=all")
    assert "Give it a name" in olga.read(olga.send("/chargers/views", name=" ", query="").location)
    assert olga.send("/chargers/views/1/delete").status_code == 302
    assert olga.open("/chargers").status_code == 200


def test_the_csv_holds_what_the_list_shows(session: Session, olga: Browser) -> None:
    for number in range(60):
        make_charger(session, f"CP-{number:03}", model="M1", name="=1+1" if number == 0 else None)
    make_charger(session, "OTHER", model="M2")
    publish(session)
    text = olga.read("/chargers/export.csv?model=M1&cols=model&cols=connectors")
    lines = text.lstrip("\ufeff").splitlines()
    assert lines[0] == "identity,name,connectors,model"
    assert len(lines) == 61
    assert lines[1] == "CP-000,'=1+1,1 Unknown,M1"
    assert "OTHER" not in text


SHEET = "identity;name;site;policy;tags\nNEW-1;Roof 1;Garage;open;a, b\ncp-1;Old one;;;\n"


def test_a_sheet_is_looked_at_and_then_kept_whole(session: Session, olga: Browser) -> None:
    make_charger(session, "CP-1", policy=AuthorizationPolicy.KNOWN)
    publish(session)
    page = olga.send("/chargers/import", text=SHEET).get_data(as_text=True)
    assert "1 new, 1 changed" in page
    session.rollback()
    assert chargers.find(session, "NEW-1") is None
    session.rollback()
    assert olga.send("/chargers/import", text=SHEET, what="store").status_code == 302
    session.rollback()
    new, old = chargers.find(session, "NEW-1"), chargers.find(session, "CP-1")
    assert new is not None
    assert old is not None
    assert (new.name, new.site_name, [x.tag for x in new.tags]) == ("Roof 1", "Garage", ["a", "b"])
    assert (old.name, old.policy, old.site_name) == ("Old one", AuthorizationPolicy.KNOWN, None)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("a:b,,,,", "An identity has 1 to 48 characters"),
        ("NEW-1,,,,", "stands in line 2 already"),
        ("NEW-2,,,nobody,", "Who may charge is"),
        ("NEW-2,,,,Nightly", "There is no tariff"),
        ("start,,,,", "No charger can be called start"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_kept(
    session: Session, olga: Browser, line: str, why: str
) -> None:
    text = f"identity,name,site,policy,tariff\nNEW-1,One,Garage,,\n{line}\n"
    refused = olga.send("/chargers/import", text=text, what="store")
    assert refused.status_code == 422
    assert why in refused.text
    assert ">3<" in refused.text
    assert chargers.find(session, "NEW-1") is None
    for broken in ("", "name\nx\n", "identity,colour\nx,red\n"):
        assert olga.send("/chargers/import", text=broken, what="store").status_code == 422


def test_hosts_see_their_own_chargers_facets_alone(app: Flask, session: Session) -> None:
    make_charger(session, "CP-1", vendor="Secret Works", model="Hidden")
    make_charger(session, "CP-2", vendor="Other", model="Hidden too")
    publish(session)
    page = logged_in(app, session, Role.SITE_HOST, "hana").read("/chargers")
    assert "Hidden" not in page
    assert "Secret Works" not in page


def test_a_running_session_tells_who_charges_and_at_which_tariff(visitor, site) -> None:
    site.begin("04A2B39F")
    page = visitor().log_in().text(f"/chargers/{site.charger.id}/live")
    assert "Olga Serrano · card 04A2B39F · Public" in page
