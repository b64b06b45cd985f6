"""Versions, and the handshake that makes a peer of an invitation (OCPI 2.2.1 §6, §7)."""

from __future__ import annotations

import re
from typing import Any

from flask import Response, current_app, request
from sqlalchemy.orm import Session

from csms import clock, roaming
from csms.domain import accounts
from csms.domain import roaming as peers
from csms.domain.roaming import Peer, PeerState, Terms
from csms.extensions import db
from csms.ocpi.door import BAD, GENERIC, Problem, again, answer, blueprint, body, peer
from csms.roaming import VERSION, Unfit, address, hashed, module, new_token, versions_url
from csms.work import atomic

ENDPOINTS = (
    ("credentials", "SENDER"),
    ("credentials", "RECEIVER"),
    ("locations", "SENDER"),
    ("tariffs", "SENDER"),
    ("sessions", "SENDER"),
    ("cdrs", "SENDER"),
    ("tokens", "RECEIVER"),
    ("commands", "RECEIVER"),
)
MOST_ROLES = 200
ROLES = ("CPO", "EMSP", "HUB", "NAP", "NSP", "OTHER", "SCSP")


@blueprint.get("/versions", strict_slashes=False)
def versions() -> Response:
    """§6.1"""
    return answer([{"version": VERSION, "url": address(f"/{VERSION}")}])


@blueprint.get(f"/{VERSION}", strict_slashes=False)
def details() -> Response:
    """§6.2"""
    endpoints = [{"identifier": x, "role": role, "url": module(x)} for x, role in ENDPOINTS]
    return answer({"version": VERSION, "endpoints": endpoints})


@blueprint.get(f"/{VERSION}/credentials", strict_slashes=False)
def credentials() -> Response:
    """§7.2.1: the token is the one that was shown."""
    given = roaming.candidates(request.headers["Authorization"])
    token = next(x for x in given if hashed(x) == peer().token_hash)
    return answer(_credentials(db.session(), token))


@blueprint.post(f"/{VERSION}/credentials", strict_slashes=False)
def register() -> Response:
    """§7.2.2: a peer comes with the token of its invitation, and goes with one of its own."""
    if peer().state is not PeerState.INVITED:
        raise Problem(405, GENERIC, "You are registered already: change your credentials with PUT.")
    return _agree(PeerState.INVITED, "ocpi.registered")


@blueprint.put(f"/{VERSION}/credentials", strict_slashes=False)
def renew() -> Response:
    """§7.2.3: new tokens for both, and another look at what the peer offers."""
    if peer().state is not PeerState.REGISTERED:
        raise Problem(405, GENERIC, "You are not registered yet: do that with POST.")
    return _agree(PeerState.REGISTERED, "ocpi.renewed")


@blueprint.delete(f"/{VERSION}/credentials", strict_slashes=False)
def leave() -> Response:
    """§7.2.4"""
    if peer().state is not PeerState.REGISTERED:
        raise Problem(405, GENERIC, "You are not registered.")
    with atomic() as session:
        found = again(session)
        peers.leave(session, found)
        _put_on_record(session, found, "ocpi.left")
    return answer()


def _agree(expected: PeerState, action: str) -> Response:
    """Look at the peer's side with its own token, and exchange the one that it has shown for another."""
    given = body()
    url, theirs = given.get("url"), given.get("token")
    if not isinstance(url, str) or not isinstance(theirs, str) or not _is_token(theirs):
        raise Problem(200, BAD, "Credentials have a token of 1 to 64 printable characters, and a url.")
    roles = _roles(given.get("roles"))
    try:
        found = roaming.discover(
            url, theirs, may_be_private=current_app.extensions["settings"].private_targets
        )
    except Unfit as error:
        with atomic() as session:
            peers.note_trouble(session, again(session), str(error), at=clock.now())
        raise Problem(200, error.status_code, str(error)) from None
    token = new_token()
    sealed = current_app.extensions["seal"].close(theirs)
    terms = Terms(url[:500], sealed, found.is_plain, roles, found.endpoints)
    with atomic() as session:
        known = again(session)
        if known.state is not expected:
            raise Problem(405, GENERIC, "You have registered at the same moment.")
        peers.register(session, known, terms, token_hash=hashed(token), at=clock.now())
        _put_on_record(session, known, action, f"{known.country_code}*{known.party_id} {url}"[:500])
        told = _credentials(session, token)
    return answer(told)


def _is_token(text: str) -> bool:
    """§16.7: printable ASCII."""
    return 0 < len(text) <= 64 and text.isascii() and text.isprintable()


def _roles(given: Any) -> list[dict[str, Any]]:
    """§7.4.1. Raises Problem."""
    wrong = Problem(200, BAD, "roles is a list, each with role, country_code, party_id and business_details.")
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


def _credentials(session: Session, token: str) -> dict[str, Any]:
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


def _put_on_record(session: Session, found: Peer, action: str, detail: str | None = None) -> None:
    accounts.audit(
        session,
        f"peer {found.name}"[:80],
        action,
        at=clock.now(),
        address=request.remote_addr,
        subject=found.name,
        detail=detail,
    )
