"""What those come for who write programs: a key, a call tried out, being told, reading on. By what the pages say."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
from playwright.sync_api import Page, expect

from csms.simulator import Charger
from tests.browser.conftest import CARD, Town
from tests.receiver import Receiver

Visit = Callable[..., Page]
ONCE = "It is shown this once."


def _key(visit: Visit, name: str, *scopes: str) -> str:
    """A new API key that may do this, beside reading."""
    page = visit("/integrations")
    page.get_by_label("What it is for").fill(name)
    for scope in scopes:
        page.get_by_role("checkbox", name=re.compile(rf"^{scope}\b")).check()
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_text(ONCE)).to_be_visible()
    return page.locator("main .codebox code").first.inner_text()


def _shell(command: str, key: str) -> Any:
    """What a command of the page answers in somebody's shell."""
    done = subprocess.run(
        ["bash", "-c", command], env={"PATH": "/usr/bin:/bin", "KEY": key},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.mark.task("integrator", "Make a key, and take the first steps in a shell until a car charges")
@pytest.mark.skipif(shutil.which("curl") is None, reason="the page's commands are for curl")
def test_take_the_first_steps_in_a_shell_until_a_car_charges(
    town: Town, plaza: Charger, visit: Visit
) -> None:
    key = _key(visit, "First steps", "operate")
    page = visit("/developers", olga=False)
    commands = [x.inner_text() for x in page.locator(".codebox code", has_text="curl").all()]
    look, running, start = commands[:3]
    assert "PLAZA-2" in {x["identity"] for x in _shell(look, key)["data"]}
    plaza.plug(1).result(20)
    mine = start.replace("SIM-0001", "PLAZA-2").replace("04A1B2C3", CARD)
    assert _shell(mine, key)["state"] == "accepted"
    plaza.wait_until(lambda x: x.state().connectors[0].transaction_id is not None, 30)
    assert _shell(running, key)["data"][0]["charger"] == "PLAZA-2"


@pytest.mark.task("integrator", "Try a call on the page of the API")
def test_try_a_call_on_the_page_of_the_api(visit: Visit) -> None:
    key = _key(visit, "Trying out")
    page = visit("/developers", olga=False)
    page.get_by_role("link", name="Every call, to be tried out").click()
    page.get_by_role("button", name="Authorize").click()
    way = page.locator(".auth-container", has_text="apiKey")
    way.get_by_role("textbox").fill(key)
    way.get_by_role("button", name="Apply credentials").click()
    way.get_by_role("button", name="Close").click()
    page.get_by_placeholder("Filter by tag or path").fill("/api/v1/chargers")
    expect(page.get_by_role("heading", name=re.compile("^accounts"))).to_be_hidden()
    page.get_by_role("heading", name=re.compile("^chargers")).get_by_role("button").click()
    call = page.locator("#operations-chargers-listChargers")
    call.get_by_role("button", name=re.compile("^GET")).click()
    call.get_by_role("button", name="Try it out").click()
    call.get_by_role("button", name="Execute").click()
    expect(call.locator(".live-responses-table")).to_contain_text("DEMO-01")


@pytest.mark.task("integrator", "Be told by a webhook, and make sure who told it")
def test_be_told_of_something_and_make_sure_who_told_it(visit: Visit) -> None:
    guide = visit("/developers", olga=False)
    with guide.expect_download() as coming:
        guide.get_by_role("link", name="verify_webhook.py").click()
    space: dict[str, Any] = {}
    exec(coming.value.path().read_text(), space)  # noqa: S102  our own sample
    with Receiver() as receiver:
        page = visit("/webhooks/new")
        page.get_by_label("Name", exact=True).fill("Signed")
        page.get_by_label("Address").fill(receiver.url)
        page.get_by_label("A session has ended").check()
        page.get_by_role("button", name="Save").click()
        secret = page.locator("main .codebox code").first.inner_text()
        page.get_by_role("button", name="Test").click()
        told = receiver.next()
        while json.loads(told.body)["type"] != "ping":  # of the town's sessions one may have ended meanwhile
            told = receiver.next()
    headers = {name.title(): value for name, value in told.headers.items()}
    assert space["is_genuine"](secret, headers, told.body.encode())
    assert not space["is_genuine"](secret, headers, told.body.encode() + b" ")


@pytest.mark.task("integrator", "Read a list on, page by page, until all is there")
def test_read_on_page_by_page_until_all_is_there(town: Town, visit: Visit) -> None:
    key = _key(visit, "Nightly copy")
    words = visit("/readme/docs/api.md", olga=False)
    expect(words.get_by_text("next_cursor").first).to_be_visible()
    reader = requests.Session()
    reader.headers["Authorization"] = f"Bearer {key}"
    url: str | None = f"{town.url}/api/v1/chargers?limit=5"
    seen: list[str] = []
    while url is not None:
        answer = reader.get(url, timeout=20)
        assert answer.status_code == 200, answer.text
        seen += [x["identity"] for x in answer.json()["data"]]
        url = urljoin(url, answer.links["next"]["url"]) if "next" in answer.links else None
    assert len(seen) == len(set(seen)) > 12
    assert {"DEMO-01", "DEMO-12", "PLAZA-2"} <= set(seen)
