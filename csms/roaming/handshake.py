"""The exchange of credentials (OCPI 2.2.1 §7), whichever side begins it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson
from flask import current_app
from sqlalchemy.orm import Session

from csms import clock, outbound, roaming
from csms.domain import roaming as peers
from csms.domain.base import printable
from csms.domain.roaming import Peer, PeerState, Terms
from csms.extensions import db
from csms.outbound import Answer, Barred, Unreachable
from csms.roaming import Found, Unfit, credential, hashed, new_token, versions_url
from csms.seal import Unreadable
from csms.sentences import told
from csms.work import atomic

BAD = 2001
MOST_ROLES = 200
ROLES = ("CPO", "EMSP", "HUB", "NAP", "NSP", "OTHER", "SCSP")
WITHIN_S = 30.0  # before they answer, they ask us for our versions


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a peer tells of itself (§7.4)."""

    url: str
    token: str
    roles: list[dict[str, Any]]

    @classmethod
    def read(cls, given: dict[str, Any]) -> Credentials:
        """Raises Unfit."""
        url, token = given.get("url"), given.get("token")
        if not isinstance(url, str) or not isinstance(token, str) or not is_token(token):
            raise Unfit(BAD, "Credentials have a token of 1 to 64 printable characters, and a url.")
        return cls(url[:500], token, _roles(given.get("roles")))

    def terms(self, found: Found) -> Terms:
        """With what has been found there."""
        sealed = current_app.extensions["seal"].close(self.token)
        return Terms(self.url, sealed, found.is_plain, self.roles, found.endpoints)


def ours(session: Session, token: str) -> dict[str, Any]:
    """What we tell of ourselves; `token`: what they show us from then on."""
    name = current_app.extensions["settings"].organisation[:100]
    roles = [
        {
            "role": "CPO",
            "country_code": x.country_code,
            "party_id": x.party_id,
            "business_details": {"name": name},
        }
        for x in peers.our_parties(session)
    ]
    return {"token": token, "url": versions_url(), "roles": roles}


def is_token(text: str) -> bool:
    """§16.7: printable ASCII."""
    return 0 < len(text) <= 64 and text.isascii() and text.isprintable()


def _roles(given: Any) -> list[dict[str, Any]]:
    """§7.4.1. Raises Unfit."""
    wrong = Unfit(BAD, "roles is a list, each with role, country_code, party_id and business_details.")
    if not isinstance(given, list) or not 0 < len(given) <= MOST_ROLES:
        raise wrong
    found = []
    for one in given:
        if not isinstance(one, dict) or one.get("role") not in ROLES:
            raise wrong
        country, party = str(one.get("country_code", "")).upper(), str(one.get("party_id", "")).upper()
        if not re.fullmatch("[A-Z]{2}", country) or not re.fullmatch("[A-Z0-9]{3}", party):
            raise wrong
        about = one.get("business_details")
        name = str(about.get("name", ""))[:100] if isinstance(about, dict) else ""
        found.append({"role": one["role"], "country_code": country, "party_id": party, "name": name})
    return found


def begin(peer_id: int, url: str, token: str) -> Peer:
    """Register with a peer that has invited us: `token` is good for that once. Raises Unfit, Refused.

    They ask us back while we wait, with the token that we give them: it must be known before.
    """
    may_be_private: bool = current_app.extensions["settings"].private_targets
    peers.check_free(peers.find(db.session(), peer_id))
    if not is_token(token):
        raise Unfit(BAD, told("A token has 1 to 64 printable characters."))
    found = roaming.discover(url, token, may_be_private=may_be_private)
    shown = new_token()
    with atomic() as session:
        peers.expect(session, peers.find(session, peer_id), token_hash=hashed(shown))
        body = orjson.dumps(ours(session, shown))
    try:
        given = _answered(_post(found, token, body, may_be_private))
    except Unfit as error:
        with atomic() as session:
            peers.note_trouble(session, peers.find(session, peer_id), str(error), at=clock.now())
        raise
    with atomic() as session:
        peer = peers.find(session, peer_id)
        peers.register(session, peer, given.terms(found), token_hash=hashed(shown), at=clock.now())
        return peer


def end(peer: Peer) -> str | None:
    """Tell a peer that what it shows us opens nothing any more (§7.2.4). Returns why it could not be told; None: it has
    been, or it does not know us.
    """
    url = next((x["url"] for x in peer.endpoints if x["identifier"] == "credentials"), None)
    token_sealed, is_plain = peer.their_token_sealed, peer.is_plain
    if url is None or token_sealed is None or peer.state is PeerState.LEFT:
        return None
    db.session.remove()  # as in `roaming.discover`
    may_be_private: bool = current_app.extensions["settings"].private_targets
    try:
        token = current_app.extensions["seal"].open(token_sealed)
        headers = roaming.headers(credential(token, is_plain=is_plain))
        answer = outbound.send(
            "DELETE", url, b"", headers, within_s=roaming.WITHIN_S, may_be_private=may_be_private
        )
    except (Barred, Unreachable, Unreadable) as error:
        return str(error)
    if answer.status in (404, 405):  # it has forgotten us already
        return None
    return _refusal(answer) or (None if answer.status < 300 else f"HTTP {answer.status}")


def _answered(data: dict[str, Any]) -> Credentials:
    try:
        return Credentials.read(data)
    except Unfit as error:
        raise Unfit(error.status_code, told("Their answer holds no credentials of OCPI’s.")) from None


def _post(found: Found, token: str, body: bytes, may_be_private: bool) -> dict[str, Any]:
    """§7.2.2, from the other side. Raises Unfit."""
    url = next(x["url"] for x in found.endpoints if x["identifier"] == "credentials")
    headers = roaming.headers(credential(token, is_plain=found.is_plain))
    try:
        answer = outbound.post(url, body, headers, within_s=WITHIN_S, may_be_private=may_be_private)
    except (Barred, Unreachable) as error:
        raise Unfit(3001, str(error)) from None
    if answer.status == 405:
        raise Unfit(2000, told("They say that you are registered there already: ask them for a new token."))
    if (why := _refusal(answer)) is not None:
        raise Unfit(2000, told("They did not register us: %(why)s", why=why))
    data: dict[str, Any] = roaming.data_of(answer, dict, url)
    return data


def _refusal(answer: Answer) -> str | None:
    """Their words in an envelope that is no success (§4.1.6); None: it is one, or there is no envelope."""
    try:
        envelope = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(envelope, dict) or str(envelope.get("status_code", "1")).startswith("1"):
        return None
    return printable(f"{envelope['status_code']} {envelope.get('status_message') or ''}".strip(), 200)
