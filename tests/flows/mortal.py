"""What survives a server that dies in the middle of it: whoever has no answer starts it again and asks once more."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import requests

from csms.domain.payments import Payment, queries
from tests.desk import Desk, wait_for
from tests.nursery import ForkedServer
from tests.stripe import SmallStripe

T = TypeVar("T")


@dataclass
class Mortal(ABC):
    """A payment of `name`, and a server that dies once during it, at `place`."""

    server: ForkedServer
    desk: Desk
    stripe: SmallStripe
    name: str
    place: str
    driver: requests.Session = field(default_factory=requests.Session)
    deaths: int = 0

    @abstractmethod
    def payment(self) -> Payment:
        """The newest of `name`."""

    def lay(self) -> None:
        """From now on the server dies at `place`: what was before may have an end left."""
        Path(self.server.arguments[0]).write_text(self.place)

    def persistently(self, ask: Callable[[], T]) -> T:
        while True:
            try:
                return ask()
            except requests.ConnectionError:
                assert self.server.process is not None
                self.server.process.wait(10)
                self.revive()

    def until(self, condition: Callable[[Payment], bool]) -> Payment:
        def look() -> Payment:
            self.revive()
            return self.payment()

        return wait_for(look, condition)

    def revive(self) -> None:
        """Start the server again where it has died."""
        assert self.server.process is not None
        died = self.server.process.poll()
        if died is not None:
            assert died == -9, f"it ended with {died}"
            self.deaths += 1
            self.server.start()

    def steps(self, payment_id: str) -> tuple[str, ...]:
        with self.desk.reading() as session:
            return tuple(x.what for x in queries.events(session, payment_id))
