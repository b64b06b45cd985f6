"""The page for developers: its commands name this host, its samples run, its catalogues are whole."""

from __future__ import annotations

import ast
import html
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from csms import clock
from csms.domain import webhooks
from csms.domain.webhooks import Event
from csms.domain.webhooks.rules import signature
from csms.web.developers import PROBLEMS

ROOT = Path(__file__).parents[2]
BODY = b'{"id": "1", "type": "ping"}'


def test_the_commands_are_for_this_host_and_each_call_is_one_of_the_api(client, app):
    page = client.get("/developers", base_url="https://charging.example.org").text
    commands = [shlex.split(html.unescape(x)) for x in re.findall(r'data-copy="(curl .*?)">', page)]
    assert len(commands) >= 4
    for command in commands:
        [url] = [x for x in command if x.startswith("https://charging.example.org/api/v1/")]
        method = "POST" if "-d" in command else "GET"
        path = url.partition("?")[0].removeprefix("https://charging.example.org")
        endpoint, _ = app.url_map.bind("charging.example.org").match(path, method=method)
        assert endpoint.startswith("api."), url
        if "-d" in command:
            json.loads(command[command.index("-d") + 1])


def test_every_event_and_every_code_is_told(client):
    page = client.get("/developers").text
    assert [x for x in Event if x is not Event.PING and f"<code>{x}</code>" not in page] == []
    told = {code for code, _, _ in PROBLEMS}
    assert _codes() - told == set()


def _codes() -> set[str]:
    """What the API's views give a Problem as its code."""
    found = set()
    for path in (ROOT / "csms/api").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", "") == "Problem"
                and len(node.args) > 2
            ):
                found |= {x.value for x in ast.walk(node.args[2]) if isinstance(x, ast.Constant)}
    return {x for x in found if isinstance(x, str)}


@pytest.fixture
def sent() -> tuple[str, dict[str, str]]:
    """A secret, and the headers of a message that was signed with it now."""
    secret, at = webhooks.new_secret(), str(int(clock.now().timestamp()))
    signed = signature(secret, "msg_1", int(at), BODY.decode())
    return secret, {"Webhook-Id": "msg_1", "Webhook-Timestamp": at, "Webhook-Signature": signed}


def test_the_python_sample_tells_ours_from_forged(sent):
    secret, headers = sent
    space: dict[str, object] = {}
    exec((ROOT / "static/samples/verify_webhook.py").read_text(), space)  # noqa: S102  our own sample
    is_genuine = space["is_genuine"]
    assert is_genuine(secret, headers, BODY)
    assert not is_genuine(secret, headers, BODY + b" ")
    assert not is_genuine(webhooks.new_secret(), headers, BODY)
    assert not is_genuine(secret, headers | {"Webhook-Timestamp": "1"}, BODY)


def test_the_javascript_sample_tells_ours_from_forged(sent):
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed here")
    secret, headers = sent
    small = {k.lower(): v for k, v in headers.items()}
    program = f"""
        import {{ isGenuine }} from {json.dumps(str(ROOT / "static/samples/verify_webhook.mjs"))};
        const body = Buffer.from({json.dumps(BODY.decode())}), headers = {json.dumps(small)};
        const told = [body, Buffer.from("x")].map((each) => isGenuine({json.dumps(secret)}, headers, each));
        process.stdout.write(JSON.stringify(told));"""
    done = subprocess.run([node, "--input-type=module", "-e", program], capture_output=True, text=True)
    assert json.loads(done.stdout) == [True, False], done.stderr
