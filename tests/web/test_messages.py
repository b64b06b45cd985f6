"""A charger's messages: found, filtered, followed, paused, taken along."""

from __future__ import annotations

import json
import re
from datetime import timedelta

from make import store

from csms import clock
from csms.domain import frames
from csms.domain.accounts import Role
from csms.domain.frames import Direction, Verdict
from tests.web.visitor import told

BOOT = {"chargePointVendor": "Bender", "chargePointModel": "CC612"}


def page_of(site):
    return f"/chargers/{site.charger.id}/messages"


def log(site, text, direction, message_type, **more):
    frames.add(
        site.session, b"", charger_id=site.charger.id, epoch=0, at=site.now, direction=direction,
        text=text, verdict=Verdict.VALID, message_type=message_type, message_id="c1", **more,
    )  # fmt: skip
    store(site.session)


def test_messages_are_filtered_by_action_session_and_what_went_wrong(visitor, site):
    site.tell("BootNotification", BOOT, site.now)
    begun = site.begin()
    site.wire.send('[2,"x1","Nonsense",{}]')
    olga, page = visitor().log_in(), page_of(site)
    everything = olga.text(page)
    for word in ("BootNotification", "StartTransaction", "Nonsense"):
        assert f"<b>{word}</b>" in everything
    of_session = olga.text(f"{page}?transaction={begun.id}")
    assert "<b>StartTransaction</b>" in of_session
    assert "<b>BootNotification</b>" not in of_session
    wrong = olga.text(f"{page}?show=errors")
    assert "<b>Nonsense</b>" in wrong
    assert "<b>StartTransaction</b>" not in wrong


def test_a_pause_stands_still_and_counts_what_comes_meanwhile(visitor, site):
    site.tell("BootNotification", BOOT, site.now)
    olga, page = visitor().log_in(), page_of(site)
    answer = olga.get(f"{page}?paused=now&action=")
    assert answer.status_code == 302
    paused = answer.headers["Location"]
    site.tell("Heartbeat", {}, site.now)
    site.tell("Heartbeat", {}, site.now)
    still = olga.text(paused)
    assert "2 messages have come since" in still
    assert "<b>Heartbeat</b>" not in still
    assert "Follow" in still
    assert "<b>Heartbeat</b>" in olga.text(page)


def test_what_came_faster_than_the_page_shows_is_counted(visitor, site):
    site.tell("BootNotification", BOOT, site.now)
    olga, page = visitor().log_in(), page_of(site)
    seen = re.search(r'name="seen" value="(\d+)"', olga.text(page)).group(1)
    for _ in range(103):
        log(site, '[2,"h","Heartbeat",{}]', Direction.IN, 2, action="Heartbeat", reply='[3,"h",{}]')
    assert "3 messages came faster" in olga.text(f"{page}/list?seen={seen}")
    assert "came faster" not in olga.text(f"{page}/list")


def test_an_order_leads_to_its_answer_and_back(visitor, site):
    log(site, '[2,"c1","Reset",{"type":"Soft"}]', Direction.OUT, 2, action="Reset")
    log(site, '[3,"c1",{"status":"Accepted"}]', Direction.IN, 3, action="Reset")
    page = visitor().log_in().text(page_of(site))
    answer, call = re.findall(r'<details id="message-(\d+)"', page)[:2]
    assert f'href="#message-{answer}"' in page
    assert "To its answer" in page
    assert f'href="#message-{call}"' in page


def test_a_message_is_copied_as_a_line_of_a_test(visitor, site):
    site.tell("BootNotification", BOOT, site.now)
    log(site, '[2,"c1","Reset",{"type":"Soft"}]', Direction.OUT, 2, action="Reset")
    page = visitor().log_in().text(page_of(site))
    assert "cp.sends('BootNotification', chargePointVendor='Bender', chargePointModel='CC612').gets(" in page
    assert "cp.expects('Reset', type='Soft')" in page


def test_the_export_has_a_message_a_line_and_masks_cards_for_those_who_only_look(visitor, site):
    site.tell("BootNotification", BOOT, site.now)
    site.tell("Authorize", {"idTag": "04A2B39F"}, site.now)
    address = f"/chargers/{site.charger.id}/messages.jsonl"
    answer = visitor().log_in().get(address)
    lines = [json.loads(x) for x in answer.get_data(as_text=True).splitlines()]
    assert [x["action"] for x in lines] == ["BootNotification", "Authorize"]
    assert (lines[1]["message"][3], lines[1]["reply"][0]) == ({"idTag": "04A2B39F"}, 3)
    looking = told(visitor().log_in(Role.READ_ONLY).get(f"{address}?action=Authorize"))
    assert looking.count("\n") == 1
    assert "04A2B39F" not in looking


def test_each_day_says_so_where_messages_go_over_midnight(visitor, site):
    for days in (1, 0):
        site.tell("Heartbeat", {}, clock.now() - timedelta(days=days))
    shown = visitor().log_in().text(page_of(site))
    yesterday = f"{clock.now() - timedelta(days=1):%d %b %Y}"
    assert shown.count('class="log-day"') == 1
    assert shown.rindex("<b>Heartbeat</b>") > shown.index(f'role="listitem">{yesterday}</p>')
    assert shown.index("<b>Heartbeat</b>") < shown.index(f'role="listitem">{yesterday}</p>')


def test_a_message_has_an_address_of_its_own(visitor, site):
    site.tell("BootNotification", BOOT, site.now)
    site.tell("Heartbeat", {}, site.now)
    olga, page = visitor().log_in(), page_of(site)
    found = re.findall(rf'href="({page}\?before=\d+#message-\d+)"', olga.text(page))
    there = olga.text(found[-1])
    assert "<b>BootNotification</b>" in there
    assert "<b>Heartbeat</b>" not in there


def test_what_would_turn_the_line_or_is_not_seen_is_spelt_out(visitor, site):
    site.tell("DataTransfer", {"vendorId": "x\u202egnp.exe", "messageId": "a\x1b[31m"}, site.now)
    shown = visitor().log_in().text(page_of(site))
    assert "vendorId x\\u202egnp.exe · messageId a\\u001b[31m" in shown
    assert "\u202e" not in shown
    assert "\x1b" not in shown
