"""1.6 messages about cards."""

from typing import Any

from csms.domain import accounts
from csms.domain.accounts import Decision
from csms.ocpp.dispatch import Context, Payload
from csms.ocpp.v16.actions import actions
from csms.ocpp.v16.values import id_tag_info, id_tags


def decide(context: Context, id_tag: str) -> Decision:
    """The verdict on a tag at this station."""
    return accounts.authorize(
        context.session,
        id_tag,
        needs_known=context.station.needs_known_card,
        needs_credit=context.station.needs_credit,
        at=context.now,
        charger_id=context.station.charger_id,
    )


@actions.on("Authorize", id_tags=id_tags)
def authorize(context: Context, request: Any) -> Payload:
    """1.6 §4.1."""
    return {"idTagInfo": id_tag_info(decide(context, request["idTag"]))}
