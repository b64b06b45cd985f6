"""A peer of OCPI 2.2.1 that shares no code with the product: a web server of its own, and its calls to ours."""

from __future__ import annotations

import base64
import json
import time
from queue import Queue
from typing import Any, NamedTuple

import requests

from tests.web_server import Requests, WebServer

TOKEN_B = "what-you-show-me-0123456789"
INVITATION = "come-in-0123456789"  # with which somebody may register with it, once
OFFERED = (
    "credentials SENDER",
    "tokens SENDER",
    "locations RECEIVER",
    "tariffs RECEIVER",
    "sessions RECEIVER",
    "cdrs RECEIVER",
)


class Told(NamedTuple):
    """What our product has sent to the peer."""

    method: str
    path: str
    body: Any


def token(text: str) -> str:
    return "Token " + base64.b64encode(text.encode()).decode()


class Emsp(WebServer):
    """Use as a context manager. `versions` and `offered`: what it says of itself; `answers`: the status of each push
    to come, HTTP's or, from 1000 on, OCPI's own; 1000 when there is none left. `guest`: the credentials of who has
    registered with its invitation; it asks them back before it answers, if `asks_back`. `refusal`: what it answers
    instead.
    """

    def __init__(self, *, country: str = "NL", party: str = "EMP", takes_plain_alone: bool = False) -> None:
        self.country, self.party = country, party
        self.versions = ["2.1.1", "2.2.1"]
        self.offered = OFFERED
        self.told: Queue[Told] = Queue()
        self.answers: Queue[int] = Queue()
        self.expected = f"Token {TOKEN_B}" if takes_plain_alone else token(TOKEN_B)
        self.guest: dict[str, Any] | None = None
        self.asks_back = False
        self.verdicts: dict[
            str, Any
        ] = {}  # by the number of a card: what it says when it is asked; None: nothing
        self.thinks_s = 0.0  # before that
        self.refusal: tuple[int, dict[str, Any]] | None = None
        emsp = self

        class Handler(Requests):
            def do_GET(self) -> None:  # noqa: N802  the library's name
                if self.headers["Authorization"] not in emsp.good:
                    self._answer(401, {"status_code": 2000})
                elif self.path == "/versions":
                    told = [{"version": x, "url": f"{emsp.url}/{x}"} for x in emsp.versions]
                    self._answer(200, {"status_code": 1000, "data": told})
                elif self.path == "/2.2.1":
                    split = [x.split() for x in emsp.offered]
                    endpoints = [
                        {"identifier": x, "role": role, "url": f"{emsp.url}/2.2.1/{x}"} for x, role in split
                    ]
                    data = {"version": "2.2.1", "endpoints": endpoints}
                    self._answer(200, {"status_code": 1000, "data": data})
                else:
                    self._answer(404, {"status_code": 2000})

            def _take(self) -> None:
                given = self.body()
                if (self.command, self.path) == ("DELETE", "/2.2.1/credentials"):
                    assert self.headers["Authorization"] == emsp.expected
                    emsp.told.put(Told(self.command, self.path, None))
                    self._answer(*(emsp.refusal or (200, {"status_code": 1000})))
                elif self.path == "/2.2.1/credentials":
                    self._answer(*emsp.register(self.headers["Authorization"], json.loads(given)))
                else:
                    self._hear(given)

            def _hear(self, given: str) -> None:
                assert self.headers["Authorization"] == emsp.expected
                if "/authorize" in self.path:
                    emsp.told.put(Told(self.command, self.path, json.loads(given) if given else None))
                    self._answer(*emsp.judge(self.path.split("/")[-2]))
                    return
                answer = 1000 if emsp.answers.empty() else emsp.answers.get()
                status, code = (200, answer) if answer >= 1000 else (answer, 3000)
                # Noted first: whoever has the answer may look at once at what was told.
                emsp.told.put(Told(self.command, self.path, json.loads(given) if given else None))
                self._answer(status, {"status_code": code})

            do_POST = do_PUT = do_PATCH = do_DELETE = _take  # noqa: N815  the library's names

            def _answer(self, status: int, body: Any) -> None:
                self.reply(status, json.dumps(body | {"timestamp": "2026-01-01T00:00:00Z"}))

        super().__init__(Handler)

    @property
    def credentials(self) -> dict[str, Any]:
        role = {
            "role": "EMSP",
            "country_code": self.country,
            "party_id": self.party,
            "business_details": {"name": "Amber Roads"},
        }
        return {"token": TOKEN_B, "url": f"{self.url}/versions", "roles": [role]}

    @property
    def good(self) -> set[str]:
        """What may stand in Authorization."""
        return {self.expected} if self.guest else {self.expected, token(INVITATION)}

    def register(self, shown: str, given: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Somebody registers (§7.2.2)."""
        if self.refusal is not None:
            return self.refusal
        if shown != token(INVITATION):
            return 401, {"status_code": 2000}
        if self.asks_back:
            headers = {"Authorization": token(given["token"])}
            told = requests.get(given["url"], headers=headers, timeout=30)
            if not told.ok or "2.2.1" not in {x["version"] for x in told.json()["data"]}:
                return 200, {"status_code": 3001, "status_message": "You do not answer."}
        self.guest = given
        return 200, {"status_code": 1000, "data": self.credentials}

    def judge(self, uid: str) -> tuple[int, dict[str, Any]]:
        """It is asked about a card (§12.2.1.2)."""
        if uid not in self.verdicts:
            return 404, {"status_code": 2004}
        verdict = self.verdicts[uid]
        time.sleep(self.thinks_s)
        return (200, {"status_code": 1000, "data": verdict}) if verdict else (503, {"status_code": 3000})

    def card(self, uid: str = "04A2B39F", **more: Any) -> dict[str, Any]:
        return {
            "country_code": self.country,
            "party_id": self.party,
            "uid": uid,
            "type": "RFID",
            "contract_id": "NL-EMP-C12345678-X",
            "issuer": "Amber Roads",
            "valid": True,
            "whitelist": "ALWAYS",
            "last_updated": "2026-01-01T00:00:00Z",
        } | more

    def next(self, module: str) -> Told:
        """What it is told next of a module. Raises queue.Empty."""
        while True:
            told = self.told.get(timeout=30)
            if module in told.path.split("/"):
                return told
