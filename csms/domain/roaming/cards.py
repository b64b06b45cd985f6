"""Peers' tokens as cards of ours (OCPI 2.2.1 §12)."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from csms.domain import accounts
from csms.domain.accounts import IdToken
from csms.domain.accounts.service import GUEST_FOR, ROAMING_LABEL, ROAMING_PREFIX, UID_LENGTH
from csms.domain.base import Invalid, NotFound, printable
from csms.domain.roaming.models import OPEN, Peer, RoamingCard

TYPES = ("AD_HOC_USER", "APP_USER", "OTHER", "RFID")
WHITELISTS = ("ALWAYS", "ALLOWED", "ALLOWED_OFFLINE", "NEVER")
UNASKED = ("ALWAYS", "ALLOWED")  # without asking its peer
REQUIRED = ("country_code", "party_id", "uid", "type", "contract_id", "issuer", "valid", "whitelist")
LENGTHS = {"country_code": 2, "party_id": 3, "uid": 36, "contract_id": 36, "issuer": 64}


def find(session: Session, peer: Peer, country_code: str, party_id: str, uid: str, kind: str) -> RoamingCard:
    """A card that this peer has put. Raises NotFound."""
    key = key_of(country_code, party_id, uid, kind)
    found = session.scalar(select(RoamingCard).where(RoamingCard.key == key, RoamingCard.peer_id == peer.id))
    if found is None:
        raise NotFound("There is no such token.")
    return found


def key_of(country_code: str, party_id: str, uid: str, kind: str) -> str:
    """OCPI's strings are compared without case (§16.1)."""
    return "*".join(x.casefold() for x in (country_code, party_id, uid, kind))


def put(session: Session, peer: Peer, told: Mapping[str, Any], *, at: datetime) -> tuple[RoamingCard, bool]:
    """(the card, whether it is new) of a token that its peer tells whole.

    Raises Invalid for one that is none, or not this peer's; Refused where somebody else has a card of this number.
    """
    body = checked(peer, told)
    key = key_of(body["country_code"], body["party_id"], body["uid"], body["type"])
    card = session.scalar(select(RoamingCard).where(RoamingCard.key == key))
    if card is not None and card.peer_id != peer.id:
        raise Invalid("This token is another peer's.", "uid")
    is_new = card is None
    if card is None:
        card = _card(peer, _number(session, peer, body, at), body, at)
        card.key = key
        session.add(card)
    card.contract_id, card.body, card.last_updated = body["contract_id"], body, updated_at(body, at)
    card.is_good = body["valid"] and body["whitelist"] in UNASKED
    number = session.get_one(IdToken, card.id_token_id)
    number.is_allowed = card.is_good and peer.state in OPEN
    number.is_asked = body["whitelist"] not in UNASKED
    if not number.is_asked or not body["valid"]:
        number.vouched_until = None
    if number.label != ROAMING_LABEL:
        number.label = _label(body)
    session.flush()
    return card, is_new


def change(session: Session, card: RoamingCard, told: Mapping[str, Any], *, at: datetime) -> None:
    """A PATCH (§12.2.2.3): `last_updated` must be among what is told. Raises Invalid."""
    if "last_updated" not in told:
        raise Invalid("A change says when it was made: last_updated.", "last_updated")
    fixed = {name: card.body[name] for name in ("country_code", "party_id", "uid", "type")}
    put(session, card.peer, card.body | dict(told) | fixed, at=at)


def for_start(
    session: Session, peer: Peer, told: Mapping[str, Any], *, reference: str | None, at: datetime
) -> RoamingCard:
    """A card that is good for one start, which the peer itself has ordered (§13.3.4). Raises Invalid."""
    body = checked(peer, told)
    number = accounts.add_token(
        session,
        _made_up(),
        at=at,
        account_id=peer.account_id,
        label=ROAMING_LABEL,
        expires_at=at + GUEST_FOR,
    )
    card = _card(peer, number, body, at)
    card.authorization_reference = printable(reference, 36)
    session.add(card)
    session.flush()
    return card


def checked(peer: Peer, told: Mapping[str, Any]) -> dict[str, Any]:
    """A token as OCPI has it. Raises Invalid."""
    body = {name: value for name, value in told.items() if value is not None}
    for name in REQUIRED:
        if name not in body:
            raise Invalid("%(name)s is missing.", name, name=name)
    for name, length in LENGTHS.items():
        value = body[name]
        if not isinstance(value, str) or not 0 < len(value) <= length or not value.isprintable():
            raise Invalid("%(name)s has 1 to %(most)s printable characters.", name, name=name, most=length)
    if not isinstance(body["valid"], bool):
        raise Invalid("valid is true or false.", "valid")
    if body["type"] not in TYPES:
        raise Invalid("The type is one of %(known)s.", "type", known=", ".join(TYPES))
    if body["whitelist"] not in WHITELISTS:
        raise Invalid("The whitelist is one of %(known)s.", "whitelist", known=", ".join(WHITELISTS))
    if (body["country_code"].upper(), body["party_id"].upper()) not in peer.parties:
        raise Invalid("This token belongs to a party that you have not registered for.", "party_id")
    return body


def updated_at(told: Mapping[str, Any], at: datetime) -> datetime:
    """Its `last_updated`: without a zone it is UTC (§16.6). Raises Invalid."""
    given = told.get("last_updated")
    if given is None:
        return at
    try:
        moment = datetime.fromisoformat(str(given))
    except ValueError as error:
        raise Invalid("A time such as 2026-01-31T12:00:00Z.", "last_updated") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _card(peer: Peer, number: IdToken, body: dict[str, Any], at: datetime) -> RoamingCard:
    return RoamingCard(
        peer_id=peer.id,
        id_token_id=number.id,
        country_code=body["country_code"].upper(),
        party_id=body["party_id"].upper(),
        uid=body["uid"],
        type=body["type"],
        contract_id=body["contract_id"],
        is_good=False,
        body=body,
        last_updated=updated_at(body, at),
    )


def _number(session: Session, peer: Peer, body: Mapping[str, Any], at: datetime) -> IdToken:
    """The card under which chargers know it: its own number, where a reader could send that, or one that we make."""
    uid = str(body["uid"])
    if body["type"] == "RFID" and len(uid) <= UID_LENGTH:
        return accounts.add_token(session, uid, at=at, account_id=peer.account_id, label=_label(body))
    return accounts.add_token(session, _made_up(), at=at, account_id=peer.account_id, label=ROAMING_LABEL)


def retire(session: Session, peer: Peer) -> None:
    """Its cards charge no more, and their numbers are free for others; what was charged with them stays."""
    query = select(IdToken).where(
        IdToken.id.in_(select(RoamingCard.id_token_id).where(RoamingCard.peer_id == peer.id))
    )
    for number in session.scalars(query):
        number.uid, number.is_allowed = _made_up(), False
        number.is_asked, number.vouched_until = False, None
        number.uid_folded = number.uid.casefold()
    session.execute(delete(RoamingCard).where(RoamingCard.peer_id == peer.id))


def _made_up() -> str:
    return ROAMING_PREFIX + secrets.token_hex(8).upper()


def _label(body: Mapping[str, Any]) -> str | None:
    return printable(str(body.get("visual_number") or body["contract_id"]), 80)


def told_as(card: RoamingCard) -> dict[str, str]:
    """CdrToken (§10.4.3)."""
    return {
        "country_code": card.country_code,
        "party_id": card.party_id,
        "uid": card.uid,
        "type": card.type,
        "contract_id": card.contract_id,
    }


def auth_method(card: RoamingCard, *, is_asked: bool) -> str:
    """§10.4.1: an order of its peer, a card about which it was asked, or one that was known."""
    if not card.key:
        return "COMMAND"
    return "AUTH_REQUEST" if is_asked else "WHITELIST"
