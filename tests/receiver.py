"""A small web server that others are told to call: it keeps what came, and answers as it is told to."""

from __future__ import annotations

from dataclasses import dataclass
from queue import Queue

from tests.web_server import Requests, WebServer


@dataclass(frozen=True)
class Call:
    path: str
    headers: dict[str, str]  # names in lower case
    body: str


class Receiver(WebServer):
    """Use as a context manager. `answers`: the status of each call to come; 200 when there is none left."""

    def __init__(self, *answers: int) -> None:
        self.calls: Queue[Call] = Queue()
        self.answers: Queue[int] = Queue()
        for status in answers:
            self.answers.put(status)
        receiver = self

        class Handler(Requests):
            def do_POST(self) -> None:  # noqa: N802  the library's name
                body = self.body()
                receiver.calls.put(Call(self.path, self.names(), body))
                self.reply(200 if receiver.answers.empty() else receiver.answers.get(), "ok")

        super().__init__(Handler)

    @property
    def url(self) -> str:
        return f"{super().url}/hook?from=amberline"

    def next(self) -> Call:
        """The next call. Raises queue.Empty."""
        return self.calls.get(timeout=30)
