"""The list of cards that a simulated charger knows by heart (1.6 §3.5.2, §5.10, §5.15)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from csms.simulator.frames import Payload

if TYPE_CHECKING:
    from csms.simulator.station import Station

Reply = tuple[Payload, Callable[[], None] | None]
NOT_SUPPORTED = -1


@dataclass(frozen=True)
class ListedTag:
    status: str
    parent_id_tag: str | None
    expires_at: datetime | None

    def status_at(self, now: datetime) -> str:
        is_over = self.status == "Accepted" and self.expires_at is not None and self.expires_at <= now
        return "Expired" if is_over else self.status


class LocalList:
    """By card in small letters. Changed by the charger's own thread alone."""

    def __init__(self) -> None:
        self.version = 0
        self.tags: dict[str, ListedTag] = {}

    def changed(self, request: Payload) -> dict[str, ListedTag]:
        """The list as it would be. Raises KeyError and ValueError for what is no update."""
        tags = {} if request["updateType"] == "Full" else dict(self.tags)
        for entry in request.get("localAuthorizationList", ()):
            name, info = str(entry["idTag"]).lower(), entry.get("idTagInfo")
            if info is None:
                tags.pop(name, None)
            else:
                tags[name] = _listed(info)
        return tags

    def take(self, version: int, request: Payload) -> None:
        self.version, self.tags = version, self.changed(request)


def _listed(info: Payload) -> ListedTag:
    expires_at = datetime.fromisoformat(info["expiryDate"]) if "expiryDate" in info else None
    if expires_at is not None and expires_at.tzinfo is None:
        expires_at = expires_at.replace(tzinfo=UTC)
    return ListedTag(str(info["status"]), info.get("parentIdTag"), expires_at)


def handlers(station: "Station") -> dict[str, Callable[[Payload], Reply]]:
    """How the orders are answered."""
    return {
        "GetLocalListVersion": partial(_version, station),
        "SendLocalList": partial(_send, station),
    }


def _version(station: "Station", request: Payload) -> Reply:
    del request
    is_kept = station.configuration.flag("LocalAuthListEnabled")
    return {"listVersion": station.local_list.version if is_kept else NOT_SUPPORTED}, None


def _send(station: "Station", request: Payload) -> Reply:
    kept, configuration = station.local_list, station.configuration
    version, kind = int(request["listVersion"]), request["updateType"]
    if kind not in ("Full", "Differential"):
        raise ValueError(f"no update of type {kind}")
    if not configuration.flag("LocalAuthListEnabled"):
        return {"status": "NotSupported"}, None
    if kind == "Differential" and version <= kept.version:
        return {"status": "VersionMismatch"}, None
    tags = kept.changed(request)
    is_long = len(request.get("localAuthorizationList", ())) > configuration.number("SendLocalListMaxLength")
    if version < 1 or is_long or len(tags) > configuration.number("LocalAuthListMaxLength"):
        return {"status": "Failed"}, None
    return {"status": "Accepted"}, partial(kept.take, version, request)
