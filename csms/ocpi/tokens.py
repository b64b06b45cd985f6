"""What peers tell: which cards of their drivers may charge here (OCPI 2.2.1 §12.2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session

from csms import clock
from csms.domain.base import NotFound
from csms.domain.roaming import Peer, RoamingCard, cards
from csms.extensions import db
from csms.ocpi.door import BAD, UNKNOWN_TOKEN, Problem, again, answer, blueprint, body, peer
from csms.roaming import VERSION
from csms.work import atomic

ADDRESS = f"/{VERSION}/tokens/<country_code>/<party_id>/<uid>"
Names = tuple[str, str, str]


@blueprint.get(ADDRESS, strict_slashes=False)
def token(country_code: str, party_id: str, uid: str) -> Response:
    """§12.2.2.1: as the peer has told it."""
    return answer(_found(db.session(), peer(), (country_code, party_id, uid)).body)


@blueprint.put(ADDRESS, strict_slashes=False)
def put_token(country_code: str, party_id: str, uid: str) -> Response:
    """§12.2.2.2: new, or instead of what was told before."""
    told = body()
    _check_names(told, {"country_code": country_code, "party_id": party_id, "uid": uid})
    with atomic() as session:
        _, is_new = cards.put(session, again(session), told, at=clock.now())
    return answer(status=201 if is_new else 200)


@blueprint.patch(ADDRESS, strict_slashes=False)
def change_token(country_code: str, party_id: str, uid: str) -> Response:
    """§12.2.2.3"""
    told = body()
    with atomic() as session:
        card = _found(session, again(session), (country_code, party_id, uid))
        cards.change(session, card, told, at=clock.now())
    return answer()


def _found(session: Session, owner: Peer, names: Names) -> RoamingCard:
    try:
        return cards.find(session, owner, *names, request.args.get("type", "RFID"))
    except NotFound as error:
        raise Problem(404, UNKNOWN_TOKEN, str(error)) from None


def _check_names(told: Mapping[str, Any], names: Mapping[str, str]) -> None:
    """What is told is what its address says. Raises Problem."""
    for name, value in names.items():
        if str(told.get(name, "")).casefold() != value.casefold():
            raise Problem(200, BAD, f"{name} is not that of the address.")
