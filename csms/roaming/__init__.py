"""The way to peers of OCPI: who they say they are, and where they take and give what."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
from flask import current_app

from csms import outbound
from csms.extensions import db
from csms.outbound import Answer, Barred, Unreachable
from csms.sentences import told

ROOT = "/ocpi"
VERSION = "2.2.1"
WITHIN_S = 10.0
MOST_ENDPOINTS = 60


def hashed(token: str) -> str:
    """What is kept of a token that a peer shows us: nobody who reads the database can use it, or try tokens there."""
    pepper: bytes = current_app.config["PEPPER"]
    return hmac.new(pepper, b"ocpi" + token.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def new_token() -> str:
    """What a peer is given to show."""
    return secrets.token_urlsafe(32)


def address(path: str = "") -> str:
    """An address of ours, as peers reach it."""
    base: str = current_app.extensions["settings"].public_base_url
    return f"{base.rstrip('/')}{ROOT}{path}"


def versions_url() -> str:
    """Where a peer begins."""
    return address("/versions")


def module(name: str) -> str:
    """Where a module of ours is."""
    return address(f"/{VERSION}/{name}")


class Unfit(Exception):
    """Nothing can be agreed with a peer. `status_code` as OCPI 2.2.1 §5 has it; the message is fit to be shown."""

    def __init__(self, status_code: int, message: str) -> None:
        super().__init__(message)
        self.status_code = status_code


@dataclass(frozen=True, slots=True)
class Found:
    """Where a peer's modules are. `is_plain`: it takes its token without base64 alone."""

    endpoints: list[dict[str, Any]]
    is_plain: bool


def credential(token: str, *, is_plain: bool) -> str:
    """What stands in Authorization: the token in base64 (§4.1.4), or as the peer wants it."""
    return "Token " + (token if is_plain else base64.b64encode(token.encode()).decode())


def headers(authorization: str) -> dict[str, str]:
    """Of a request with a body (§4.1.4)."""
    return {
        "Authorization": authorization,
        "Content-Type": "application/json",
        "X-Request-ID": new_token(),
        "X-Correlation-ID": new_token(),
    }


def candidates(header: str) -> list[str]:
    """The tokens that an Authorization header may mean: in base64, or as it stands, for peers differ."""
    kind, _, given = header.partition(" ")
    given = given.strip()
    if kind.casefold() != "token" or not 0 < len(given) <= 400:
        return []
    try:
        return [base64.b64decode(given, validate=True).decode(), given]
    except ValueError:
        return [given]


def discover(versions_url: str, token: str, *, may_be_private: bool) -> Found:
    """Ask a peer for its versions, and for the modules of ours (§6.1, §6.2). Raises Unfit."""
    db.session.remove()  # the peer may be slow, and nothing is held meanwhile
    is_plain = False
    answer = _get(versions_url, token, is_plain, may_be_private)
    if answer.status == 401:
        is_plain = True
        answer = _get(versions_url, token, is_plain, may_be_private)
    offered = data_of(answer, list, versions_url)
    chosen = [x for x in offered if isinstance(x, dict) and x.get("version") == VERSION]
    if not chosen or not is_address(chosen[0].get("url")):
        raise Unfit(3002, told("It does not offer OCPI %(version)s.", version=VERSION))
    url = str(chosen[0]["url"])
    details = data_of(_get(url, token, is_plain, may_be_private), dict, url)
    endpoints = [x for x in map(_endpoint, details.get("endpoints") or ()) if x is not None]
    if not any(x["identifier"] == "credentials" for x in endpoints):
        raise Unfit(3003, told("It names no endpoint for credentials."))
    return Found(endpoints[:MOST_ENDPOINTS], is_plain)


def _get(url: str, token: str, is_plain: bool, may_be_private: bool) -> Answer:
    if not is_address(url):
        raise Unfit(3001, told("This is no address of a web server: %(url)s", url=str(url)[:200]))
    headers = {"Authorization": credential(token, is_plain=is_plain), "Accept": "application/json"}
    try:
        return outbound.get(url, headers, within_s=WITHIN_S, may_be_private=may_be_private)
    except (Barred, Unreachable) as error:
        raise Unfit(3001, str(error)) from None


def data_of(answer: Answer, kind: type, url: str) -> Any:
    """What an envelope holds. Raises Unfit."""
    try:
        envelope = orjson.loads(answer.body) if answer.status in (200, 201) else {}
    except orjson.JSONDecodeError:
        envelope = {}
    data = envelope.get("data") if isinstance(envelope, dict) else None
    if not isinstance(data, kind) or not str(envelope.get("status_code", "")).startswith("1"):
        words = told(
            "%(url)s gave no answer of OCPI’s (HTTP %(status)s).", url=url[:200], status=answer.status
        )
        raise Unfit(3001, words)
    return data


def _endpoint(given: Any) -> dict[str, Any] | None:
    """An endpoint as it is kept; None for what is none. What has no role (credentials) is both."""
    if not isinstance(given, dict) or not isinstance(given.get("identifier"), str):
        return None
    if not is_address(given.get("url")):
        return None
    role = str(given.get("role") or "SENDER").upper()
    return {"identifier": given["identifier"][:40], "role": role[:8], "url": given["url"].rstrip("/")}


def is_address(url: Any) -> bool:
    """Could a web server be there?"""
    if not isinstance(url, str) or not 0 < len(url) <= 500 or not url.isascii():
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
