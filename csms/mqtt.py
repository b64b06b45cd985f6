"""One message to an MQTT broker whose address people have entered: as `outbound`, only to where it may go, with an end.

MQTT 5, as its brokers say why they will not take a message; of 3.1.1 a forbidden topic is swallowed in silence.
"""

import secrets
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from csms import outbound
from csms.outbound import Unreachable
from csms.sentences import told

PORTS = {"mqtt": 1883, "mqtts": 8883}
STEP_S = 0.2


@dataclass(frozen=True, slots=True)
class Broker:
    """`url`: mqtt:// or mqtts://, without user and password."""

    url: str
    user: str | None = None
    password: str | None = None


class _Named(ssl.SSLContext):
    """Asks for the certificate of a host by its name, although the socket goes to an address that was looked at."""

    name: str

    def wrap_socket(self, sock: socket.socket, *args: Any, **options: Any) -> ssl.SSLSocket:
        return super().wrap_socket(sock, *args, **options | {"server_hostname": self.name})


def publish(
    broker: Broker, topic: str, payload: bytes, *, is_retained: bool, within_s: float, may_be_private: bool
) -> None:
    """Publish at least once (QoS 1), and wait until the broker has it. Raises Barred, Unreachable."""
    parts = urlsplit(broker.url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    address = outbound.allowed(host, port, may_be_private=may_be_private)
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"amberline-{secrets.token_hex(4)}",
        protocol=MQTTProtocolVersion.MQTTv5,
        reconnect_on_failure=False,
    )
    client.connect_timeout = within_s
    if broker.user:
        client.username_pw_set(broker.user, broker.password)
    if parts.scheme == "mqtts":
        client.tls_set_context(_context(host))
    try:
        _hand_over(client, (host, address, port), (topic, payload, is_retained), within_s)
    except ssl.SSLError as error:
        raise Unreachable(
            told("%(host)s offers no TLS that can be trusted: %(why)s.", host=host, why=error.reason or error)
        ) from None
    except TimeoutError:
        raise Unreachable(
            told("%(host)s did not answer within %(seconds)s s.", host=host, seconds=f"{within_s:g}")
        ) from None
    except OSError as error:
        raise Unreachable(told("%(host)s cannot be reached: %(why)s.", host=host, why=error)) from None


def _context(host: str) -> ssl.SSLContext:
    context = _Named(ssl.PROTOCOL_TLS_CLIENT)
    context.name = host
    context.load_default_certs()
    return context


def _hand_over(
    client: Client, where: tuple[str, str, int], what: tuple[str, bytes, bool], within_s: float
) -> None:
    """Connect, publish, and disconnect. Raises Unreachable, OSError."""
    host, address, port = where
    topic, payload, is_retained = what
    answers: list[Any] = []  # the reason code of what settles it

    def connected(client: Client, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if code.is_failure:
            answers.append(code)
        else:
            client.publish(topic, payload, qos=1, retain=is_retained)

    def published(_client: Client, _data: Any, _number: int, code: Any, _properties: Any) -> None:
        answers.append(code)

    client.on_connect, client.on_publish = connected, published
    give_up_at = time.monotonic() + within_s
    try:
        client.connect(address, port)
        while not answers:
            if time.monotonic() > give_up_at:
                raise TimeoutError
            code = client.loop(timeout=STEP_S)
            if code is not MQTTErrorCode.MQTT_ERR_SUCCESS and not answers:
                raise Unreachable(told("%(host)s has ended the connection.", host=host))
    finally:
        client.disconnect()
        client.loop(timeout=0)
    if answers[0].is_failure:
        raise Unreachable(told("%(host)s refused it: %(why)s.", host=host, why=answers[0]))
