"""Versions, and the handshake that makes a peer of an invitation (OCPI 2.2.1 §6, §7)."""

from __future__ import annotations

from flask import Response, current_app, request
from sqlalchemy.orm import Session

from csms import clock, roaming
from csms.domain import accounts
from csms.domain import roaming as peers
from csms.domain.roaming import Peer, PeerState
from csms.extensions import db
from csms.ocpi.door import GENERIC, Problem, again, answer, blueprint, body, peer
from csms.roaming import VERSION, Unfit, address, handshake, hashed, module, new_token
from csms.roaming.handshake import Credentials
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
    return answer(handshake.ours(db.session(), token))


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
    try:
        given = Credentials.read(body())
    except Unfit as error:
        raise Problem(200, error.status_code, str(error)) from None
    try:
        found = roaming.discover(
            given.url, given.token, may_be_private=current_app.extensions["settings"].private_targets
        )
    except Unfit as error:
        with atomic() as session:
            peers.note_trouble(session, again(session), str(error), at=clock.now())
        raise Problem(200, error.status_code, str(error)) from None
    token = new_token()
    terms = given.terms(found)
    with atomic() as session:
        known = again(session)
        if known.state is not expected:
            raise Problem(405, GENERIC, "You have registered at the same moment.")
        peers.register(session, known, terms, token_hash=hashed(token), at=clock.now())
        _put_on_record(session, known, action, f"{known.country_code}*{known.party_id} {given.url}"[:500])
        told = handshake.ours(session, token)
    return answer(told)


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
