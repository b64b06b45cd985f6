"""The first byte of every page that an owner and a driver can reach, in a country of chargers (`country.py`).

python -m bench --only pages
"""

import http.client
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from urllib.parse import urlencode, urlsplit

from flask import Flask
from werkzeug.exceptions import HTTPException

from bench.country import DRIVER, OWNER
from bench.server import PASSWORD, QUERIES, Server
from tools.pages import pages, product

TIMES = 5  # each page is asked for in turn with the others, after a first time that warms it up
LINK = re.compile(r'href="(?:http://127\.0\.0\.1:\d+)?(/[^"#]*)')
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
ANSWER_WITHIN_S = 60


@dataclass(frozen=True)
class Answer:
    """What came back: `first_byte_ms` since the question was sent, `queries` 0 where nobody counts them."""

    status: int
    text: str
    first_byte_ms: float
    queries: int


class Visitor:
    """A browser, as far as it is needed: one connection, cookies, and a form."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_WITHIN_S)
        self._cookies: dict[str, str] = {}

    @property
    def cookies(self) -> str:
        """What it has been given, as it sends it."""
        return "; ".join(f"{name}={value}" for name, value in self._cookies.items())

    def read(self, path: str, form: dict[str, str] | None = None) -> Answer:
        head = {"Cookie": self.cookies}
        if form is not None:
            head["Content-Type"] = "application/x-www-form-urlencoded"
        began_at = time.perf_counter()
        self._connection.request("GET" if form is None else "POST", path, urlencode(form or {}) or None, head)
        response = self._connection.getresponse()
        took_ms = (time.perf_counter() - began_at) * 1000
        text = response.read().decode(errors="replace")
        for cookie in response.headers.get_all("Set-Cookie", ()):
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value
        return Answer(response.status, text, took_ms, int(response.headers.get(QUERIES, 0)))

    def log_in(self, username: str) -> None:
        """Raises RuntimeError when that is refused."""
        found = TOKEN.search(self.read("/login").text)
        form = {"username": username, "password": PASSWORD, "csrf_token": found[1] if found else ""}
        status = self.read("/login", form).status
        if status != 302:
            raise RuntimeError(f"{username} cannot log in: {status}")


def measure(server: Server) -> dict[str, float]:
    """`ms <page>` and `queries <page>` of each page, and the worst of both. Raises RuntimeError when log-in fails."""
    found: dict[str, float] = {}
    if server.name == "baseline":
        visitor = Visitor(server.port)
        visitor.read("/")
        [(first_byte_ms, _)] = _asked(visitor, ["/"])
        return {"slowest_ms": first_byte_ms}
    app = product()
    for username, begin in ((OWNER, _without_arguments(app)), (DRIVER, ["/me"])):
        visitor = Visitor(server.port)
        visitor.log_in(username)
        paths = list(_walk(app, visitor, begin))
        for path, (first_byte_ms, queries) in zip(paths, _asked(visitor, paths), strict=True):
            page = re.sub(r"\d{3,}", "…", f"{path} ({DRIVER})" if username == DRIVER else path)
            found[f"ms {page}"], found[f"queries {page}"] = first_byte_ms, queries
    times = [value for name, value in found.items() if name.startswith("ms ")]
    most = max(value for name, value in found.items() if name.startswith("queries "))
    return found | {
        "pages": len(times),
        "middle_ms": median(times),
        "slowest_ms": max(times),
        "queries": most,
    }


def _asked(visitor: Visitor, paths: Sequence[str]) -> list[tuple[float, int]]:
    """(ms until the first byte, queries) of each; not what is done once a minute, such as noting who is there.

    They are asked in turn, as people do: a neighbour of this machine then disturbs one of a page's answers, not all.
    """
    rounds = [[visitor.read(path) for path in paths] for _ in range(TIMES)]
    return [
        (median(x.first_byte_ms for x in answers), round(median(x.queries for x in answers)))
        for answers in zip(*rounds, strict=True)
    ]


def _without_arguments(app: Flask) -> list[str]:
    return [page.rule.rule for page in pages(app) if not page.rule.arguments]


def _walk(app: Flask, visitor: Visitor, begin: list[str]) -> Iterator[str]:
    """One example of every page that links lead to from where they `begin`."""
    known = {page.endpoint for page in pages(app)}
    todo, met = list(begin), set[str]()
    for path in todo:  # grows
        endpoint = _endpoint(app, path)
        if endpoint not in known or endpoint in met:
            continue
        answer = visitor.read(path)
        if answer.status == 200:
            met.add(endpoint)
            todo += [x.replace("&amp;", "&") for x in LINK.findall(answer.text)]
            yield path


def _endpoint(app: Flask, path: str) -> str | None:
    """Whose page that is; None for an address that is not ours, or leads on."""
    try:
        return str(app.url_map.bind("").match(urlsplit(path).path)[0])
    except HTTPException:
        return None
