"""Firmware on its whole way: into the library, fetched over HTTP by a charger, installed, and seen in its boot."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from csms.domain.maintenance import Job
from csms.simulator import Charger, ChargerOptions
from csms.simulator.mishaps import Mishap
from tests.desk import Desk, wait_for
from tests.live import LiveServer
from tests.simulated import simulated

MakeCharger = Callable[..., Charger]
CONTENT = b"version: 2.1.0\n" + bytes(range(256)) * 4_000
SIGNED = {
    "signing_certificate": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    "signature": "c2lnbmF0dXJl",
}


@pytest.fixture
def make_charger(live: LiveServer) -> Iterator[MakeCharger]:
    with ExitStack() as made:

        def make(identity: str = "CP-1", **options: Any) -> Charger:
            given = ChargerOptions(reconnect_s=0.05, reboot_s=0.05, **options)
            return made.enter_context(simulated(live, identity, given))

        yield make


def _add(desk: Desk, content: bytes = CONTENT, version: str = "2.1.0", **more: str) -> dict[str, Any]:
    about = {"name": f"box-{version}.bin", "version": version, "vendor": "Amberline", **more}
    added = desk.call("POST", "/firmware", 201, json=about)
    headers = {"Content-Type": "application/octet-stream"}
    return dict(desk.call("PUT", f"/firmware/{added['id']}/file", data=content, headers=headers))


def _update(desk: Desk, firmware: dict[str, Any] | None = None, **wanted: Any) -> dict[str, Any]:
    given = {"firmware_id": firmware["id"]} if firmware else {}
    return dict(desk.call("POST", "/chargers/CP-1/firmware", 201, json=given | wanted))


def _over(desk: Desk, job: dict[str, Any]) -> dict[str, Any]:
    path = f"/chargers/CP-1/firmware/{job['id']}"
    return wait_for(lambda: desk.call("GET", path), lambda found: found["finished_at"] is not None)


def _words(charger: Charger) -> list[str]:
    """What the charger has told, in order."""
    pattern = r'"(?:Signed)?FirmwareStatusNotification",\{"status":\s*"(\w+)"'
    return [
        found[1] for x in charger.frames() if x.direction == "sent" and (found := re.search(pattern, x.text))
    ]


def _address(charger: Charger) -> str:
    found = [re.search(r"http://[^\"]+/transfers/[^\"]+", x.text) for x in charger.frames()]
    return [x[0] for x in found if x][-1]


@pytest.mark.parametrize("is_signed", [False, True])
def test_firmware_is_installed_when_the_charger_has_booted_with_it(
    live: LiveServer, desk: Desk, make_charger: MakeCharger, is_signed: bool
) -> None:  # TC_044_1, TC_080
    charger = make_charger()
    firmware = _add(desk, **(SIGNED if is_signed else {}))
    done = _over(desk, _update(desk, firmware, retries=2, retry_interval_s=1))
    assert (done["state"], done["detail"]) == ("done", "It has booted with 2.1.0.")
    assert done["kind"] == ("signed_firmware" if is_signed else "firmware")
    assert (done["version_before"], done["version_seen"]) == ("1.0.0", "2.1.0")
    assert done["fetched_at"] is not None
    verified = ["SignatureVerified"] if is_signed else []
    assert _words(charger) == ["Downloading", "Downloaded", *verified, "Installing", "Installed"]
    command = desk.command_when(done["command_id"], lambda x: x["observed_at"] is not None)
    assert command["effect"] == "firmware_installed"
    assert command["action"] == ("SignedUpdateFirmware" if is_signed else "UpdateFirmware")
    assert live.faults() == []


@pytest.mark.parametrize(
    ("mishap", "words"),
    [
        (Mishap.DOWNLOAD_FAILED, "The charger said DownloadFailed."),  # TC_044_2
        (Mishap.INSTALLATION_FAILED, "The charger said InstallationFailed."),  # TC_044_3
        (Mishap.INVALID_SIGNATURE, "The charger said InvalidSignature."),  # TC_081
    ],
)
@pytest.mark.sqlite_is_enough
def test_firmware_that_fails_says_so(
    desk: Desk, make_charger: MakeCharger, mishap: Mishap, words: str
) -> None:
    make_charger(mishaps=frozenset({mishap}))
    failed = _over(desk, _update(desk, _add(desk, **SIGNED)))
    assert (failed["state"], failed["detail"]) == ("failed", words)
    assert desk.command(failed["command_id"])["observed_at"] is None


@pytest.mark.sqlite_is_enough
def test_installed_is_not_believed_without_the_boot(desk: Desk, make_charger: MakeCharger) -> None:
    make_charger(mishaps=frozenset({Mishap.OLD_VERSION}))
    job = _update(desk, _add(desk))
    path = f"/chargers/CP-1/firmware/{job['id']}"
    told = wait_for(lambda: desk.call("GET", path), lambda found: found["word"] == "Installed")
    assert told["state"] == "running"
    with desk.writing() as session:
        stored = session.get(Job, job["id"])
        assert stored is not None
        stored.due_at = stored.requested_at
    words = "It says Installed, but reports version 1.0.0: it may need a reset."
    assert _over(desk, job)["detail"] == words


@pytest.mark.sqlite_is_enough
def test_a_charger_boots_with_something_else(desk: Desk, make_charger: MakeCharger) -> None:
    make_charger()
    failed = _over(desk, _update(desk, _add(desk, version="2.2.0")))
    assert failed["detail"] == "It has booted with 2.1.0, not with 2.2.0."


@pytest.mark.sqlite_is_enough
def test_a_download_goes_on_where_it_was_cut_off(desk: Desk, make_charger: MakeCharger) -> None:
    charger = make_charger()
    charger.answer_with("UpdateFirmware", {})
    job = _update(desk, _add(desk))
    desk.command_when(job["command_id"], lambda x: x["state"] == "accepted")
    address = _address(charger)
    assert address.endswith("/box-2.1.0.bin")
    head = requests.head(address, timeout=10)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(CONTENT)))
    assert head.headers["Accept-Ranges"] == "bytes"
    part = requests.get(address, headers={"Range": "bytes=700000-"}, timeout=10)
    assert (part.status_code, part.content) == (206, CONTENT[700_000:])
    assert part.headers["Content-Range"] == f"bytes 700000-{len(CONTENT) - 1}/{len(CONTENT)}"
    middle = {"Range": "bytes=10-19", "If-Range": part.headers["ETag"]}
    assert requests.get(address, headers=middle, timeout=10).content == CONTENT[10:20]
    assert requests.get(address, headers={"Range": "bytes=9999999-"}, timeout=10).status_code == 416
    assert requests.get(address, timeout=10).content == CONTENT
    assert requests.put(address, data=b"x", timeout=10).status_code == 404  # it gives, and does not take
    with desk.writing() as session:
        stored = session.get(Job, job["id"])
        assert stored is not None
        stored.address_until = stored.requested_at
    assert requests.get(address, timeout=10).status_code == 404


@pytest.mark.sqlite_is_enough
def test_the_library_refuses_what_makes_no_sense(
    live: LiveServer, desk: Desk, make_charger: MakeCharger
) -> None:
    make_charger()
    desk.call("POST", "/firmware", 422, json={"version": "1", "signature": "c2ln"})
    desk.call("POST", "/firmware", 422, json={"version": "1", **SIGNED, "signature": "no Base64!"})
    empty = desk.call("POST", "/firmware", 201, json={"version": "3.0"})
    desk.call("PUT", f"/firmware/{empty['id']}/file", 422, data=b"")
    desk.call("POST", "/chargers/CP-1/firmware", 422, json={"firmware_id": empty["id"]})
    firmware = _add(desk)
    desk.call("PUT", f"/firmware/{firmware['id']}/file", 409, data=b"something else")
    assert len(list((live.directory / "firmware").iterdir())) == 1
    assert live.faults() == []


def test_a_rollout_stops_at_a_failed_canary_and_goes_on_when_told(
    live: LiveServer, desk: Desk, make_charger: MakeCharger
) -> None:
    make_charger("CP-1", mishaps=frozenset({Mishap.INSTALLATION_FAILED}))
    for identity in ("CP-2", "CP-3"):
        make_charger(identity)
    about = {"firmware_id": _add(desk)["id"], "name": "To 2.1.0", "stages": [30, 100], "gate_s": 0}
    begun = desk.call("POST", "/rollouts", 201, json=about)
    assert begun["jobs"] == {"ordered": 1, "waiting": 2}
    path = f"/rollouts/{begun['id']}"
    paused = wait_for(lambda: desk.call("GET", path), lambda found: found["state"] == "paused")
    assert paused["reason"] == "CP-1: The charger said InstallationFailed."
    assert paused["jobs"] == {"failed": 1, "waiting": 2}
    assert desk.call("POST", f"{path}/resume")["state"] == "running"
    done = wait_for(lambda: desk.call("GET", path), lambda found: found["state"] == "done")
    assert done["jobs"] == {"failed": 1, "done": 2}
    jobs = desk.call("GET", f"{path}/jobs")["data"]
    assert [(x["charger"], x["version_seen"]) for x in jobs] == [
        ("CP-1", None),
        ("CP-2", "2.1.0"),
        ("CP-3", "2.1.0"),
    ]
    assert desk.command(jobs[1]["command_id"])["observed_at"] is not None
    assert live.faults() == []
