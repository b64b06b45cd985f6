"""Desired configuration on the wire: keys are read back after a boot, compared, written, and verified after a reset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from make import NOW, Wire, make_charger, make_wire, store
from orders import Taken, answer, fail, take
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from csms.domain import chargers, commands, configuration, quiet
from csms.domain.base import Refused
from csms.domain.commands import Command, Kind
from csms.domain.configuration import Apply, Draft, State, queries
from csms.domain.frames import Frame
from csms.ocpp.v16.configuration import VOCABULARY

BOOT = {"chargePointVendor": "Volta", "chargePointModel": "Duo", "firmwareVersion": "4.2.17"}
SETTLED = NOW + timedelta(seconds=30)
CORE = dict.fromkeys(VOCABULARY.required, "1")


def run_jobs(session: Session, at: datetime) -> None:
    """One round of what happens by itself."""
    for job in (configuration.read_due, configuration.apply_due, configuration.reset_due):
        job(session, at)
        store(session)


@dataclass
class Box:
    """A charger with keys. `most`: how many it tells at a time; `replies`: its answer to the writing of a key."""

    wire: Wire
    keys: dict[str, str]
    most: int = 100
    replies: dict[str, str] = field(default_factory=dict)
    seen: list[Taken] = field(default_factory=list)

    def boot(self, at: datetime = NOW) -> None:
        self.wire.call("BootNotification", BOOT, id=f"boot-{at.timestamp()}", at=at)

    def work(self, at: datetime = SETTLED, rounds: int = 8) -> list[Taken]:
        """Let the jobs run and answer whatever is asked, until nothing is; what was asked."""
        begun = len(self.seen)
        for _ in range(rounds):
            run_jobs(self.wire.session, at)
            while (order := take(self.wire, at)) is not None:
                self.seen.append(order)
                answer(self.wire, order, self._reply(order), at)
        return self.seen[begun:]

    def _reply(self, order: Taken) -> dict[str, Any]:
        if order.action == "GetConfiguration":
            asked = order.payload.get("key")
            names = list(self.keys) if asked is None else [x for x in asked if x in self.keys]
            told = [{"key": x, "readonly": False, "value": self.keys[x]} for x in names[: self.most]]
            return {"configurationKey": told, "unknownKey": [x for x in asked or () if x not in self.keys]}
        if order.action == "ChangeConfiguration":
            status = self.replies.get(order.payload["key"], "Accepted")
            if status in ("Accepted", "RebootRequired"):
                self.keys[order.payload["key"]] = order.payload["value"]
            return {"status": status}
        return {"status": "Accepted"}

    def drift(self, at: datetime = SETTLED) -> dict[str, State]:
        charger = chargers.get(self.wire.session, self.wire.charger.id)
        found = {x.wish.name: x.state for x in queries.drift(self.wire.session, charger, at=at)}
        self.wire.session.rollback()
        self.wire.session.connection(execution_options={"writes": True})
        return found


def actions(orders: list[Taken]) -> list[str]:
    return [order.action for order in orders]


@pytest.fixture
def box(wire: Wire) -> Box:
    return Box(wire, dict(CORE))


def want(session: Session, wanted: dict[str, str], **more: Any) -> configuration.Template:
    draft = {"name": "Duo", "vendor": "volta", "model": None, "firmware": None, "site": None} | more
    template = configuration.create(session, Draft(wanted=wanted, **draft), at=NOW)
    store(session)
    return template


def test_a_charger_is_read_back_once_after_it_has_settled(box: Box) -> None:
    box.boot()
    assert box.work(NOW + timedelta(seconds=5)) == []
    assert [x.payload for x in box.work()] == [{}]
    keys = queries.keys_of(box.wire.session, box.wire.charger.id)
    assert keys["heartbeatinterval"].value == "1"


def test_a_charger_that_cuts_its_answer_is_asked_for_the_rest_in_pieces(box: Box) -> None:
    box.most = 3
    box.keys = {"GetConfigurationMaxKeys": "3"} | box.keys | {"GetConfigurationMaxKeys": "3"}
    box.boot()
    orders = box.work()
    assert orders[0].payload == {}
    assert all(1 <= len(x.payload["key"]) <= 3 for x in orders[1:])
    keys = queries.keys_of(box.wire.session, box.wire.charger.id)
    assert {x.name for x in keys.values() if not x.is_missing} == set(CORE)
    assert keys["blinkrepeat"].is_missing


def test_a_charger_that_cannot_answer_is_asked_for_less_and_then_left_alone(box: Box) -> None:
    box.boot()
    session, at = box.wire.session, SETTLED
    asked = 0
    for _ in range(12):
        run_jobs(session, at)
        while (order := take(box.wire, at)) is not None:
            asked += 1
            fail(box.wire, order, "InternalError", at)
        at += timedelta(minutes=6)
    assert asked == 5


def test_a_charger_that_tells_what_it_was_not_asked_is_left_alone_too(box: Box) -> None:
    box.boot()
    babble = {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "1"}]}
    asked = []
    for _ in range(8):
        run_jobs(box.wire.session, SETTLED)
        while (order := take(box.wire, SETTLED)) is not None:
            answer(box.wire, order, babble, SETTLED)
            asked.append(order)
    run_jobs(box.wire.session, SETTLED)
    assert take(box.wire, SETTLED) is None
    assert asked[0].payload == {}


def test_what_a_template_wants_shows_as_drift_and_is_not_written_unless_it_says_so(box: Box) -> None:
    want(box.wire.session, {"HeartbeatInterval": "900", "ResetRetries": "01", "NoSuchKey": "x"})
    box.boot()
    assert set(actions(box.work())) == {"GetConfiguration"}
    assert box.drift() == {
        "HeartbeatInterval": State.DIFFERS,
        "ResetRetries": State.IN_STEP,
        "NoSuchKey": State.UNKNOWN,
    }


def test_what_differs_is_written_on_boot_and_read_back(box: Box) -> None:
    want(box.wire.session, {"HeartbeatInterval": "900"}, apply=Apply.ON_BOOT)
    box.boot()
    orders = box.work()
    assert actions(orders) == ["GetConfiguration", "ChangeConfiguration", "GetConfiguration"]
    assert orders[1].payload == {"key": "HeartbeatInterval", "value": "900"}
    assert orders[2].payload == {"key": ["HeartbeatInterval"]}
    assert box.drift() == {"HeartbeatInterval": State.IN_STEP}


def test_the_first_template_wins_and_others_add_what_it_does_not_say(box: Box) -> None:
    want(
        box.wire.session,
        {"HeartbeatInterval": "300", "ResetRetries": "5"},
        name="all",
        vendor=None,
        priority=20,
    )
    want(box.wire.session, {"HeartbeatInterval": "900"}, firmware="4.2", priority=10)
    want(box.wire.session, {"HeartbeatInterval": "60"}, model="Solo*", priority=1)
    box.boot()
    box.work()
    charger = chargers.get(box.wire.session, box.wire.charger.id)
    wishes = queries.wishes_of(box.wire.session, charger)
    assert {x.name: (x.value, x.template.name) for x in wishes.values()} == {
        "HeartbeatInterval": ("900", "Duo"),
        "ResetRetries": ("5", "all"),
    }


@pytest.mark.parametrize("status", ["Rejected", "NotSupported"])
def test_what_the_charger_refuses_is_not_tried_again_by_itself(box: Box, status: str) -> None:
    want(box.wire.session, {"HeartbeatInterval": "900"}, apply=Apply.ON_BOOT)
    box.replies["HeartbeatInterval"] = status
    box.boot()
    assert actions(box.work()).count("ChangeConfiguration") == 1
    later = NOW + timedelta(days=2)
    keep_online(box, later)
    box.boot(later)
    assert "ChangeConfiguration" not in actions(box.work(later + timedelta(minutes=1)))
    assert box.drift(later) == {"HeartbeatInterval": State.REFUSED}


def keep_online(box: Box, at: datetime) -> None:
    lease = box.wire.charger.lease
    assert lease is not None
    lease.online_until = at + timedelta(hours=1)
    store(box.wire.session)


def test_a_key_that_the_charger_forgets_is_written_three_times_a_day_and_no_more(box: Box) -> None:
    want(box.wire.session, {"HeartbeatInterval": "900"}, apply=Apply.ON_BOOT)
    written = 0
    for hour in range(5):
        at = NOW + timedelta(hours=hour)
        keep_online(box, at)
        box.keys["HeartbeatInterval"] = "1"
        box.boot(at)
        written += actions(box.work(at + timedelta(minutes=1))).count("ChangeConfiguration")
    assert written == 3
    box.keys["HeartbeatInterval"] = "1"
    at += timedelta(minutes=30)
    configuration.request_read(box.wire.session, box.wire.charger, by="olga", at=at)
    store(box.wire.session)
    box.work(at)
    with pytest.raises(Refused, match="written 3 times today.*possible again in 11 h"):
        configuration.request_apply(box.wire.session, box.wire.charger, by="olga", at=at)
    tomorrow = NOW + timedelta(days=1)
    configuration.request_apply(box.wire.session, box.wire.charger, by="olga", at=tomorrow)


def test_a_reset_that_a_key_asks_for_waits_for_the_end_of_the_session(box: Box) -> None:
    want(box.wire.session, {"HeartbeatInterval": "900"}, apply=Apply.ON_BOOT, resets=True)
    box.replies["HeartbeatInterval"] = "RebootRequired"
    begun = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": NOW.isoformat()}
    transaction = box.wire.call("StartTransaction", begun, id="start")["transactionId"]
    box.boot()
    assert "Reset" not in actions(box.work())
    assert box.drift() == {"HeartbeatInterval": State.WAITS}
    ended = {"transactionId": transaction, "meterStop": 10, "timestamp": SETTLED.isoformat()}
    box.wire.call("StopTransaction", ended, id="stop", at=SETTLED)
    assert actions(box.work()) == ["Reset"]
    back = SETTLED + timedelta(minutes=1)
    box.boot(back)
    assert actions(box.work(back + timedelta(minutes=20))) == ["GetConfiguration"]
    assert box.drift() == {"HeartbeatInterval": State.IN_STEP}


def test_a_charger_that_is_gone_is_written_to_when_it_is_back(box: Box) -> None:
    want(box.wire.session, {"HeartbeatInterval": "900"})
    box.boot()
    box.work()
    lease = box.wire.charger.lease
    assert lease is not None
    lease.online_until = None
    configuration.request_apply(box.wire.session, box.wire.charger, by="olga", at=SETTLED)
    store(box.wire.session)
    later = SETTLED + timedelta(hours=5)
    assert box.work(later) == []
    keep_online(box, later)
    assert "ChangeConfiguration" in actions(box.work(later))


def test_a_charger_that_boots_again_and_again_is_not_written_to_until_somebody_has_looked(box: Box) -> None:
    want(box.wire.session, {"HeartbeatInterval": "900"}, apply=Apply.ON_BOOT)
    for minute in range(6):
        box.boot(NOW + timedelta(minutes=minute))
    at = NOW + timedelta(minutes=8)
    assert actions(box.work(at)) == ["GetConfiguration"]
    configuration.resume(box.wire.session, box.wire.charger)
    store(box.wire.session)
    assert "ChangeConfiguration" in actions(box.work(at))


def test_nothing_at_all_is_sent_after_a_boot_in_quiet_mode_and_all_of_it_after(box: Box) -> None:
    want(box.wire.session, {"HeartbeatInterval": "900"}, apply=Apply.ON_BOOT)
    quiet.switch(box.wire.session, is_on=True, at=NOW)
    box.boot()
    assert box.work() == []
    configuration.request_read(box.wire.session, box.wire.charger, by="olga", at=SETTLED)
    store(box.wire.session)
    assert actions(box.work()) == ["GetConfiguration"]
    quiet.switch(box.wire.session, is_on=False, at=SETTLED)
    store(box.wire.session)
    assert actions(box.work()) == ["ChangeConfiguration", "GetConfiguration"]


def test_two_workers_ask_a_charger_once(box: Box, session: Session) -> None:
    box.boot()
    first = configuration.read_due(session, SETTLED)
    second = configuration.read_due(session, SETTLED)
    assert (first, second) == (1, 0)


def test_after_a_storm_of_boots_many_chargers_take_no_more_queries_than_few(session: Session) -> None:
    def asked(identities: list[str]) -> int:
        for identity in identities:
            make_wire(session, make_charger(session, identity, online=True)).call("BootNotification", BOOT)
        store(session)
        statements: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            statements.append(statement)

        event.listen(session.get_bind(), "before_cursor_execute", note)
        assert configuration.read_due(session, SETTLED) == len(identities)
        store(session)
        event.remove(session.get_bind(), "before_cursor_execute", note)
        return len(statements)

    assert asked([f"MANY-{x}" for x in range(20)]) == asked(["FEW-1", "FEW-2"])


@pytest.mark.parametrize(
    ("pattern", "firmware", "does"),
    [("4.2", "4.2.17", True), ("4.2", "4.3", False), ("*rc*", "4.2-RC1", True), ("4.2", None, False)],
)
def test_firmware_is_matched_by_its_beginning_or_by_a_pattern(
    make_described: Callable[..., Any], pattern: str, firmware: str | None, does: bool
) -> None:
    template = configuration.Template(firmware=pattern)
    assert configuration.rules.matches(template, make_described(firmware)) is does


@pytest.fixture
def make_described() -> Callable[..., Any]:
    return lambda firmware: chargers.Charger(firmware_version=firmware)


SECRET_PLACE = "ftp://box:SECRET-1@logs.example/in"


def everything(session: Session) -> str:
    """All that is kept of keys, of their writing, of orders and of messages."""
    tables = (chargers.ConfigurationKey, configuration.KeyWrite, Command, Frame)
    rows = [row for table in tables for row in session.execute(select(table.__table__)).all()]
    return repr(rows)


def test_the_password_of_an_address_is_written_once_and_kept_nowhere_of_the_charger(box: Box) -> None:
    box.keys["LogServer"] = "ftp://box:SECRET-0@logs.example/in"
    template = want(box.wire.session, {"LogServer": SECRET_PLACE}, apply=Apply.ON_BOOT)
    box.boot()
    writes = [x.payload for x in box.work() if x.action == "ChangeConfiguration"]
    assert writes == [{"key": "LogServer", "value": SECRET_PLACE}]
    assert box.drift() == {"LogServer": State.IN_STEP}
    assert "SECRET" not in everything(box.wire.session)
    keys = queries.keys_of(box.wire.session, box.wire.charger.id)
    assert keys["logserver"].value == "ftp://box:…@logs.example/in"
    new = {"LogServer": SECRET_PLACE.replace("SECRET-1", "SECRET-2")}
    draft = Draft("Duo", "volta", None, None, None, new, apply=Apply.ON_BOOT)
    configuration.change(box.wire.session, template, draft, at=SETTLED + timedelta(seconds=60))
    store(box.wire.session)
    assert box.drift() == {"LogServer": State.DIFFERS}
    later = SETTLED + timedelta(minutes=5)
    box.boot(later)
    box.work(later + timedelta(seconds=30))
    assert box.keys["LogServer"].count("SECRET-2") == 1
    assert box.drift(later + timedelta(seconds=30)) == {"LogServer": State.IN_STEP}
    assert "SECRET" not in everything(box.wire.session)


def test_an_address_is_not_sent_without_its_password_and_one_that_was_never_sent_is_not_kept(
    box: Box,
) -> None:
    session, charger = box.wire.session, box.wire.charger
    given = {"name": "LogServer", "value": "ftp://box:…@logs.example/in"}
    with pytest.raises(Refused, match="Write the password"):
        commands.request(session, charger, Kind.CHANGE_CONFIGURATION, given, by="mia", at=NOW)
    given["value"] = SECRET_PLACE
    commands.request(session, charger, Kind.CHANGE_CONFIGURATION, given, by="mia", at=NOW)
    store(session)
    commands.expire(session, NOW + timedelta(hours=1))
    store(session)
    assert "SECRET" not in everything(session)
