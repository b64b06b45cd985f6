"""How a peer comes, stays and goes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.orm import Session

from csms.domain import accounts
from csms.domain.accounts import IdToken, settings
from csms.domain.base import Invalid, NotFound, Refused, announce, printable
from csms.domain.roaming import cards
from csms.domain.roaming.models import OPEN, Peer, PeerState, RoamingCard
from csms.domain.sites import Site

TOPIC = "roaming"
COUNTRY, PARTY = "ocpi_country_code", "ocpi_party_id"  # settings
LONG = timedelta(minutes=15)  # a peer that is restarted, or a network that trips, is back before


@dataclass(frozen=True, slots=True)
class Party:
    """Who somebody is in OCPI: ISO 3166 alpha-2, and three characters that the country gives out."""

    country_code: str
    party_id: str

    @classmethod
    def read(cls, country_code: str, party_id: str) -> "Party":
        """Raises Invalid."""
        country, party = country_code.strip().upper(), party_id.strip().upper()
        if not re.fullmatch("[A-Z]{2}", country):
            raise Invalid("A country code has two letters, such as DE.", "country_code")
        if not re.fullmatch("[A-Z0-9]{3}", party):
            raise Invalid("A party id has three letters or digits.", "party_id")
        return cls(country, party)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a peer has told of itself when it registered."""

    versions_url: str
    token_sealed: str
    is_plain: bool
    roles: list[dict[str, Any]]
    endpoints: list[dict[str, Any]]


def our_party(session: Session) -> Party | None:
    """Who we are, where a site does not say otherwise; None while nobody has said it."""
    country, party = settings.get(session, COUNTRY), settings.get(session, PARTY)
    return Party(country, party) if country and party else None


def set_party(session: Session, party: Party, *, at: datetime) -> None:
    settings.put(session, COUNTRY, party.country_code, at=at)
    settings.put(session, PARTY, party.party_id, at=at)


def our_parties(session: Session) -> list[Party]:
    """All whom we speak for: ourselves, then those whose sites stand in our books."""
    own = our_party(session)
    query = select(Site.country_code, Site.party_id).where(
        Site.country_code.is_not(None), Site.party_id.is_not(None)
    )
    theirs = {Party(x, y) for x, y in session.execute(query.distinct()) if x and y}
    ordered = sorted(theirs - {own}, key=lambda x: (x.country_code, x.party_id))
    return ([own] if own else []) + ordered


def invite(session: Session, name: str, *, token_hash: str, by: str | None, at: datetime) -> Peer:
    """A peer that may register with the token of this hash. Raises Invalid, Refused before we have said who we are."""
    name = name.strip()
    if not 0 < len(name) <= 80 or not name.isprintable():
        raise Invalid("Give it a name of at most 80 characters.", "name")
    if our_party(session) is None:
        raise Refused("Say first who you are in OCPI: your country code and party id.")
    account = accounts.open_account(session, name, at=at, is_service=True)
    peer = Peer(
        name=name,
        account_id=account.id,
        state=PeerState.INVITED,
        token_hash=token_hash,
        roles=[],
        endpoints=[],
        created_by=by,
        created_at=at,
    )
    session.add(peer)
    session.flush()
    announce(session, TOPIC)
    return peer


def renew(session: Session, peer: Peer, *, token_hash: str) -> None:
    """It must register anew, with the token of this hash; what it had shown us until now opens nothing any more."""
    peer.state, peer.token_hash = PeerState.INVITED, token_hash
    _settle_cards(session, peer)


def check_free(peer: Peer) -> None:
    """Could we register with it? Raises Refused."""
    if peer.state not in (PeerState.INVITED, PeerState.LEFT):
        raise Refused("It is registered already.")


def expect(session: Session, peer: Peer, *, token_hash: str) -> None:
    """We register with it: it asks us with the token of this hash, from now on. Raises Refused."""
    check_free(peer)
    renew(session, peer, token_hash=token_hash)


def register(session: Session, peer: Peer, terms: Terms, *, token_hash: str, at: datetime) -> None:
    """It has told us who it is and where to find it. From now on it shows the token of this hash."""
    first = next((x for x in terms.roles if x["role"] == "EMSP"), terms.roles[0])
    peer.country_code, peer.party_id = first["country_code"], first["party_id"]
    peer.versions_url, peer.their_token_sealed = terms.versions_url, terms.token_sealed
    peer.is_plain, peer.roles, peer.endpoints = terms.is_plain, terms.roles, terms.endpoints
    peer.state, peer.token_hash = PeerState.REGISTERED, token_hash
    peer.registered_at = at
    mend(peer)
    _settle_cards(session, peer)


def leave(session: Session, peer: Peer) -> None:
    """It has ended the registration (OCPI 2.2.1 §7.2.5): its cards charge no more, and we ask it nothing."""
    peer.state, peer.token_hash, peer.their_token_sealed = PeerState.LEFT, None, None
    peer.endpoints = []
    _settle_cards(session, peer)


def suspend(session: Session, peer: Peer) -> None:
    """Its token opens nothing, its cards charge no more, and nothing is sent to it, until `resume`."""
    if peer.state not in OPEN:
        raise Refused("There is nothing to suspend.")
    peer.state = PeerState.SUSPENDED
    _settle_cards(session, peer)


def resume(session: Session, peer: Peer) -> None:
    """As it was before `suspend`. Raises Refused."""
    if peer.state is not PeerState.SUSPENDED:
        raise Refused("It is not suspended.")
    peer.state = PeerState.REGISTERED if peer.their_token_sealed else PeerState.INVITED
    mend(peer)
    _settle_cards(session, peer)


def remove(session: Session, peer: Peer) -> None:
    """Forget it. Its account stays with what was booked there; its cards charge no more."""
    cards.retire(session, peer)
    session.delete(peer)
    session.flush()
    announce(session, TOPIC)


def _settle_cards(session: Session, peer: Peer) -> None:
    """Its cards are good while it takes part, unless it says otherwise."""
    session.flush()
    good = select(RoamingCard.id_token_id).where(RoamingCard.peer_id == peer.id)
    if peer.state in OPEN:
        allow = update(IdToken).where(IdToken.id.in_(good.where(RoamingCard.is_good)))
        session.execute(allow.values(is_allowed=True).execution_options(synchronize_session=False))
    else:
        block = update(IdToken).where(IdToken.id.in_(good))
        session.execute(
            block.values(is_allowed=False, vouched_until=None).execution_options(synchronize_session=False)
        )
    session.expire_all()
    announce(session, TOPIC)


def find(session: Session, peer_id: int) -> Peer:
    """Raises NotFound."""
    found = session.get(Peer, peer_id)
    if found is None:
        raise NotFound("There is no such peer.")
    return found


def by_token(session: Session, hashes: Sequence[str]) -> Peer | None:
    """The peer that shows a token with one of these hashes, and may come in."""
    query = select(Peer).where(Peer.token_hash.in_(hashes), Peer.state.in_(OPEN))
    return session.scalar(query)


def listed(session: Session) -> Sequence[Peer]:
    """All of them by name."""
    return session.scalars(select(Peer).order_by(Peer.name, Peer.id)).all()


def note_contact(session: Session, peer: Peer, *, at: datetime) -> None:
    peer.last_contact_at = at
    announce(session, TOPIC)


def mend(peer: Peer) -> None:
    """What went wrong between us is over."""
    peer.last_error = peer.last_error_at = peer.failing_since = peer.paused_until = None
    peer.failures = 0


def is_failing(at: datetime) -> ColumnElement[bool]:
    """On Peer: for a quarter of an hour nothing has reached it that it was to be told."""
    return and_(Peer.state.in_(OPEN), Peer.failing_since < at - LONG)


def failing(session: Session) -> Sequence[Peer]:
    """Those that are not reached, the longest first."""
    query = select(Peer).where(Peer.state.in_(OPEN), Peer.failing_since.is_not(None))
    return session.scalars(query.order_by(Peer.failing_since)).all()


def note_trouble(session: Session, peer: Peer, words: str, *, at: datetime) -> None:
    """What went wrong between us, as it is shown."""
    peer.last_error, peer.last_error_at = printable(words, 300), at
    announce(session, TOPIC)
