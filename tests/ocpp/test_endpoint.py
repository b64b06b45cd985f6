"""Knocking at the chargers' door, over real sockets: who is let in, who is not, and what is remembered of it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from make import make_charger
from sqlalchemy import func, select

from csms import clock
from csms.domain import chargers
from csms.domain.chargers import Admission, Attempt, AuthorizationPolicy, Charger, RefusalCause, keys
from tests.desk import Desk, wait_for
from tests.flows.peer import basic, dial, knock
from tests.live import SECRET_KEY, LiveServer
from tests.nursery import ForkedServer, Nursery

PEPPER = hashlib.sha256(b"charger keys" + SECRET_KEY.encode()).digest()
STRICT = {"CSMS_LAB": "0", "UNKNOWN_CHARGERS": "pending"}

# What is refused or let in before anything is stored is the same on every database: one server for many tests.


@pytest.fixture(scope="module")
def lab(nursery: Nursery, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    yield from _house(nursery, sqlite_template, tmp_path_factory.mktemp("lab"), {})


@pytest.fixture(scope="module")
def strict(
    nursery: Nursery, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    yield from _house(nursery, sqlite_template, tmp_path_factory.mktemp("strict"), STRICT)


def _house(nursery: Nursery, template: Path, directory: Path, settings: dict[str, str]) -> Iterator[Desk]:
    shutil.copy(template, directory / "amberline.db")
    server = ForkedServer(nursery, directory, f"sqlite:///{directory / 'amberline.db'}", **settings)
    server.start()
    desk = Desk(server)
    yield desk
    desk.close()
    server.stop()


def add(desk: Desk, identity: str, key: str | None = None, **more: Admission) -> None:
    with desk.writing() as session:
        charger = make_charger(session, identity, **more)  # type: ignore[arg-type]
        charger.key_hash = keys.hash_key(key, PEPPER) if key else None


def attempt_of(desk: Desk, cause: RefusalCause, identity: str) -> Attempt:
    with desk.reading() as session:
        query = select(Attempt).where(Attempt.cause == cause, Attempt.identity == identity)
        return session.scalars(query).one()


def charger_count(desk: Desk) -> int:
    with desk.reading() as session:
        return session.scalar(select(func.count()).select_from(Charger)) or 0


# The address.


@pytest.mark.seed("001", "WS /ws/ocpp/<charge_point_id>/")
@pytest.mark.seed("003", "WS /ws/ocpp/<charger_id>/")
@pytest.mark.seed("004", "WS /<path>/<charger_id>/")
@pytest.mark.parametrize(
    ("path", "identity"),
    [
        ("/root-1", "root-1"),
        ("/ws/ocpp/usual-1", "usual-1"),
        ("/steve/websocket/CentralSystemService/old-home", "old-home"),
        ("/ws/ocpp/trailing-slash/", "trailing-slash"),
        ("/ws//ocpp//double-slash", "double-slash"),
        ("/ws/ocpp/RDAM%20123", "RDAM 123"),
        ("/ws/ocpp/%C3%89lan-2", "Élan-2"),
        ("/ws/ocpp/with-query?station=9", "with-query"),
        ("/ws/ocpp/" + "x" * 48, "x" * 48),
    ],
)
def test_the_last_part_of_any_path_is_the_identity(lab: Desk, path: str, identity: str) -> None:
    shake = knock(lab.server, path)
    assert shake.status == 101, shake.text
    wait_for(lambda: lab.charger(identity).last_path, lambda seen: seen == path.partition("?")[0])
    shake.sock.close()


def test_an_identity_is_known_in_any_case_and_kept_as_first_seen(lab: Desk) -> None:
    for path in ("/ws/ocpp/Town-Hall", "/later/TOWN-HALL"):
        peer = dial(lab.server, path)
        assert peer.boot()["status"] == "Accepted"
        peer.close()
    with lab.reading() as session:
        charger = session.scalars(select(Charger).where(Charger.identity_folded == "town-hall")).one()
        assert (charger.identity, charger.last_path) == ("Town-Hall", "/later/TOWN-HALL")


@pytest.mark.parametrize(
    "path",
    ["/ws/ocpp/" + "x" * 49]
    + [
        f"/ws/ocpp/{end}"
        for end in ("A:B", "A%3AB", "A%2FB", "A%5CB", "%FF%FE", "A%00", "A%0AB", "..", "%20", "..%2f..")
    ],
)
def test_what_can_be_no_identity_is_refused_with_the_remedy(lab: Desk, path: str) -> None:
    before = charger_count(lab)
    shake = knock(lab.server, path)
    assert shake.status == 400, shake.text
    assert charger_count(lab) == before
    attempt = attempt_of(lab, RefusalCause.BAD_IDENTITY, "")
    assert attempt.path == path
    assert "identity" in attempt.remedy


def test_an_address_that_names_nothing_is_not_found(lab: Desk) -> None:
    assert knock(lab.server, "/").status == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [("/ws/echo", 101), ("/ws/frontend", 101), ("/ws/updates", 404), ("/ws/updates/7", 404)],
)
def test_reserved_addresses_are_no_chargers(lab: Desk, path: str, status: int) -> None:
    before = charger_count(lab)
    shake = knock(lab.server, path)
    shake.sock.close()
    assert shake.status == status
    assert charger_count(lab) == before


def test_a_browser_at_a_chargers_address_is_no_charger(lab: Desk) -> None:
    before = charger_count(lab)
    assert requests.get(f"{lab.server.url}/ws/ocpp/browser-1", timeout=10).status_code == 404
    assert requests.get(f"{lab.server.url}/healthz", timeout=10).status_code == 200
    assert charger_count(lab) == before


# The version.


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [("ocpp1.6", "ocpp1.6"), ("ocpp0.1, ocpp1.6", "ocpp1.6"), ("ocpp1.6,ocpp0.1", "ocpp1.6"), (None, None)],
)
def test_the_first_version_that_both_speak_is_chosen(
    lab: Desk, offered: str | None, chosen: str | None
) -> None:
    shake = knock(lab.server, "/ws/ocpp/versions-1", offered=offered)
    shake.sock.close()
    assert shake.status == 101
    assert shake.headers.get("sec-websocket-protocol") == chosen


@pytest.mark.seed("001", "WS /ws/ocpp/<charge_point_id>/")
def test_without_a_sub_protocol_1_6_is_spoken_in_the_lab(lab: Desk) -> None:
    peer = dial(lab.server, "/ws/ocpp/versions-2", offered=None)
    assert peer.boot()["status"] == "Accepted"
    peer.close()
    assert lab.charger("versions-2").protocol == "ocpp1.6"


def test_a_version_that_is_not_spoken_here_gets_no_upgrade(lab: Desk) -> None:
    shake = knock(lab.server, "/ws/ocpp/versions-3", offered="ocpp0.1")
    assert shake.status == 400
    attempt = attempt_of(lab, RefusalCause.UNSUPPORTED_SUBPROTOCOL, "versions-3")
    assert "ocpp0.1" in attempt.detail
    assert "ocpp1.6" in attempt.remedy
    assert attempt.status_code == 400


def test_outside_the_lab_a_charger_must_say_which_version_it_speaks(strict: Desk) -> None:
    assert knock(strict.server, "/ws/ocpp/versions-4", offered=None).status == 400
    assert attempt_of(strict, RefusalCause.NO_SUBPROTOCOL, "versions-4").remedy


# The key.

SPEC_KEY = "0001020304050607FFFFFFFFFFFFFFFFFFFFFFFF"
SPEC_HEADER = "Basic QUwxMDAwOgABAgMEBQYH////////////////"  # OCPP-J 1.6 §6.2.2


def test_the_specifications_own_header_of_binary_bytes_is_let_in(strict: Desk) -> None:
    add(strict, "AL1000", SPEC_KEY)
    for authorization in (SPEC_HEADER, basic("AL1000", SPEC_KEY), basic("al1000", SPEC_KEY.lower())):
        shake = knock(strict.server, "/ws/ocpp/AL1000", authorization=authorization)
        assert shake.status == 101, shake.text
        shake.sock.close()


def test_a_password_may_have_colons(strict: Desk) -> None:
    add(strict, "colon-1", "let:me:in:please")
    shake = knock(strict.server, "/ws/ocpp/colon-1", authorization=basic("colon-1", "let:me:in:please"))
    assert shake.status == 101, shake.text
    shake.sock.close()


@pytest.mark.parametrize(
    ("number", "authorization", "cause"),
    [
        (1, None, RefusalCause.NO_CREDENTIAL),
        (2, "Bearer abc", RefusalCause.NO_CREDENTIAL),
        (3, "Basic !!!", RefusalCause.NO_CREDENTIAL),
        (4, basic("locked-4", "0" * 40), RefusalCause.WRONG_CREDENTIAL),
        (5, basic("locked-5", b"\xff\xfe\xfd"), RefusalCause.WRONG_CREDENTIAL),
        (6, basic("somebody-else", SPEC_KEY), RefusalCause.IDENTITY_MISMATCH),
        (7, basic(b"\xff\xfe", SPEC_KEY), RefusalCause.IDENTITY_MISMATCH),
    ],
)
def test_without_the_right_key_there_is_no_upgrade(
    strict: Desk, number: int, authorization: str | None, cause: RefusalCause
) -> None:
    identity = f"locked-{number}"
    add(strict, identity, SPEC_KEY)
    source = f"127.0.1.{number}"  # an address of its own: failures are counted by address, too
    shake = knock(strict.server, f"/ws/ocpp/{identity}", authorization=authorization, source=source)
    assert shake.status == 401
    assert shake.headers["www-authenticate"].startswith("Basic")
    attempt = attempt_of(strict, cause, identity)
    assert (attempt.address, attempt.status_code, attempt.count) == (source, 401, 1)
    assert attempt.remedy
    assert strict.charger(identity).last_path is None


def test_whoever_guesses_keys_is_slowed_down_and_the_live_connection_stays(strict: Desk) -> None:
    add(strict, "guessed-1", SPEC_KEY)
    right = basic("guessed-1", SPEC_KEY)
    peer = dial(strict.server, "/ws/ocpp/guessed-1", authorization=right)
    statuses = [
        knock(
            strict.server,
            "/ws/ocpp/guessed-1",
            authorization=basic("guessed-1", "f" * 40),
            source="127.0.2.1",
        ).status
        for _ in range(6)
    ]
    assert statuses == [401] * 5 + [429]
    assert attempt_of(strict, RefusalCause.WRONG_CREDENTIAL, "guessed-1").count == 5
    assert peer.tell("Heartbeat", {})["currentTime"]
    peer.close()


def test_a_charger_that_keeps_reconnecting_is_asked_to_wait(strict: Desk) -> None:
    add(strict, "flapping-1")
    shakes = []
    for _ in range(7):
        shakes.append(knock(strict.server, "/ws/ocpp/flapping-1"))
        shakes[-1].sock.close()
    assert [shake.status for shake in shakes][-1] == 503
    assert {shake.status for shake in shakes[:6]} <= {101, 409}
    assert int(shakes[-1].headers["retry-after"]) > 0
    assert attempt_of(strict, RefusalCause.TOO_MANY_ATTEMPTS, "flapping-1").remedy


# The house rules, on both databases.


@pytest.fixture
def live_settings() -> dict[str, str]:
    return STRICT


def adopt(desk: Desk, identity: str) -> None:
    with desk.writing() as session:
        charger = chargers.find(session, identity)
        assert charger is not None
        chargers.adopt(session, charger, policy=AuthorizationPolicy.OPEN, at=clock.now())


@pytest.mark.seed("all", "Boot interval")
def test_chargers_do_not_beat_all_at_once_and_each_keeps_its_beat(live: LiveServer, desk: Desk) -> None:
    intervals = []
    for identity in ("beat-1", "beat-2", "beat-3", "beat-1"):
        peer = dial(live, f"/ws/ocpp/{identity}")
        peer.boot()
        if len(intervals) < 3:
            adopt(desk, identity)
        intervals.append(peer.boot()["interval"])
        peer.close()
    assert all(270 <= interval <= 330 for interval in intervals)
    assert len(set(intervals[:3])) > 1
    assert intervals[3] == intervals[0]


@pytest.mark.seed("all", "Unknown chargers")
def test_an_unknown_charger_waits_until_somebody_adopts_it(live: LiveServer, desk: Desk) -> None:
    peer = dial(live, "/ws/ocpp/newcomer-1")
    waiting = peer.boot()
    assert (waiting["status"], waiting["interval"]) == ("Pending", 60)
    assert peer.exchange("Heartbeat", {})[2] == "SecurityError"
    adopt(desk, "newcomer-1")  # by another process, of which the server hears nothing
    assert peer.boot()["status"] == "Accepted"
    assert peer.tell("Heartbeat", {})["currentTime"]
    peer.close()


def test_a_live_connection_hears_that_its_charger_was_adopted(live: LiveServer, desk: Desk) -> None:
    peer = dial(live, "/ws/ocpp/newcomer-2")
    peer.boot()
    desk.call("PATCH", "/chargers/newcomer-2", json={"admission": "accepted"})
    wait_for(lambda: peer.exchange("Heartbeat", {})[0], lambda seen: seen == 3, 2)
    peer.close()


def test_a_live_connection_ends_when_its_charger_is_rejected_and_may_come_again_once_it_is_let_in(
    live: LiveServer, desk: Desk
) -> None:
    add(desk, "outcast-2")
    peer = dial(live, "/ws/ocpp/outcast-2")
    peer.boot()
    desk.call("PATCH", "/chargers/outcast-2", json={"admission": "rejected"})
    assert peer.close_code() == 1008  # though it has said nothing since
    assert not desk.call("GET", "/chargers/outcast-2")["is_online"]
    assert knock(live, "/ws/ocpp/outcast-2").status == 403
    desk.call("PATCH", "/chargers/outcast-2", json={"admission": "accepted"})
    peer = dial(live, "/ws/ocpp/outcast-2")
    assert peer.boot()["status"] == "Accepted"
    peer.close()


def test_a_waiting_charger_is_told_to_boot_as_soon_as_it_is_let_in(live: LiveServer, desk: Desk) -> None:
    peer = dial(live, "/ws/ocpp/newcomer-3")
    assert peer.boot()["status"] == "Pending"
    desk.call("PATCH", "/chargers/newcomer-3", json={"admission": "accepted"})
    order = peer.order()
    assert (order.action, order.payload) == ("TriggerMessage", {"requestedMessage": "BootNotification"})
    peer.answer(order, {"status": "Accepted"})
    assert peer.boot()["status"] == "Accepted"
    peer.close()


def test_a_rejected_charger_is_not_let_in(live: LiveServer, desk: Desk) -> None:
    add(desk, "outcast-1", admission=Admission.REJECTED)
    assert knock(live, "/ws/ocpp/outcast-1").status == 403
    assert attempt_of(desk, RefusalCause.REJECTED_CHARGER, "outcast-1").remedy


@pytest.mark.seed("000", "Pre-registration")
@pytest.mark.seed("all", "Unknown chargers")
def test_where_unknown_chargers_are_refused_nothing_comes_into_being(
    servers: Callable[..., ForkedServer],
) -> None:
    server = servers(CSMS_LAB="0", UNKNOWN_CHARGERS="refuse")
    server.start()
    desk = Desk(server)
    for _ in range(2):
        assert knock(server, "/ws/ocpp/stranger-1").status == 404
    assert charger_count(desk) == 0
    attempt = attempt_of(desk, RefusalCause.UNKNOWN_CHARGER, "stranger-1")
    assert (attempt.count, attempt.path) == (2, "/ws/ocpp/stranger-1")
    assert "Add the charger" in attempt.remedy
    desk.close()
