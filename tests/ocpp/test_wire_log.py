"""The log files of OCPP messages, as somebody finds them on the disk."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from csms.day_files import DayFiles
from tests.desk import Desk
from tests.flows.peer import dial
from tests.live import LiveServer


def logged(directory: Path) -> list[str]:
    """Every line, without its moment."""
    lines = [x for path in sorted(directory.glob("*.log")) for x in path.read_text().splitlines()]
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ", x) for x in lines)
    return [x.partition(" ")[2] for x in lines]


@pytest.mark.seed("004", "Messages in the log file")
def test_every_message_is_in_the_log_file_without_keys(live: LiveServer, desk: Desk) -> None:
    directory = live.directory / "ocpp-log"
    with closing(dial(live)) as peer:
        peer.boot()
        peer.send('[2,"hostile\\u001b[2J","Heartbeat",\n{}]')
        peer.reply("hostile\x1b[2J")
        peer.send('[2,"zwölf\u2028","Heartbeat",{}]')
        peer.reply("zwölf\u2028")
        desk.order(
            "ChangeConfiguration",
            {"key": "AuthorizationKey", "value": "a key of forty characters in all ok 1234"},
        )
        while (order := peer.order()).action != "ChangeConfiguration":  # there are questions after a boot
            peer.send(f'[4,"{order.id}","NotSupported","",{{}}]')
        peer.send(f'[3,"{order.id}",{{"status":"Accepted"}}]')
        peer.exchange("Heartbeat", {})
    live.stop()
    lines = logged(directory)
    assert lines[0].startswith("CP-1 > [2,")
    assert "BootNotification" in lines[0]
    assert re.match(r'CP-1 < \[3,.*"Accepted"', lines[1])
    assert 'CP-1 > [2,"hostile\\u001b[2J","Heartbeat",\\u000a{}]' in lines
    assert 'CP-1 > [2,"zwölf\\u2028","Heartbeat",{}]' in lines
    (sent,) = [x for x in lines if "ChangeConfiguration" in x]
    assert sent.startswith("CP-1 < [2,")
    assert "forty characters" not in sent
    assert [x for x in lines if x.startswith("CP-1 > [3,")]
    assert live.faults() == []


def test_old_log_files_are_deleted_and_others_left_alone(tmp_path: Path) -> None:
    files = DayFiles(tmp_path)
    old, young = date(2026, 1, 1), date(2026, 1, 2)
    others = {"ocpp-of-old-days.log", "other-2020-01-01.log", "ocpp-2020-13-01.log"}
    for name in (files.path(old).name, files.path(young).name, *others):
        (tmp_path / name).touch()
    assert files.forget(young) == 1
    assert {x.name for x in tmp_path.iterdir()} == {files.path(young).name, *others}


def test_no_log_file_is_written_when_none_is_wanted(
    servers: Callable[..., LiveServer], tmp_path: Path
) -> None:
    server = servers(LOG_DIR="-")
    server.start()
    with closing(dial(server)) as peer:
        peer.boot()
    server.stop()
    assert list(tmp_path.glob("**/ocpp-*.log")) == []
