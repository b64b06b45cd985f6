"""A charger's list of cards in the words of 1.6 (profile LocalAuthListManagement)."""

from datetime import datetime
from typing import Any

from csms.domain import local_lists
from csms.domain.accounts import Decision, TokenStatus
from csms.domain.commands import Command, Kind
from csms.domain.local_lists import SendAnswer
from csms.ocpp.dispatch import Context, Payload
from csms.ocpp.v16.actions import actions
from csms.ocpp.v16.commands import Arguments, Rendered
from csms.ocpp.v16.values import id_tag_info, members, text_of, whole

_ANSWERS = {
    "Accepted": SendAnswer.ACCEPTED,
    "Failed": SendAnswer.FAILED,
    "NotSupported": SendAnswer.NOT_SUPPORTED,
    "VersionMismatch": SendAnswer.VERSION_MISMATCH,
}


@actions.renders_as(Kind.GET_LOCAL_LIST_VERSION)
def get_local_list_version(given: Arguments) -> Rendered:
    """1.6 §5.10."""
    del given
    return "GetLocalListVersion", {}


@actions.renders_as(Kind.SEND_LOCAL_LIST)
def send_local_list(given: Arguments) -> Rendered:
    """1.6 §5.15. A card without idTagInfo is one to forget; a full list without cards empties it."""
    entries: list[Payload] = [{"idTag": uid} for uid in given["gone"]]
    entries += [{"idTag": x["id_tag"], "idTagInfo": id_tag_info(_decision(x))} for x in given["entries"]]
    return "SendLocalList", {
        "listVersion": given["version"],
        "updateType": "Full" if given["is_full"] else "Differential",
        "localAuthorizationList": entries,
    }


def _decision(entry: Any) -> Decision:
    expires_at = datetime.fromisoformat(entry["expires_at"]) if entry["expires_at"] else None
    return Decision(TokenStatus(entry["status"]), parent_uid=entry["parent"], expires_at=expires_at)


@actions.answered("GetLocalListVersion")
def keep_version(context: Context, command: Command, answer: Any) -> None:
    """1.6 §5.10."""
    version = whole(members(answer).get("listVersion"))
    local_lists.told_version(context.session, context.charger, command, version, at=context.now)


@actions.answered("SendLocalList")
def keep_answer(context: Context, command: Command, answer: Any) -> None:
    """1.6 §5.15."""
    result = _ANSWERS.get(text_of(members(answer).get("status")) or "")
    if result is not None:
        local_lists.answered(context.session, context.charger, command, result, at=context.now)
