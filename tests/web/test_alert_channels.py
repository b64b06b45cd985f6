"""Alerts go to ntfy topics and MQTT brokers, over real sockets, and the page says what did not."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from make import store
from sqlalchemy import select, update

from csms import alerts as looker
from csms import channels as sender
from csms import clock
from csms.domain.accounts import Role
from csms.domain.alerts import AlertChannel, AlertMessage, channels
from csms.domain.chargers import LinkLease
from csms.work import atomic
from tests.broker import Listener, broker_url
from tests.receiver import Receiver

RULE = {"name": "Anything offline", "kind": "offline", "is_enabled": "1"}


@pytest.fixture
def settings():
    return {"private_targets": True}


def ntfy_at(receiver: Receiver, **more: str) -> dict[str, str]:
    address = receiver.url.partition("/hook")[0]
    return {"kind": "ntfy", "name": "Telephones", "url": f"{address}/depot", **more}


def enter(olga, channel: dict[str, str]) -> str:
    """Its address among the pages."""
    answer = olga.post("/alerts/channels", channel)
    assert answer.status_code == 302, answer.get_data(as_text=True)
    return re.findall(r"/alerts/channels/\d+", olga.text("/alerts"))[-1]


def offline(site, is_gone: bool = True) -> None:
    lease = site.session.get_one(LinkLease, site.charger.id)
    at = site.now - timedelta(minutes=30)
    lease.online_until, lease.closed_at = (None, at) if is_gone else (site.now + timedelta(days=1), None)
    store(site.session)
    site.session.rollback()


def look_and_send(app, minutes_ago: int = 0) -> int:
    with app.app_context():
        with atomic() as unit:
            looker.look(unit, clock.now() - timedelta(minutes=minutes_ago))
        return sender.send_due(app)


def rule_with(olga, channel: str) -> None:
    assert olga.post("/alerts/rules", RULE | {"channel_ids": channel.rpartition("/")[2]}).status_code == 302


def test_ntfy_gets_an_alert_as_json_with_the_token_and_what_it_refuses_stands_in_the_history(
    visitor, site, app
):
    olga = visitor().log_in()
    with Receiver(200, 403) as receiver:
        channel = enter(olga, ntfy_at(receiver, secret="tk_secret"))
        olga.post(f"{channel}/test")
        with app.app_context():
            assert sender.send_due(app) == 1
        test = receiver.next()
        assert (test.path, test.headers["authorization"]) == ("/", "Bearer tk_secret")
        assert json.loads(test.body)["topic"] == "depot"
        assert "Delivered" in olga.text("/alerts")
        rule_with(olga, channel)
        site.charger.name = "Große Straße 東"
        offline(site)
        assert look_and_send(app, minutes_ago=9) == 1
        told = json.loads(receiver.next().body)
        assert told["title"] == "Große Straße 東 cannot be reached"
        assert (told["message"], told["priority"], told["tags"]) == ("Anything offline", 4, ["warning"])
        assert told["click"].endswith(f"/chargers/{site.charger.id}")
        assert "Telephones is tried again: 403: ok" in olga.text("/alerts")
        offline(site, is_gone=False)
        assert look_and_send(app, minutes_ago=5) == 0  # it may go again
        assert look_and_send(app) == 1  # its end, and not what waits of its beginning
        over = json.loads(receiver.next().body)
        assert (over["title"], over["priority"]) == ("Over: Große Straße 東 cannot be reached", 2)
        assert "Telephones was not told: 403: ok" in olga.text("/alerts")
    assert "tk_secret" not in olga.text(channel)


def test_a_broker_keeps_the_state_of_each_alert(visitor, site, app):
    url = broker_url()
    olga = visitor().log_in()
    with Listener(url) as listener:
        given = {"kind": "mqtt", "name": "Broker", "url": url, "topic_prefix": listener.prefix}
        channel = enter(olga, given)
        rule_with(olga, channel)
        olga.post(f"{channel}/test")
        offline(site)
        assert look_and_send(app, minutes_ago=9) == 2
        [(topic, state)] = listener.retained().items()
        assert topic.split("/")[1] == site.charger.identity
        told = json.loads(state)
        assert (told["state"], told["charger"]) == ("raised", site.charger.identity)
        assert told["severity"] == "warning"
        assert "Delivered" in olga.text("/alerts")
        offline(site, is_gone=False)
        assert (look_and_send(app, minutes_ago=5), look_and_send(app)) == (0, 1)
        over = json.loads(listener.retained()[topic])
        assert (over["state"], over["id"]) == ("over", told["id"])


def clear_up(app, site) -> int:
    """Some seconds later: what is to be cleared is sent."""
    waiting = update(AlertMessage).where(AlertMessage.due_at.is_not(None))
    site.session.execute(waiting.values(due_at=clock.now() - timedelta(seconds=1)))
    store(site.session)
    site.session.rollback()
    with app.app_context():
        return sender.send_due(app)


def told_broker(visitor, site, app, listener, url):
    """(owner, address of the channel, of the rule) where the broker retains one alert."""
    olga = visitor().log_in()
    given = {"kind": "mqtt", "name": "Broker", "url": url, "topic_prefix": listener.prefix}
    channel = enter(olga, given)
    rule_with(olga, channel)
    offline(site)
    assert look_and_send(app, minutes_ago=9) == 1
    assert len(listener.retained()) == 1
    return olga, channel, re.findall(r"/alerts/rules/\d+", olga.text("/alerts"))[-1]


@pytest.mark.parametrize(
    "how", ["rule removed", "rule leaves it", "rule about something else", "channel removed"]
)
def test_what_a_broker_retains_of_what_is_gone_is_cleared(visitor, site, app, how):
    url = broker_url()
    with Listener(url) as listener:
        olga, channel, rule = told_broker(visitor, site, app, listener, url)
        number = channel.rpartition("/")[2]
        what = {
            "rule removed": (f"{rule}/remove", {}),
            "rule leaves it": (rule, RULE),
            "rule about something else": (rule, RULE | {"kind": "refused", "channel_ids": number}),
            "channel removed": (f"{channel}/remove", {}),
        }
        address, form = what[how]
        assert olga.post(address, form).status_code == 302
        assert clear_up(app, site) == 1
        assert listener.retained() == {}


def test_a_channel_that_moves_leaves_nothing_behind(visitor, site, app):
    url = broker_url()
    with Listener(url) as listener:
        olga, channel, _ = told_broker(visitor, site, app, listener, url)
        given = {"kind": "mqtt", "name": "Broker", "url": url, "topic_prefix": f"{listener.prefix}/new"}
        assert olga.post(channel, given).status_code == 302
        assert clear_up(app, site) == 1
        offline(site, is_gone=False)
        assert (look_and_send(app, minutes_ago=5), look_and_send(app)) == (0, 1)
        assert [x.partition("/")[0] for x in listener.retained()] == ["new"]


def test_a_removed_channel_is_not_seen_and_is_forgotten_when_its_broker_is_cleared(visitor, site, app):
    url = broker_url()
    with Listener(url) as listener:
        olga, channel, _ = told_broker(visitor, site, app, listener, url)
        olga.post(f"{channel}/remove")
        assert olga.get(channel).status_code == 404
        assert "Broker" not in olga.text("/alerts")
        for is_there in (True, False):
            with app.app_context(), atomic() as unit:
                channels.forget(unit, clock.now() - timedelta(days=30))
            site.session.rollback()
            assert bool(site.session.scalars(select(AlertChannel)).all()) is is_there
            clear_up(app, site)


def test_a_broker_that_is_not_there_is_told_and_tried_again(visitor, site, app):
    olga = visitor().log_in()
    given = {"kind": "mqtt", "name": "Broker", "url": "mqtt://127.0.0.1:9", "topic_prefix": "amberline"}
    rule_with(olga, enter(olga, given))
    offline(site)
    assert look_and_send(app) == 1
    page = olga.text("/alerts")
    assert "Broker is tried again: 127.0.0.1 cannot be reached" in page


def test_a_secret_does_not_follow_to_another_address(visitor, site, app):
    olga = visitor().log_in()
    with Receiver() as first, Receiver() as second:
        channel = enter(olga, ntfy_at(first, secret="tk_secret"))
        assert olga.post(channel, ntfy_at(second)).status_code == 302
        olga.post(f"{channel}/test")
        with app.app_context():
            assert sender.send_due(app) == 1
        assert "authorization" not in second.next().headers


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"url": "https://ntfy.sh/"}, "Write the address of a topic"),
        ({"url": "mqtt://broker.test"}, "Write the address of a topic"),
        ({"url": "https://me:secret@ntfy.sh/topic"}, "Write the address of a topic"),
        (
            {"kind": "mqtt", "url": "https://ntfy.sh/topic", "topic_prefix": "a"},
            "Write an address such as mqtts",
        ),
        ({"kind": "mqtt", "url": "mqtt://broker.test", "topic_prefix": "a/#"}, "without + and #"),
        ({"name": ""}, "Give it a name"),
        ({"secret": "a\nb"}, "At most 200 characters"),
    ],
)
def test_what_is_wrong_stands_at_its_field(visitor, site, wrong, words):
    given = {"kind": "ntfy", "name": "Telephones", "url": "https://ntfy.sh/topic"}
    answer = visitor().log_in().post("/alerts/channels", given | wrong)
    assert answer.status_code == 422
    assert words in answer.get_data(as_text=True)


def test_a_removed_channel_leaves_its_rules_and_support_sees_no_addresses(visitor, site, app):
    olga = visitor().log_in()
    channel = enter(olga, {"kind": "ntfy", "name": "Telephones", "url": "https://ntfy.sh/hidden-topic"})
    rule_with(olga, channel)
    helper = visitor().log_in(Role.SUPPORT)
    page = helper.text("/alerts")
    assert "Telephones" in page
    assert "hidden-topic" not in page
    assert helper.get(channel).status_code == 404
    assert olga.post(f"{channel}/remove").status_code == 302
    assert "webhooks only" in olga.text("/alerts")
