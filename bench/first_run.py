"""From the start of a fresh installation to a session with power on its page: the promise of the first minute.

    python -m bench.first_run                           # three times

By HTTP alone, asking as often as a person presses: no browser is timed. Seconds from the start of the server's process:
when it answers, when the owner is in, and when the page of the first charger shows power.
"""

import re
import tempfile
import time
from pathlib import Path
from statistics import median

from bench.pages import Visitor
from bench.server import PASSWORD
from tests.live import LiveServer, running

PROMISED_S = 60.0
TIMES = 3
LOOK_EVERY_S = 0.2
SETUP = re.compile(r"Set-up\s+https?://[^/\s]+(\S+)")
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
CHARGER = re.compile(r'href="(/chargers/\d+)"')
POWER = re.compile(r'data-flash="power[^>]*>\s*(?:[1-9]|0[.,]0*[1-9])')


def main() -> None:
    """Print what each run took, and the median beside the promise."""
    marks = [_run() for _ in range(TIMES)]
    for name, at in zip(
        ("answers", "owner is in", "session with power"), zip(*marks, strict=True), strict=True
    ):
        print(f"{name:20} {median(at):6.1f} s    ({', '.join(f'{x:.1f}' for x in at)})")
    print(f"promised             {PROMISED_S:6.1f} s")


def _run() -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory() as name:
        began_at = time.monotonic()
        with running(LiveServer(Path(name), f"sqlite:///{name}/amberline.db")) as server:
            up_s = time.monotonic() - began_at
            visitor = Visitor(server.port)
            _set_up(visitor, server)
            in_s = time.monotonic() - began_at
            _charge(visitor, give_up_at=began_at + 10 * PROMISED_S)
            return up_s, in_s, time.monotonic() - began_at


def _set_up(visitor: Visitor, server: LiveServer) -> None:
    found = SETUP.search(server.log.read_text())
    if found is None:
        raise RuntimeError("the server has printed no address for the set-up")
    owner = {"organisation": "Plaza Charging", "currency": "EUR", "time_zone": "UTC"} | {
        "username": "olga",
        "password": PASSWORD,
    }
    _press(visitor, found[1], owner, on=found[1])


def _charge(visitor: Visitor, *, give_up_at: float) -> None:
    """Start a simulated charger, plug in, show a card, and look at its page until there is power."""
    _press(visitor, "/simulator/start", {"count": "1"})
    page = _seen(visitor, "/chargers", CHARGER, give_up_at)
    for action in ("plug", "swipe"):
        _press(visitor, "/simulator/SIM-0001/act", {"action": action})
    _seen(visitor, page, POWER, give_up_at)


def _press(visitor: Visitor, path: str, form: dict[str, str], *, on: str = "/simulator") -> None:
    token = TOKEN.search(visitor.read(on).text)
    status = visitor.read(path, form | {"csrf_token": token[1] if token else ""}).status
    if status not in (200, 302, 303):
        raise RuntimeError(f"{path} answered with {status}")


def _seen(visitor: Visitor, path: str, what: re.Pattern[str], give_up_at: float) -> str:
    """What is found on a page, which is read again and again until it is there."""
    while time.monotonic() < give_up_at:
        if found := what.search(visitor.read(path).text):
            return found[found.lastindex or 0]
        time.sleep(LOOK_EVERY_S)
    raise RuntimeError(f"{path} has not shown {what.pattern}")


if __name__ == "__main__":
    main()
