"""What the systems replaced have kept is taken over from their dumps and tables: once, by the rules, with a report."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from make import Wire, make_wire
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from csms.domain import accounts, chargers, sites, verify
from csms.domain.accounts import AuditEntry, Role, User
from csms.domain.cdrs import Cdr
from csms.domain.chargers import AuthorizationPolicy
from csms.domain.energy import ChargingProfile, Purpose
from csms.domain.imports import ImportedRow
from csms.domain.reservations import Reservation
from csms.domain.tariffs import Tariff
from csms.domain.transactions import Flag, Reading, Transaction, TransactionState
from csms.extensions import db
from tests.api.caller import begin
from tests.web.browser import Browser

DUMPS = Path(__file__).parent / "dumps"
HERE: list[type[Any]] = [User, Transaction, Reading, Reservation, Tariff, ChargingProfile, ImportedRow]


@pytest.fixture(autouse=True)
def _lets_others_write(session: Session) -> None:
    session.rollback()


def run(app: Flask, *arguments: object) -> Result:
    db.session.remove()
    return app.test_cli_runner().invoke(args=[str(x) for x in arguments])


def taken(app: Flask, command: str, file: str, *more: object) -> list[str]:
    done = run(app, command, DUMPS / file, "--running-days", 100_000, *more)
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def counted(session: Session) -> list[int]:
    session.rollback()
    return [session.scalar(select(func.count()).select_from(x)) or 0 for x in HERE]


def sessions_of(session: Session, identity: str) -> dict[str, Transaction]:
    """The sessions of a charger by what it, or the import, calls them."""
    charger = chargers.find(session, identity)
    assert charger is not None
    found = session.scalars(select(Transaction).where(Transaction.charger_id == charger.id))
    return {x.reference: x for x in found}


EACH = [
    ("import-ov2xmp", "ov2xmp.json"),
    ("import-ocppbackend", "ocppbackend.json"),
    ("import-arthexis", "arthexis_003.json"),
    ("import-arthexis", "arthexis_004.json"),
    ("import-steve", "steve"),
]


@pytest.mark.seed("all", "Import")
@pytest.mark.parametrize(("command", "file"), EACH, ids=[file for _, file in EACH])
def test_an_import_can_be_rehearsed_and_a_second_one_changes_nothing(
    app: Flask, session: Session, command: str, file: str, tmp_path: Path
) -> None:
    before = counted(session)
    rehearsal = taken(app, command, file, "--dry-run")
    assert counted(session) == before
    report = tmp_path / "left-out.csv"
    told = taken(app, command, file, "--report", report)
    assert told[:-1] == rehearsal[:-1]
    after = counted(session)
    assert after != before
    again = taken(app, command, file)
    assert counted(session) == after
    assert verify.verify(session) == []
    news = [line.split()[-4] for line in again if line.startswith(("chargers", "sessions", "cards", "users"))]
    assert set(news) == {"0"}
    lines = [x for x in told if x.startswith(("Left out", "Not taken over"))]
    assert len(report.read_text().splitlines()) == len(lines) + 1
    assert session.scalar(select(func.count()).where(AuditEntry.action == "import")) == 2


@pytest.mark.seed("all", "Import")
def test_ov2xmp_is_taken_over(app: Flask, session: Session, client: FlaskClient) -> None:
    told = taken(app, "import-ov2xmp", "ov2xmp.json")
    assert [x for x in told if x.startswith("Left out")] == [
        "Left out: card a-tag-that-no-charger-of-1.6-can-send: A card's number has 1 to 20 printable characters.",
        "Left out: session 3: Its connector is gone: nobody knows where it was.",
        "Left out: reservation 6c7f0d0e-3b0c-4a57-9c2f-0000000000d1: It does not say where, or for which card.",
        "Left out: password admin: It cannot be taken over: set a new one.",
    ]
    charger = chargers.find(session, "GR-1")
    assert charger is not None
    assert (charger.vendor, charger.model, charger.policy) == ("ABB", "Terra", AuthorizationPolicy.KNOWN)
    assert [x.evse_number for x in charger.connectors] == [1, 2]
    second = charger.connectors[1]
    assert (second.standard, second.format, second.power_type) == ("CHADEMO", "CABLE", "DC")
    assert second.uuid == "6c7f0d0e-3b0c-4a57-9c2f-000000000002"
    site = sites.find(session, "harbour")
    assert site is not None
    assert (charger.site_id, site.substation_id, site.time_zone) == (site.id, "SUB-7", "Europe/Athens")
    assert site.uuid == "6c7f0d0e-3b0c-4a57-9c2f-0000000000a1"
    tariff = session.scalars(select(Tariff)).one()
    first, sunday = tariff.current.elements
    assert (charger.tariff_id, tariff.name) == (tariff.id, "Day")
    assert first["price_components"][0]["price"] == "0.31"  # with the 24 % that were not in it
    assert sunday["restrictions"]["day_of_week"] == ["SUNDAY"]
    card = accounts.find_token(session, "04a2b39f")
    assert card is not None
    assert card.account is not None
    assert (card.label, card.account.name, card.account.balance_cents) == ("Blue", "Ada Marsh", 1250)
    lost = accounts.find_token(session, "LOST")
    assert lost is not None
    assert not lost.is_allowed
    profile = session.scalars(select(ChargingProfile)).one().profile
    assert (profile.purpose, profile.schedule.periods[0].limit) == (Purpose.TX_DEFAULT, 11000)
    found = sessions_of(session, "GR-1")
    past, running = found["ov2xmp:1"], found["2"]
    assert (past.reference, past.energy_wh, past.cost_cents, past.account_id) == (
        "ov2xmp:1",
        7400,
        0,
        card.account_id,
    )
    assert (running.reference, running.state, running.energy_wh) == ("2", TransactionState.ACTIVE, 600)
    assert Flag.TAKEN_OVER in past.flags
    readings = session.scalars(select(Reading).where(Reading.transaction_id == past.id)).all()
    assert [(x.energy_wh, x.power_w) for x in readings] == [(5000, 7400)]
    ada = accounts.find_user(session, "ada")
    assert ada is not None
    assert (ada.role, ada.account_id, ada.first_name, ada.time_zone) == (
        Role.DRIVER,
        card.account_id,
        "Ada",
        "Europe/Athens",
    )


def test_a_password_of_django_opens_the_door_once_and_is_then_kept_as_ours(
    app: Flask, session: Session, client: FlaskClient
) -> None:
    taken(app, "import-ov2xmp", "ov2xmp.json")
    for username, password, status in (
        ("chief", "a chief of long ago", 200),
        ("chief", "a chief of today", 401),
        ("admin", "admin", 401),  # what anybody would try opens nothing
    ):
        db.session.remove()
        given = {"username": username, "password": password}
        assert client.post("/api/v1/token", json=given).status_code == status
    session.rollback()
    chief = accounts.find_user(session, "chief")
    assert chief is not None
    assert (chief.role, chief.password_hash.startswith("$argon2id$")) == (Role.OWNER, True)
    assert Browser(app).log_in("ada", "ada drives since 2019").status_code == 302
    session.rollback()
    session.expire_all()
    ada = accounts.find_user(session, "ada")
    assert ada is not None
    assert accounts.password_matches(ada.password_hash, "ada drives since 2019")
    assert ada.password_hash.startswith("$argon2id$")


def test_the_ocpp_backend_module_is_taken_over(app: Flask, session: Session) -> None:
    told = taken(app, "import-ocppbackend", "ocppbackend.json")
    assert "Left out: charger 2: No charger can be called connected: choose another identity." in told
    assert "Left out: session 3: Its connector is not in the dump." in told
    charger = chargers.find(session, "charger_1")
    assert charger is not None
    assert (charger.location, charger.serial_number, charger.imsi) == (
        "Tagmo3",
        "67890DEF",
        "310260123456789",
    )
    assert charger.own_tag == "e0607b18-2f62-4621-8f4f-ceb6c002e2e0"
    assert [x.evse_number for x in charger.connectors] == [1, 2]
    found = sessions_of(session, "charger_1")
    assert found["ocppbackend:1"].energy_wh == 50  # what the meter says, and not the time at 100 kW
    assert found["2"].is_active


def test_arthexis_is_taken_over_with_credit_in_two_columns(app: Flask, session: Session) -> None:
    told = taken(app, "import-arthexis", "arthexis_003.json")
    assert "Left out: vehicle 2: A VIN has 17 letters and digits, without I, O and Q." in told
    card = accounts.find_token(session, "04A2B39F")
    assert card is not None
    assert card.account is not None
    assert card.account.balance_wh == 99_500
    assert [x.model for x in card.account.vehicles] == ["Zoe"]
    rosa = accounts.find_user(session, "rosa")
    assert rosa is not None
    assert rosa.phone_number == "+52 81 5550 0100"
    charger = chargers.find(session, "CP1")
    assert charger is not None
    assert charger.policy is AuthorizationPolicy.KNOWN
    assert sessions_of(session, "CP1")["arthexis:1753864800"].energy_wh == 2500


def test_arthexis_is_taken_over_with_credit_in_a_ledger(app: Flask, session: Session) -> None:
    taken(app, "import-arthexis", "arthexis_004.json")
    charger = chargers.find(session, "CP1")
    assert charger is not None
    assert (charger.policy, charger.latitude) == (AuthorizationPolicy.CREDIT, 25.6866)
    (past,) = sessions_of(session, "CP1").values()
    assert past.connector is not None
    assert past.account is not None
    assert (past.connector.evse_number, past.energy_wh, past.account.balance_wh) == (2, 2500, 7500)


@pytest.mark.seed("all", "Import")
def test_steve_is_taken_over_and_what_runs_ends_here(app: Flask, session: Session) -> None:
    taken(app, "import-steve", "steve")
    charger = chargers.find(session, "AACHEN-1")
    assert charger is not None
    assert (charger.name, charger.location, charger.latitude) == ("Gate", "Ring 7, 52062 Aachen, DE", 50.775)
    assert [x.evse_number for x in charger.connectors] == [1, 2]
    van, gone = accounts.find_token(session, "van-1"), accounts.find_token(session, "GONE")
    assert van is not None
    assert gone is not None
    assert van.account is not None
    assert (van.parent_uid, van.account.name, van.expires_at) == (
        "FLEET",
        "Ada Marsh",
        datetime(2031, 1, 1, tzinfo=UTC),
    )
    assert not gone.is_allowed
    found = sessions_of(session, "AACHEN-1") | sessions_of(session, "AACHEN-2")
    told = {name: (x.state.value, x.energy_wh) for name, x in found.items()}
    assert told == {
        "steve:11": ("ended", 7400),
        "steve:12": ("ended", None),  # its register ran backwards
        "13": ("active", 1000),
        "steve:14": ("ended_unknown", 600),  # nobody told of its end, and another began after it
        "steve:15": ("ended", 1000),  # by the newer of two stops
    }
    records = {x.transaction_id: (x.total_cents, x.body["remark"]) for x in session.scalars(select(Cdr))}
    paid_there = "another system kept this session, and was paid for it"
    assert records == {
        found["steve:11"].id: (0, paid_there),
        found["steve:12"].id: (0, f"{paid_there}; nobody knows its energy"),
        found["steve:14"].id: (0, f"{paid_there}; its end was never told, so this is an estimate"),
        found["steve:15"].id: (0, paid_there),
    }
    assert found["steve:14"].ended_at == datetime(2024, 5, 1, 11, 30, tzinfo=UTC)
    booked = session.scalars(select(Reservation)).one()
    assert (booked.id, booked.evse, booked.id_tag) == (2, 2, "VAN-1")
    begin(session)
    wire: Wire = make_wire(session, charger)
    stop = {"transactionId": 13, "meterStop": 10_400, "timestamp": "2024-05-01T11:00:00Z"}
    wire.call("StopTransaction", stop, at=datetime(2024, 5, 1, 11, 0, 1, tzinfo=UTC))
    ended = session.get_one(Transaction, found["13"].id)
    assert (ended.state, ended.energy_wh) == (TransactionState.ENDED, 2000)
    assert verify.verify(session) == []


def test_what_is_here_already_stays_as_it_is(app: Flask, session: Session) -> None:
    at = datetime(2024, 5, 1, tzinfo=UTC)
    begin(session)
    accounts.add_token(session, "VAN-1", at=at, label="Ours", is_allowed=False)
    session.commit()
    told = taken(app, "import-steve", "steve")
    assert next(x for x in told if x.startswith("cards")).split() == ["cards", "2", "0", "1", "0"]
    card = accounts.find_token(session, "VAN-1")
    assert card is not None
    assert (card.label, card.is_allowed) == ("Ours", False)


def test_two_installations_of_a_kind_are_told_apart_by_their_names(app: Flask, session: Session) -> None:
    taken(app, "import-steve", "steve", "--name", "north")
    told = taken(app, "import-steve", "steve", "--name", "south")
    assert next(x for x in told if x.startswith("sessions")).split()[1] != "0"


def test_what_is_no_source_is_told(app: Flask, tmp_path: Path) -> None:
    text = tmp_path / "dump.json"
    text.write_text("[{]")
    assert "no JSON" in run(app, "import-ov2xmp", text).output
    text.write_text('[{"rows": 1}]')
    assert "dumpdata" in run(app, "import-arthexis", text).output
    empty = run(app, "import-steve", tmp_path)
    assert (empty.exit_code, "charge_box.csv" in empty.output) == (1, True)


def test_a_session_that_has_told_nothing_for_days_is_over(app: Flask, session: Session) -> None:
    taken(app, "import-steve", "steve", "--running-days", 3)
    found = sessions_of(session, "AACHEN-1")["steve:13"]
    assert (found.state, found.energy_wh) == (TransactionState.ENDED_UNKNOWN, 1000)


def test_an_import_that_broke_off_goes_on_where_it_was(app: Flask, session: Session, tmp_path: Path) -> None:
    tables = shutil.copytree(DUMPS / "steve", tmp_path / "tables")
    starts = tables / "transaction_start.csv"
    whole = starts.read_text()
    starts.write_text(whole.replace("connector_pk", "connector", 1))
    broken = run(app, "import-steve", tables)
    assert (broken.exit_code, "no column 'connector_pk'" in broken.output) == (1, True)
    starts.write_text(whole)
    done = run(app, "import-steve", tables).output.splitlines()
    told = {line[:18].strip(): line[18:].split()[:2] for line in done}
    assert told["sessions"] == ["5", "0"]
    assert sum(int(x) for x in told["chargers"]) == 2  # before it broke off, or now
    assert verify.verify(session) == []
