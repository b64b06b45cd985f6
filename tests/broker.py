"""An MQTT broker for the tests: used where one answers, else missed with a reason."""

from __future__ import annotations

import os
import secrets
import socket
from types import TracebackType
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

URL = os.environ.get("TEST_MQTT_URL") or "mqtt://127.0.0.1:1883"


def broker_url() -> str:
    """Where it answers. Skips the test where none does: nowhere is one promised."""
    parts = urlsplit(URL)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 1883), 3).close()
    except OSError as error:
        pytest.skip(f"no MQTT broker answers at {URL}: {error}")
    return URL


class Listener:
    """Reads what is retained below `prefix`, a topic of this test alone; what was retained is cleared at the end."""

    def __init__(self, url: str) -> None:
        self.prefix = f"amberline-test/{secrets.token_hex(6)}"
        self.url = urlsplit(url)

    def retained(self) -> dict[str, str]:
        """What stands at the broker now, by topic below the prefix."""
        found: dict[str, str] = {}
        is_read: list[bool] = []
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.on_connect = lambda *_: client.subscribe(f"{self.prefix}/#", qos=1)
        # What is retained comes before what is published now: the marker is the end of it.
        client.on_subscribe = lambda *_: client.publish(f"{self.prefix}/marker", b"", qos=1)

        def heard(_client: object, _data: object, message: mqtt.MQTTMessage) -> None:
            below = message.topic.removeprefix(f"{self.prefix}/")
            if below == "marker":
                is_read.append(True)
            elif message.retain:
                found[below] = message.payload.decode()

        client.on_message = heard
        client.connect(self.url.hostname or "", self.url.port or 1883)
        while not is_read:
            assert client.loop(timeout=0.2) == mqtt.MQTT_ERR_SUCCESS
        client.disconnect()
        return found

    def __enter__(self) -> Listener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        topics = list(self.retained())
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.connect(self.url.hostname or "", self.url.port or 1883)
        client.loop_start()
        for topic in topics:
            client.publish(f"{self.prefix}/{topic}", b"", qos=1, retain=True).wait_for_publish(10)
        client.disconnect()
        client.loop_stop()
