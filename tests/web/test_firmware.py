"""The pages of firmware and logs."""

from __future__ import annotations

import io
import os
from datetime import timedelta

from make import make_charger, store
from sqlalchemy.orm import Session

from csms import clock, files, jobs
from csms.domain import commands, maintenance
from csms.domain.accounts import Role
from csms.domain.maintenance import Addresses, JobKind, Wanted, library
from tests import pki
from tests.web.browser import Browser, logged_in, publish

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
OURS = Addresses("http://charging.test", timedelta(hours=1))


def _upload(olga: Browser, content: bytes = b"new firmware", **given: str) -> str:
    form = {"version": "2.0", "vendor": "Acme", "file": (io.BytesIO(content), "../box 2.0.bin")} | given
    answer = olga.send("/firmware", **form)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def test_a_firmware_is_uploaded_described_and_removed(session: Session, olga: Browser) -> None:
    address = _upload(olga)
    page = olga.read(address)
    assert "box 2.0.bin" in page
    assert "Signed" not in page
    form = {"version": "2.0.1", "vendor": "", "signing_certificate": CERTIFICATE, "signature": "c2ln"}
    assert olga.send(address, **form).status_code == 302
    assert "The certificate of its signature cannot be read" in olga.read(address)
    pem = pki.authority_of("Maker").pem
    assert olga.send(address, **form | {"signing_certificate": pem}).status_code == 302
    assert "CN=Maker CA" in olga.read(address)
    page = olga.read("/firmware")
    assert "2.0.1" in page
    assert "Signed" in page
    with olga.open(f"{address}/file") as answer:
        assert answer.data == b"new firmware"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="box 2.0.bin"'
    assert olga.send(f"{address}/remove").status_code == 302
    assert "No firmware yet" in olga.read("/firmware")
    assert "firmware.remove" in olga.read("/settings/audit")


def test_what_is_wrong_with_a_firmware_stands_beside_it(olga: Browser) -> None:
    for given, words in (
        ({"version": " "}, "Write the version as the charger reports it"),
        ({"signature": "c2ln"}, "give both, or none"),
        ({"signature": "c2ln", "signing_certificate": "x"}, "certificate in PEM"),
    ):
        form = {"version": "2.0", "file": (io.BytesIO(b"x"), "a.bin")} | given
        answer = olga.send("/firmware", **form)
        assert answer.status_code == 422
        assert words in answer.text
    answer = olga.send("/firmware", version="2.0", file=(io.BytesIO(b""), "a.bin"))
    assert "The file is empty." in answer.text


def test_a_chargers_page_says_where_there_is_newer_firmware_for_it(session: Session, olga: Browser) -> None:
    kind = {"vendor": "Acme", "model": "Box", "firmware_version": "1.9"}
    charger = make_charger(session, at=clock.now(), online=True, **kind)
    publish(session)
    here = f"/chargers/{charger.id}"
    for version, vendor in (("1.8", "Acme"), ("9.9", "Other"), ("1.9.0", "Acme")):
        _upload(olga, version=version, vendor=vendor)
    assert "1.9.0 available" in olga.read(here)
    _upload(olga, version="1.10")
    for page in (here, f"{here}/identity"):
        assert "1.10 available" in olga.read(page)
    session.rollback()
    charger.firmware_version = "1.10"
    publish(session)
    assert " available" not in olga.read(f"{here}/identity")


def test_a_charger_is_asked_for_its_log_and_updated(session: Session, olga: Browser) -> None:
    charger = make_charger(session, at=clock.now(), online=True, vendor="Acme", model="Box")
    publish(session)
    here = f"/chargers/{charger.id}"
    _upload(olga)
    _upload(olga, version="9.9", vendor="Other")
    page = olga.read(f"{here}/firmware")
    assert "2.0 · box 2.0.bin" in page
    assert "9.9 · " not in page
    form = {"kind": "security_log", "oldest_at": "2026-11-01T10:00", "retries": "3", "retry_interval_s": "60"}
    assert olga.send(f"{here}/logs", **form).status_code == 302
    session.rollback()
    order = commands.recent(session, limit=1)[0]
    assert order.arguments["is_security"] is True
    assert order.arguments["oldest_at"] == "2026-11-01T10:00:00+00:00"
    assert order.arguments["location"].startswith("http://charging.test/transfers/")
    assert (order.arguments["retries"], order.arguments["retry_interval_s"]) == (3, 60)
    found = library.listed(session)[-1]
    session.rollback()
    assert olga.send(f"{here}/firmware", firmware=str(found.id)).status_code == 302
    page = olga.read(f"{here}/firmware")
    assert "Security log" in page
    assert "Firmware 2.0" in page


def test_what_makes_no_sense_is_said_and_nothing_is_ordered(session: Session, olga: Browser) -> None:
    charger = make_charger(session, at=clock.now(), online=True)
    publish(session)
    for path, form, words in (
        ("logs", {"kind": "nonsense"}, "Choose what to ask for."),
        ("logs", {"kind": "firmware"}, "There is no such log."),
        ("logs", {"kind": "diagnostics", "retries": "-1"}, "Write a whole number"),
        ("logs", {"kind": "diagnostics", "oldest_at": "soon"}, "Write a date and a time."),
        ("logs", {"kind": "diagnostics", "location": "javascript:alert(1)"}, "Write an address that begins"),
        ("firmware", {}, "Choose a firmware"),
        ("firmware", {"location": "http://a.example.org/f", "signature": "c2ln"}, "go together"),
    ):
        answer = olga.send(f"/chargers/{charger.id}/{path}", **form)
        assert answer.status_code == 422, form
        assert words in answer.text
        assert answer.text.count("<dialog") > answer.text.count("data-again") == 1
        assert all(value in answer.text for value in form.values() if value not in ("nonsense", "firmware"))
    session.rollback()
    assert commands.recent(session) == []


def test_an_offline_charger_is_not_asked(session: Session, olga: Browser) -> None:
    charger = make_charger(session, at=clock.now())
    publish(session)
    answer = olga.send(f"/chargers/{charger.id}/logs", kind="diagnostics")
    assert answer.status_code == 422
    assert "offline" in answer.text


def test_those_who_only_look_get_no_files(app: object, session: Session) -> None:
    charger = make_charger(session, at=clock.now(), online=True)
    about = library.About("a.bin", "2.0")
    firmware = library.add(session, about, by=None, at=clock.now())
    job = maintenance.order_log(
        session, charger, JobKind.DIAGNOSTICS, Wanted(), OURS, by=None, at=clock.now()
    )
    file = maintenance.file_received(
        session, job, name="x.log", stored_as="0" * 32, size_bytes=1, sha256="", address=None, at=clock.now()
    )
    store(session)
    publish(session)
    reader = logged_in(app, session, Role.READ_ONLY, "rita")  # type: ignore[arg-type]
    page = reader.read(f"/chargers/{charger.id}/firmware")
    assert "x.log" in page
    assert f"/logs/{file.id}" not in page
    assert "Get logs" not in page
    assert reader.open(f"/chargers/{charger.id}/logs/{file.id}").status_code == 404
    assert reader.send("/firmware", version="1").status_code == 404
    assert reader.send(f"/firmware/{firmware.id}/remove").status_code == 404


def test_a_rollout_is_planned_begun_paused_and_ended(session: Session, olga: Browser) -> None:
    kind = {"vendor": "Acme", "model": "Box", "at": clock.now(), "online": True}
    make_charger(session, "CP-1", firmware_version="1.0", **kind)
    make_charger(session, "CP-2", firmware_version="3.0", **kind)
    publish(session)
    plan = f"{_upload(olga)}/rollout"
    page = olga.read(plan)
    assert "1 charger<" in page
    given = {"name": "Spring", "stages": "50, 100", "gate_min": "5", "most_failures": "0"}
    preview = olga.send(plan, what="preview", allows_downgrade="1", **given)
    assert "2 chargers: 1 → 1" in preview.text
    assert "Downgrade" in preview.text
    assert "Write rising percentages" in olga.send(plan, what="begin", **given | {"stages": "50, 20"}).text
    answer = olga.send(plan, what="begin", allows_downgrade="1", **given)
    here = answer.headers["Location"]
    page = olga.read(here)
    assert "Ordered" in page
    assert "Waits for its turn" in page
    assert olga.send(f"{here}/pause").status_code == 302
    assert "Paused by olga." in olga.read(f"{here}/live")
    assert "of firmware 2.0 goes no further" in olga.read("/ui/")
    assert olga.send(f"{here}/resume").status_code == 302
    assert olga.send(f"{here}/skip").status_code == 302
    assert olga.send(f"{here}/cancel").status_code == 302
    assert "Called off" in olga.read("/firmware/rollouts")
    assert olga.send(f"{here}/pause").status_code == 409
    assert "rollout.cancel" in olga.read("/settings/audit")
    assert olga.send(f"{_upload(olga, version='1.0')}/rollout", what="begin", **given).status_code == 422


def test_old_logs_and_stray_files_are_deleted_and_nothing_else(app: object, session: Session) -> None:
    charger = make_charger(session, at=clock.now(), online=True)
    job = maintenance.order_log(
        session, charger, JobKind.DIAGNOSTICS, Wanted(), OURS, by=None, at=clock.now()
    )
    shelf = files.logs()
    for age, name in ((timedelta(days=91), "old"), (timedelta(days=89), "kept")):
        stored = shelf.receive(io.BytesIO(name.encode()), 100)
        maintenance.file_received(
            session,
            job,
            name=name,
            stored_as=stored.name,
            size_bytes=stored.size_bytes,
            sha256=stored.sha256,
            address=None,
            at=clock.now() - age,
        )
        os.utime(shelf.path(stored.name), (0, 0))
    stray, coming = (shelf.receive(io.BytesIO(b"x"), 100).name for _ in range(2))
    os.utime(shelf.path(stray), (0, 0))
    assert jobs.forget_logs(session, clock.now()) == 1
    store(session)
    assert jobs.sweep(session, clock.now()) == 2
    kept = [x.stored_as for x in job.files if x.stored_as]
    assert {x.name for x in shelf.path("").iterdir()} == {*kept, coming}
    assert shelf.path(kept[0]).read_bytes() == b"kept"
    shelf.remove(kept[0])
    shelf.remove(coming)
