"""What operators see of deviations and habits, and what they choose."""

from __future__ import annotations

from datetime import timedelta

from make import make_charger, make_wire, store
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import accounts, chargers, conformance
from csms.domain.accounts import Role
from csms.domain.chargers import AuthorizationPolicy, Charger
from tests.web.browser import Browser, logged_in, publish

BOOT = {"chargePointVendor": "Acme", "chargePointModel": "Box", "firmwareVersion": "1.0", "iccid": ""}


def test_deviations_are_shown_with_their_messages_and_leave_as_csv(session: Session, olga: Browser) -> None:
    wire = make_wire(session, make_charger(session, at=clock.now(), online=True))
    wire.call("BootNotification", BOOT, id="boot", at=clock.now())
    for number in range(30):
        wire.call("Heartbeat", {"=more": 1}, id=f"m{number}", at=clock.now())
    conformance.tally(session, clock.now() + timedelta(minutes=1))
    publish(session)
    for page in (olga.read("/conformance"), olga.read(f"/chargers/{wire.charger.id}/conformance")):
        assert "A member too many" in page
        assert "Empty text" in page
        assert "80 of 100" in page
    link = page.split('data-label="Newest"><a href="')[1].split('"')[0].replace("&amp;", "&")
    newest = olga.read(link).split('class="log"')[1].split("</details>")[0]
    assert "=more" in newest
    for path in ("/conformance/report.csv", f"/chargers/{wire.charger.id}/conformance.csv"):
        report = olga.read(path)
        assert "Acme,Box,1.0,1,31,80,member_unexpected,Heartbeat,,30," in report


def test_a_profile_is_seen_and_another_chosen(session: Session, olga: Browser) -> None:
    charger = make_charger(session, at=clock.now(), online=True, vendor="Keba AG", model="P30")
    publish(session)
    page = olga.read(f"/chargers/{charger.id}/conformance")
    assert "It fits: its vendor is like Keba*." in page
    assert "what begins with _ is left out" in page
    olga.send(f"/chargers/{charger.id}/quirks", quirks="none")
    assert "Chosen by hand." in olga.read(f"/chargers/{charger.id}/conformance")
    assert olga.send(f"/chargers/{charger.id}/quirks", quirks="nonsense").status_code == 422
    session.rollback()
    assert session.get_one(Charger, charger.id).quirks_choice == "none"


def test_who_only_looks_cannot_choose(app: object, session: Session) -> None:
    charger = make_charger(session)
    publish(session)
    reader = logged_in(app, session, Role.READ_ONLY)  # type: ignore[arg-type]
    assert reader.send(f"/chargers/{charger.id}/quirks", quirks="none").status_code == 404
    assert "quirks" not in reader.read(f"/chargers/{charger.id}/conformance").split("<main")[
        -1
    ].lower().replace("quirk profile", "")


def test_what_the_sessions_show_is_proposed_and_taken_with_one_click(session: Session, olga: Browser) -> None:
    charger = make_charger(session, at=clock.now(), online=True, policy=AuthorizationPolicy.OPEN)
    wire, began = make_wire(session, charger), clock.now() - timedelta(hours=8)
    for number in range(3):
        at = began + timedelta(hours=2 * number)
        start_wh = 500_000 + 4_000 * number
        start = {"connectorId": 1, "idTag": "A", "meterStart": start_wh, "timestamp": at.isoformat()}
        transaction_id = wire.call("StartTransaction", start, id=f"a{number}", at=at)["transactionId"]
        at += timedelta(minutes=30)
        values = [{"timestamp": at.isoformat(), "sampledValue": [{"value": "2000"}]}]
        read = {"connectorId": 1, "transactionId": transaction_id, "meterValue": values}
        wire.call("MeterValues", read, id=f"b{number}", at=at)
        at += timedelta(minutes=30)
        stop = {"transactionId": transaction_id, "meterStop": start_wh + 4_000, "timestamp": at.isoformat()}
        wire.call("StopTransaction", stop, id=f"c{number}", at=at)
    publish(session)
    page = olga.read(f"/chargers/{charger.id}/conformance")
    assert "began again at 0 in 3 of its last 3 sessions" in page
    olga.send(f"/chargers/{charger.id}/quirks", quirks="register-by-session")
    assert "began again at 0" not in olga.read(f"/chargers/{charger.id}/conformance")


def test_cards_that_come_the_wrong_way_round_are_noticed(session: Session, olga: Browser) -> None:
    charger = make_charger(session, at=clock.now(), online=True, policy=AuthorizationPolicy.KNOWN)
    accounts.add_token(session, "04A2B39F", at=clock.now())
    store(session)
    wire, at = make_wire(session, charger), clock.now()
    start = {"connectorId": 1, "idTag": "9FB3A204", "meterStart": 1, "timestamp": at.isoformat()}
    transaction_id = wire.call("StartTransaction", start, id="a", at=at)["transactionId"]
    stop = {"transactionId": transaction_id, "meterStop": 1, "timestamp": at.isoformat()}
    wire.call("StopTransaction", stop, id="b", at=at)
    publish(session)
    assert (
        "Cards the wrong way round" in olga.read(f"/chargers/{charger.id}/conformance").split("cols-main")[0]
    )
    assert chargers.quirks_of(charger).key == "none"


def test_what_a_model_needs_is_said_on_its_page(session: Session, olga: Browser) -> None:
    easee = make_charger(session, "EASEE-1", at=clock.now(), online=True, vendor="Easee", model="Charge")
    long_ago = clock.now() - timedelta(days=1)
    foxess = make_charger(session, "FOX-1", at=long_ago, online=True, vendor="FoxESS", model="A011")
    publish(session)
    assert "begins a session only when it is started from here" in olga.read(f"/chargers/{easee.id}")
    assert "switch it off and on" in olga.read(f"/chargers/{foxess.id}")
