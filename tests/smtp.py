"""A small mail server for tests, in a thread: it takes mails, or refuses them as it is told."""

from __future__ import annotations

import email
import email.policy
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import cast


@dataclass
class MailServer:
    """What it was given, and how it answers. `refusals`: by recipient, the line that it is refused with.

    `most`: so many mails are taken over one connection, which then ends.
    """

    port: int = 0
    pem: Path | None = None  # certificate and key: it offers STARTTLS
    user: tuple[str, str] | None = None
    received: list[EmailMessage] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    most: int | None = None
    connections: int = 0
    was_encrypted: bool = False
    log_in: bytes = b""

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.owner.connections += 1
        self.taken = 0
        self.say("220 test")
        while self.taken != self.owner.most and (words := self.rfile.readline()):
            verb, _, rest = words.decode().strip().partition(" ")
            if verb.upper() == "QUIT":
                self.say("221 bye")
                return
            getattr(self, f"on_{verb.lower()}", self.on_noop)(rest)

    def finish(self) -> None:
        super().finish()
        self.connection.close()  # under TLS it is not the socket that the server closes

    @property
    def owner(self) -> MailServer:
        return cast("_Server", self.server).owner

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())
        self.wfile.flush()

    def on_noop(self, _rest: str) -> None:
        self.say("250 ok")

    def on_ehlo(self, _rest: str) -> None:
        self.say("250-test")
        if self.owner.pem and not isinstance(self.connection, ssl.SSLSocket):
            self.say("250-STARTTLS")
        self.say("250-AUTH PLAIN")
        self.say("250 8BITMIME")

    def on_starttls(self, _rest: str) -> None:
        self.say("220 go ahead")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(str(self.owner.pem))
        self.rfile.close()
        self.wfile.close()
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
        self.owner.was_encrypted = True

    def on_auth(self, rest: str) -> None:
        self.owner.log_in = rest.encode()
        self.say("235 welcome")

    def on_rcpt(self, rest: str) -> None:
        address = rest.partition("<")[2].partition(">")[0]
        self.say(self.owner.refusals.get(address, "250 ok"))

    def on_data(self, _rest: str) -> None:
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        parsed = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        self.owner.received.append(cast(EmailMessage, parsed))
        self.taken += 1
        self.say("250 taken")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    owner: MailServer


@contextmanager
def mail_server(pem: Path | None = None) -> Iterator[MailServer]:
    """A server that is ready when the block begins."""
    with _Server(("127.0.0.1", 0), _Conversation) as server:
        server.owner = MailServer(port=server.server_address[1], pem=pem)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server.owner
        finally:
            server.shutdown()
            thread.join()
