"""Connections among thousands of others in one event loop."""

from __future__ import annotations

import _socket
import socket
import time

import gevent

from csms.tcp import Tcp


def pair() -> tuple[Tcp, _socket.socket]:
    """Our end of a connection, and the charger's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        charger = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
    return Tcp(native(ours)), native(charger)


def native(sock: socket.socket) -> _socket.socket:
    sock.setblocking(False)
    return _socket.socket(sock.family, sock.type, 0, fileno=sock.detach())


def test_a_turn_of_the_loop_that_takes_long_lets_others_go_on_between_two_chargers() -> None:
    pairs = [pair() for _ in range(2)]
    order: list[str] = []

    def listen(tcp: Tcp) -> None:
        tcp.wait_readable(None)
        order.append("charger")
        gevent.spawn(order.append, "somebody else")
        began = time.thread_time()
        while time.thread_time() - began < 0.05:
            pass

    listening = [gevent.spawn(listen, tcp) for tcp, _ in pairs]
    gevent.sleep(0)
    for _, charger in pairs:
        charger.send(b"x")
    gevent.joinall(listening, timeout=30)
    assert order[:3] == ["charger", "somebody else", "charger"]
    for tcp, charger in pairs:
        tcp.close()
        charger.close()
