"""Logs on their whole way: asked for by a program, uploaded over HTTP by a charger, downloaded by who may."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from csms.domain.maintenance import Job
from csms.simulator import Charger, ChargerOptions
from csms.simulator.mishaps import Mishap, Upload
from tests.desk import Desk, wait_for
from tests.live import LiveServer
from tests.simulated import simulated

MakeCharger = Callable[..., Charger]


@pytest.fixture
def live_settings() -> dict[str, str]:
    return {"LARGEST_LOG_MB": "1"}


@pytest.fixture
def make_charger(live: LiveServer) -> Iterator[MakeCharger]:
    with ExitStack() as made:

        def make(**options: Any) -> Charger:
            given = ChargerOptions(reconnect_s=0.05, reboot_s=0.05, **options)
            return made.enter_context(simulated(live, "CP-1", given))

        yield make


def _ask(desk: Desk, **wanted: Any) -> dict[str, Any]:
    return dict(desk.call("POST", "/chargers/CP-1/logs", 201, json=wanted))


def _when(desk: Desk, job: dict[str, Any], *states: str) -> dict[str, Any]:
    path = f"/chargers/CP-1/logs/{job['id']}"
    return wait_for(lambda: desk.call("GET", path), lambda found: found["state"] in states)


def _address(charger: Charger) -> str:
    """Where the charger was told to upload to."""
    texts = [x.text for x in charger.frames() if "/transfers/" in x.text]
    found = re.search(r"http://[^\"]+/transfers/[\w-]{22}", texts[-1])
    assert found is not None
    return found[0]


def _address_of_a_log(desk: Desk, make_charger: MakeCharger) -> tuple[str, dict[str, Any]]:
    """An address to which nothing has been uploaded yet, although its charger says so."""
    charger = make_charger(mishaps=frozenset({Mishap.NO_FILE}))
    job = _ask(desk)
    wait_for(lambda: _when(desk, job, "running"), lambda found: found["word"] == "Uploaded")
    return _address(charger), job


def _download(desk: Desk, live: LiveServer, file: dict[str, Any]) -> requests.Response:
    desk.call("GET", "/chargers")
    headers = {"Authorization": f"Bearer {desk._token}"}
    return requests.get(live.url + file["url"], headers=headers, timeout=10)


@pytest.mark.parametrize(
    ("kind", "upload"),
    [("diagnostics", Upload.PUT), ("diagnostics_log", Upload.POST), ("security_log", Upload.FORM)],
)
def test_a_log_comes_and_can_be_downloaded(
    live: LiveServer, desk: Desk, make_charger: MakeCharger, kind: str, upload: Upload
) -> None:  # TC_045_1, TC_079
    make_charger(upload=upload)
    done = _when(desk, _ask(desk, kind=kind), "done", "failed")
    assert (done["state"], done["word"]) == ("done", "Uploaded")
    (file,) = done["files"]
    assert file["name"] == done["file_name"]
    got = _download(desk, live, file)
    assert got.headers["Content-Disposition"] == f"attachment; filename={file['name']}"
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert b"BootNotification" in got.content
    assert len(got.content) == file["size_bytes"]
    command = desk.command_when(done["command_id"], lambda x: x["observed_at"] is not None)
    assert command["effect"] == "log_received"
    assert live.faults() == []


@pytest.mark.sqlite_is_enough
def test_a_log_that_fails_says_so(desk: Desk, make_charger: MakeCharger) -> None:  # TC_045_2
    make_charger(mishaps=frozenset({Mishap.UPLOAD_FAILURE}))
    for kind, word in (("diagnostics", "UploadFailed"), ("security_log", "UploadFailure")):
        failed = _when(desk, _ask(desk, kind=kind), "done", "failed")
        assert (failed["state"], failed["detail"]) == ("failed", f"The charger said {word}.")


@pytest.mark.sqlite_is_enough
def test_uploaded_is_believed_when_the_file_is_there(desk: Desk, make_charger: MakeCharger) -> None:
    charger = make_charger(mishaps=frozenset({Mishap.NO_FILE}))
    job = _ask(desk, kind="security_log")
    path = f"/chargers/CP-1/logs/{job['id']}"
    told = wait_for(lambda: desk.call("GET", path), lambda found: found["word"] == "Uploaded")
    assert told["state"] == "running"
    assert requests.put(_address(charger), data=b"late, and yet", timeout=10).status_code == 201
    done = _when(desk, job, "done")
    assert [x["size_bytes"] for x in done["files"]] == [13]


@pytest.mark.sqlite_is_enough
def test_a_charger_drops_a_log_for_a_newer_one(desk: Desk, make_charger: MakeCharger) -> None:
    charger = make_charger()
    charger.answer_with("GetLog", {"status": "Accepted", "filename": "a.log"})
    first = _ask(desk, kind="security_log")
    desk.command_when(first["command_id"], lambda x: x["state"] == "accepted")
    charger.answer_with("GetLog", {"status": "AcceptedCanceled", "filename": "b.log"})
    second = _ask(desk, kind="security_log")
    assert _when(desk, first, "cancelled")["detail"] == "The charger dropped it for a newer one."
    assert desk.command(second["command_id"])["state"] == "accepted"


@pytest.mark.sqlite_is_enough
def test_an_upload_that_is_too_large_leaves_nothing(
    live: LiveServer, desk: Desk, make_charger: MakeCharger
) -> None:
    address, job = _address_of_a_log(desk, make_charger)

    def pieces() -> Iterator[bytes]:
        for _ in range(12):
            yield b"x" * 100_000

    assert requests.put(address, data=b"x" * 1_200_000, timeout=10).status_code == 413
    assert requests.post(address, files={"file": b"x" * 1_200_000}, timeout=10).status_code == 413
    assert requests.put(address, data=pieces(), timeout=10).status_code == 413
    assert list((live.directory / "logs").iterdir()) == []
    assert requests.put(address, data=b"x" * 900_000, timeout=10).status_code == 201
    assert [x.stat().st_size for x in (live.directory / "logs").iterdir()] == [900_000]
    assert live.faults() == []


NAMES = {
    "/../../../etc/passwd": "passwd",
    "/%2e%2e%2f%2e%2e%2fsecret_key": "secret_key",
    "//double//slash.log": "slash.log",
    "glued.log": "glued.log",
    "/..%5c..%5cboot.ini": "boot.ini",
    "/%3Cscript%3EX-Evil:1.log": "_script_X-Evil_1.log",
    "/.hidden": "hidden",
}


@pytest.mark.sqlite_is_enough
def test_names_lead_nowhere(live: LiveServer, desk: Desk, make_charger: MakeCharger) -> None:
    address, job = _address_of_a_log(desk, make_charger)
    with requests.Session() as session:
        for sent in NAMES:
            request = requests.Request("PUT", "http://localhost", data=b"content").prepare()
            request.url = address + sent  # as it stands: the library would tidy it up
            assert session.send(request, timeout=10).status_code == 201, sent
    files = _when(desk, job, "done")["files"]
    assert [x["name"] for x in files] == list(NAMES.values())
    on_disk = list((live.directory / "logs").iterdir())
    assert len(on_disk) == len(NAMES)
    assert all(re.fullmatch(r"[0-9a-f]{32}", x.name) and x.stat().st_mode & 0o077 == 0 for x in on_disk)
    assert _download(desk, live, files[0]).content == b"content"


@pytest.mark.sqlite_is_enough
def test_an_address_ends(live: LiveServer, desk: Desk, make_charger: MakeCharger) -> None:
    address, job = _address_of_a_log(desk, make_charger)
    assert requests.get(address, timeout=10).status_code == 404  # it takes, and does not give
    assert requests.put(address[:-1] + "~", data=b"x", timeout=10).status_code == 404
    with desk.writing() as session:
        stored = session.get(Job, job["id"])
        assert stored is not None
        assert stored.address_until is not None
        stored.address_until = stored.requested_at
    assert requests.put(address, data=b"x", timeout=10).status_code == 404
    answers = [requests.put(f"{live.url}/transfers/{'a' * 22}", timeout=10).status_code for _ in range(40)]
    assert answers[-1] == 429


@pytest.mark.sqlite_is_enough
def test_passwords_and_addresses_are_not_shown_again(
    live: LiveServer, desk: Desk, make_charger: MakeCharger
) -> None:
    charger = make_charger(mishaps=frozenset({Mishap.NO_FILE}))
    job = _ask(desk, location="ftp://robot:p@ss@files.example.org/in/")
    assert _when(desk, job, "done")["location"] == "ftp://robot:…@files.example.org/in/"
    assert any("ftp://robot:p@ss@" in x.text for x in charger.frames())
    _when(desk, _ask(desk), "running")
    token = _address(charger)[-22:]
    seen = json.dumps(
        [
            desk.call("GET", "/chargers/CP-1/frames?limit=200"),
            desk.call("GET", "/commands"),
            desk.call("GET", "/chargers/CP-1/logs"),
        ]
    )
    assert "p@ss" not in seen
    assert token not in seen
    assert "robot" in seen


@pytest.mark.sqlite_is_enough
def test_an_order_in_the_charger_s_own_words_gets_its_job(desk: Desk, make_charger: MakeCharger) -> None:
    make_charger()
    log = {"remoteLocation": "http://127.0.0.1:9/", "oldestTimestamp": "2026-01-01T00:00:00Z"}
    command_id = desk.order("GetLog", {"logType": "SecurityLog", "requestId": 7, "log": log})
    desk.command_when(command_id, lambda x: x["state"] == "accepted")
    found = wait_for(
        lambda: desk.call("GET", "/chargers/CP-1/logs")["data"], lambda x: x and x[0]["state"] == "failed"
    )
    assert (found[0]["request_id"], found[0]["kind"]) == (7, "security_log")
