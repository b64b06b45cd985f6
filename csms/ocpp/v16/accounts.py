"""1.6 messages about cards."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from csms.domain import accounts
from csms.domain.accounts import Decision, TokenStatus
from csms.domain.roaming.authorization import Shown
from csms.ocpp.dispatch import Context, Payload, Station, Unreadable
from csms.ocpp.v16.actions import actions
from csms.ocpp.v16.values import id_tag_info, members, text_of


def decide(context: Context, id_tag: str) -> Decision:
    """The verdict on a tag at this station. Some models send more than the card's number, or turn it round."""
    if id_tag == context.station.own_tag:
        return Decision(TokenStatus.ACCEPTED)
    return accounts.authorize(
        context.session,
        context.station.quirks.cards.canonical(id_tag),
        needs_known=context.station.needs_known_card,
        needs_credit=context.station.needs_credit,
        at=context.now,
        charger_id=context.station.charger_id,
    )


def read_tags(session: Session, calls: Sequence[tuple[Station, Any]]) -> None:
    """Read the tags of many messages at once."""
    tags = [(station.quirks.cards, members(payload).get("idTag")) for station, payload in calls]
    accounts.preload(session, [cards.canonical(tag) for cards, tag in tags if isinstance(tag, str)])


def presented(station: Station, payload: Any) -> Shown | None:
    """The card that is asked about; None: there is none, or it is the station's own."""
    return _shown(station, payload, is_anew=True)


def begun_with(station: Station, payload: Any) -> Shown | None:
    """As `presented`: a charger that trusts its own list, or was offline, has not asked whether the card is good."""
    return _shown(station, payload, is_anew=False)


def _shown(station: Station, payload: Any, *, is_anew: bool) -> Shown | None:
    id_tag = text_of(members(payload).get("idTag"))
    if id_tag in (None, station.own_tag):
        return None
    return Shown(station.quirks.cards.canonical(id_tag or ""), is_anew)


@actions.on("Authorize", tolerant=True, reads_ahead=read_tags, asks_about=presented)
def authorize(context: Context, request: Any) -> Payload:
    """1.6 §4.1. A tag that is too long for a card's number is an invalid one, not a wrong message (F59)."""
    id_tag = text_of(members(request).get("idTag"))
    if id_tag is None:
        raise Unreadable
    return {"idTagInfo": id_tag_info(decide(context, id_tag))}
