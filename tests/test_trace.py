"""What went over a charger's wire, as a file, and played again: the same sessions, energy and cost come out."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from make import NOW, Wire, store
from sqlalchemy.orm import Session

from csms.domain import accounts, commands, tariffs
from csms.domain.commands import Kind
from csms.domain.tariffs import simple
from csms.extensions import db
from tests import pki
from tests.orders import answer, take

RECORDED = Path(__file__).with_name("traces")
TERMS = simple("EUR", price_per_kwh=Decimal("0.35"), price_per_start=Decimal("0.50"))
CARD, SERIAL, PLACE = "04A1B2C3D4", "SN-12345-XYZ", "https://files.example.com/of-garage-1"

# A replay has a database of its own: which one the installation has, is all the same to it.


def run(app: Flask, *arguments: str) -> Result:
    db.session.remove()
    return app.test_cli_runner().invoke(args=["trace", *arguments])


def export(app: Flask, *options: str) -> str:
    done = run(app, "export", "CP-1", *options)
    assert done.exit_code == 0, done.output
    return done.output


def lines(text: str, kind: str) -> list[dict[str, Any]]:
    return [x for x in map(json.loads, text.splitlines()) if x["line"] == kind]


@pytest.fixture
def told(wire: Wire, session: Session) -> Wire:
    """A charger that has told of a remote start, a session of 3500 Wh, and what must not get into other hands."""
    tariffs.create(session, "Evening", TERMS, at=NOW, is_default=True)
    accounts.add_token(session, CARD, at=NOW, parent_uid="FAMILY-OF-CARD")
    store(session)
    boot = {"chargePointVendor": "Vendor", "chargePointModel": "M", "chargePointSerialNumber": SERIAL}
    wire.call("BootNotification", boot, id="1", at=moment(0))
    order(wire, "RemoteStartTransaction", {"idTag": CARD, "connectorId": 1}, 5)
    start = {"connectorId": 1, "idTag": CARD, "meterStart": 1000, "timestamp": moment(10).isoformat()}
    number = wire.call("StartTransaction", start, id="2", at=moment(10))["transactionId"]
    order(wire, "GetDiagnostics", {"location": PLACE}, 20)
    value = {"value": "2500", "unit": "Wh", "location": "Outlet"}
    meter = {"connectorId": 1, "transactionId": number, "meterValue": [{"timestamp": moment(30).isoformat()}]}
    meter["meterValue"][0]["sampledValue"] = [value]
    wire.call("MeterValues", meter, id="3", at=moment(30))
    stop = {"transactionId": number, "idTag": CARD, "meterStop": 4500, "timestamp": moment(60).isoformat()}
    for _ in range(2):  # the answer got lost once
        wire.call("StopTransaction", stop, id="4", at=moment(60))
    return wire


def moment(minutes: int) -> Any:
    return NOW + timedelta(minutes=minutes)


def order(wire: Wire, action: str, payload: dict[str, Any], minutes: int) -> None:
    given = {"action": action, "payload": payload}
    commands.request(
        wire.session, wire.charger, Kind.RAW, given, by="olga", at=moment(minutes), deliver_until=moment(99)
    )
    store(wire.session)
    taken = take(wire, moment(minutes))
    assert taken is not None
    answer(wire, taken, {"fileName": f"{SERIAL}.zip"} if "location" in payload else {"status": "Accepted"})


def test_a_trace_has_every_frame_both_ways_and_what_became_of_it(app: Flask, told: Wire) -> None:
    text = export(app)
    (charger,) = lines(text, "charger")
    assert (charger["identity"], charger["protocol"], charger["trace"]) == ("CP-1", "ocpp1.6", 1)
    assert (charger["policy"], charger["is_strict"], charger["quirks"]) == ("open", False, "none")
    assert [(x["direction"], json.loads(x["frame"])[0]) for x in lines(text, "frame")] == [
        *[("in", 2), ("out", 2), ("in", 3), ("in", 2), ("out", 2)],
        *[("in", 3), ("in", 2), ("in", 2), ("in", 2)],
    ]
    first, *_ = lines(text, "frame")
    assert first["at"] == "2026-03-14T09:26:53Z"
    assert json.loads(first["reply"])[2]["status"] == "Accepted"
    (session,) = lines(text, "session")
    assert (session["energy_wh"], session["cost_cents"], session["state"]) == (3500, 173, "ended")
    assert [x["uid"] for x in lines(text, "card")] == [CARD]
    assert [x["price_per_kwh"] for x in lines(text, "tariff")] == ["0.35"]


@pytest.mark.sqlite_is_enough
@pytest.mark.parametrize("options", [(), ("--anonymise",)])
def test_a_trace_that_is_played_again_gives_the_same_sessions(
    app: Flask, told: Wire, tmp_path: Path, options: tuple[str, ...]
) -> None:
    (tmp_path / "trace.jsonl").write_text(export(app, *options))
    done = run(app, "replay", str(tmp_path / "trace.jsonl"))
    assert (done.exit_code, done.output) == (0, "1 sessions, all as they were.\n")


@pytest.mark.sqlite_is_enough
def test_what_turns_out_otherwise_is_told_and_fails(app: Flask, told: Wire, tmp_path: Path) -> None:
    changed = (
        export(app)
        .replace(r"\"meterStop\":4500", r"\"meterStop\":4400")
        .replace(r"\"meterStop\": 4500", r"\"meterStop\": 4400")
    )
    (tmp_path / "trace.jsonl").write_text(changed)
    done = run(app, "replay", str(tmp_path / "trace.jsonl"))
    assert done.exit_code == 1
    number = lines(changed, "session")[0]["id"]
    assert done.output.splitlines() == [
        f"Session {number}: its energy in Wh was 3500, and is 3400.",
        f"Session {number}: its cost in cents was 173, and is 169.",
    ]


@pytest.mark.sqlite_is_enough
def test_a_replay_is_compared_with_an_earlier_one(app: Flask, told: Wire, tmp_path: Path) -> None:
    trace, kept = tmp_path / "trace.jsonl", tmp_path / "kept.jsonl"
    trace.write_text(export(app))
    assert run(app, "replay", str(trace), "--keep", str(kept)).exit_code == 0
    assert run(app, "replay", str(trace), "--against", str(kept)).exit_code == 0
    kept.write_text(kept.read_text().replace('"energy_wh":3500', '"energy_wh":3600'))
    done = run(app, "replay", str(trace), "--against", str(kept))
    assert done.exit_code == 1
    assert "was 3600, and is 3500" in done.output


def test_an_anonymous_trace_names_nobody_and_nothing(app: Flask, told: Wire) -> None:
    text = export(app, "--anonymise")
    for secret in ("CP-1", CARD, "FAMILY-OF-CARD", SERIAL, "files.example.com", "of-garage"):
        assert secret.casefold() not in text.casefold()
    frames = "".join(x["frame"] for x in lines(text, "frame"))
    assert set(re.findall(r'"idTag":"(.+?)"', frames)) == {"CARD-1"}
    assert '"location":"Outlet"' in frames
    assert '"value":"2500"' in frames
    assert '"chargePointVendor":"Vendor"' in frames
    assert lines(text, "session")[0]["id_tag"] == lines(text, "card")[0]["uid"] == "CARD-1"


@pytest.mark.sqlite_is_enough
def test_an_anonymous_certificate_is_none_and_the_trace_plays_all_the_same(
    app: Flask, told: Wire, tmp_path: Path
) -> None:
    given = {"certificateType": "CentralSystemRootCertificate", "certificate": pki.authority_of().pem}
    order(told, "InstallCertificate", given, 70)
    (tmp_path / "trace.jsonl").write_text(export(app, "--anonymise"))
    assert "BEGIN CERTIFICATE" not in (tmp_path / "trace.jsonl").read_text()
    assert run(app, "replay", str(tmp_path / "trace.jsonl")).exit_code == 0


def test_a_session_that_ran_already_is_told_from_its_start(app: Flask, told: Wire) -> None:
    text = export(app, "--since", moment(30).isoformat())
    assert lines(text, "frame")[0]["at"] == moment(10).isoformat().replace("+00:00", "Z")
    assert len(lines(text, "session")) == 1
    assert lines(export(app, "--since", moment(70).isoformat()), "frame") == []


@pytest.mark.sqlite_is_enough
def test_a_session_that_is_cut_off_has_no_figures_and_still_plays(
    app: Flask, told: Wire, tmp_path: Path
) -> None:
    text = export(app, "--until", moment(45).isoformat())
    (session,) = lines(text, "session")
    assert (session["state"], session["energy_wh"], session["cost_cents"]) == ("active", None, None)
    (tmp_path / "trace.jsonl").write_text(text)
    assert run(app, "replay", str(tmp_path / "trace.jsonl")).exit_code == 0


@pytest.mark.sqlite_is_enough
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "begins with the line of its charger"),
        ('{"line": "frame"}\n', "Line 1 is no line of a trace"),
        ("nonsense\n", "Line 1 is no line of a trace"),
    ],
)
def test_what_is_no_trace_is_refused_with_the_reason(
    app: Flask, tmp_path: Path, text: str, complaint: str
) -> None:
    (tmp_path / "trace.jsonl").write_text(text)
    done = run(app, "replay", str(tmp_path / "trace.jsonl"))
    assert done.exit_code == 1
    assert complaint in done.output
    assert run(app, "export", "NOBODY").exit_code == 1


@pytest.mark.sqlite_is_enough
@pytest.mark.parametrize("file", sorted(RECORDED.glob("*.jsonl")), ids=lambda file: file.stem)
def test_what_chargers_once_told_still_comes_to_the_same(app: Flask, file: Path) -> None:
    done = run(app, "replay", str(file))
    assert done.exit_code == 0, done.output
