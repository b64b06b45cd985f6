"""What is asked of Odoo servers: whether an instance lets us in.

JSON-2 is asked first (Odoo 19 and later: POST /json/2/<model>/<method>, the API key as bearer token). XML-RPC is asked
where there is no JSON-2, and where the key is refused, as a password is good there alone.
"""

import enum
import xmlrpc.client  # noqa: S411  its answers are read from a limited number of bytes, by an expat that limits expansion
from dataclasses import dataclass
from xml.parsers.expat import ExpatError

import orjson
from flask import current_app

from csms import clock, outbound
from csms.domain import odoo
from csms.extensions import db
from csms.outbound import Answer, Barred, Unreachable
from csms.seal import Unreadable
from csms.sentences import told
from csms.work import atomic

WITHIN_S = 10.0
_ABSENT = frozenset({404, 405, 410})
_REFUSED = frozenset({401, 403})


class Verdict(enum.StrEnum):
    """Let in; not let in; could not be asked."""

    SUCCESS = "success"
    INVALID_CREDENTIALS = "invalid credentials"
    FAILED = "failed"


@dataclass(frozen=True)
class Instance:
    """An Odoo server with a log-in. `password`: an API key, or for XML-RPC a password. `url` ends without a slash."""

    url: str
    database: str
    username: str
    password: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """`interface`: JSON-2 or XML-RPC, None when neither has answered. `detail`: what is wrong, for people."""

    verdict: Verdict
    interface: str | None
    detail: str | None = None


def test(instance_id: int) -> Outcome:
    """Ask the server of a stored instance to let us in, and keep what came of it. Raises NotFound."""
    session = db.session()
    row = odoo.find(session, instance_id)
    try:
        password = current_app.extensions["seal"].open(row.password_sealed)
    except Unreadable:
        outcome = Outcome(Verdict.FAILED, None, told("SECRET_KEY has changed: enter the password again."))
    else:
        instance = Instance(row.url, row.database, row.username, password)
        session.rollback()  # the server may be slow, and nothing is held meanwhile
        outcome = check(instance, may_be_private=current_app.extensions["settings"].private_targets)
    with atomic() as unit:
        row = odoo.find(unit, instance_id)
        odoo.note_check(
            row,
            result=outcome.verdict.value,
            interface=outcome.interface,
            detail=outcome.detail,
            at=clock.now(),
        )
    return outcome


def check(instance: Instance, *, may_be_private: bool) -> Outcome:
    """Ask the server to let us in; takes up to twice `WITHIN_S`."""
    try:
        by_key = _json2(instance, may_be_private)
        if by_key is not None and by_key.verdict is not Verdict.INVALID_CREDENTIALS:
            return by_key
        by_password = _xmlrpc(instance, may_be_private)
    except (Barred, Unreachable) as error:
        return Outcome(Verdict.FAILED, None, str(error))
    if by_password is None:
        return by_key or Outcome(Verdict.FAILED, None, told("No Odoo answers at this address."))
    return by_password


def _json2(instance: Instance, may_be_private: bool) -> Outcome | None:
    """None: the server has no JSON-2. Raises Barred, Unreachable."""
    headers = {
        "Authorization": f"bearer {instance.password}",
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Amberline",
    }
    if instance.database:
        headers["X-Odoo-Database"] = instance.database
    if not instance.password.isascii() or not instance.password.isprintable():
        return None  # it is no key, and would not fit into a header
    url = f"{instance.url}/json/2/res.users/context_get"
    answer = outbound.post(url, b"{}", headers, within_s=WITHIN_S, may_be_private=may_be_private)
    if answer.status in _ABSENT:
        return None
    if answer.status in _REFUSED:
        return Outcome(Verdict.INVALID_CREDENTIALS, "JSON-2")
    if answer.status != 200:
        return Outcome(Verdict.FAILED, "JSON-2", _unexpected(answer))
    try:
        is_told = isinstance(orjson.loads(answer.body), dict)
    except orjson.JSONDecodeError:
        is_told = False
    return Outcome(Verdict.SUCCESS, "JSON-2") if is_told else None


def _xmlrpc(instance: Instance, may_be_private: bool) -> Outcome | None:
    """None: the server has no XML-RPC. Raises Barred, Unreachable."""
    asked: tuple[str, str, str, dict[str, str]] = (
        instance.database,
        instance.username,
        instance.password,
        {},
    )
    body = xmlrpc.client.dumps(asked, "authenticate").encode()
    headers = {"Content-Type": "text/xml", "User-Agent": "Amberline"}
    url = f"{instance.url}/xmlrpc/2/common"
    answer = outbound.post(url, body, headers, within_s=WITHIN_S, may_be_private=may_be_private)
    if answer.status in _ABSENT:
        return None
    if answer.status != 200:
        return Outcome(Verdict.FAILED, "XML-RPC", _unexpected(answer))
    try:
        (user_id,), _ = xmlrpc.client.loads(answer.body.decode())
    except xmlrpc.client.Fault as fault:
        last_line = fault.faultString.strip().rpartition("\n")[2]
        return Outcome(Verdict.FAILED, "XML-RPC", last_line[:200] or told("The server reports a fault."))
    except (ExpatError, ValueError, xmlrpc.client.ResponseError):
        return Outcome(Verdict.FAILED, None, told("No Odoo answers at this address."))
    return Outcome(Verdict.SUCCESS if user_id else Verdict.INVALID_CREDENTIALS, "XML-RPC")


def _unexpected(answer: Answer) -> str:
    if 300 <= answer.status < 400:
        where = (answer.location or "elsewhere")[:120]
        return told("The server sends us to %(where)s: enter the address that is meant.", where=where)
    return told("The server answered with %(status)s.", status=answer.status)
