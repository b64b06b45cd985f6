"""What each of the 18 commands of 1.6 asks of the domain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.api import guard
from csms.api.commands import Order as Raw
from csms.api.commands import request_raw
from csms.api.maintenance import addresses
from csms.compat.ov2xmp import bodies
from csms.domain import commands, energy, maintenance, reservations, transactions
from csms.domain.base import Invalid, NotFound, Refused
from csms.domain.chargers import Charger, Connector
from csms.domain.commands import Command, Kind
from csms.domain.energy import Criteria, Meant, ProfileAssignment, Purpose, RateUnit
from csms.domain.energy import queries as energy_queries
from csms.domain.maintenance import Job, JobKind, Wanted
from csms.domain.reservations import Reservation
from csms.domain.transactions import Transaction

PURPOSES = {
    "ChargePointMaxProfile": Purpose.CHARGER_MAX,
    "TxDefaultProfile": Purpose.TX_DEFAULT,
    "TxProfile": Purpose.TX,
}


class NoProfile(Exception):
    """There is no charging profile with this id here."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The charger that is asked, and when."""

    session: Session
    charger: Charger
    at: datetime

    @property
    def by(self) -> str:
        return guard.caller().username

    def ask(self, kind: Kind, arguments: dict[str, Any]) -> Command:
        return commands.request(self.session, self.charger, kind, arguments, by=self.by, at=self.at)

    def raw(self, action: str, payload: dict[str, Any]) -> Command:
        """What the domain knows nothing of, as the API sends it."""
        return request_raw(self.session, self.charger.identity, Raw(action=action, payload=payload))

    def connector(self, number: int) -> Connector:
        found = next((x for x in self.charger.connectors if x.evse_number == number), None)
        if found is None:
            raise Refused("%(title)s has no connector %(number)s.", title=self.charger.title, number=number)
        return found

    def profile(self, profile_id: int) -> tuple[energy.Profile, Meant]:
        """A stored profile. Raises NoProfile."""
        try:
            stored = energy_queries.get(self.session, profile_id)
        except NotFound:
            raise NoProfile from None
        return stored.profile, Meant(stored.name, self.by, stored.id)


# A command, or the word that would be the answer where nothing need be asked.
Outcome = Command | str


def _reset(desk: Desk, given: bodies.Reset) -> Outcome:
    return desk.ask(Kind.RESET, {"is_hard": given.reset_type == "Hard"})


def _remote_start(desk: Desk, given: bodies.RemoteStart) -> Outcome:
    if given.charging_profile_id is not None:
        profile, meant = desk.profile(given.charging_profile_id)
        connectors = desk.charger.connectors
        if given.connector_id is None and len(connectors) != 1:
            raise Invalid("Say which connector, as the profile is set there.", "evse")
        connector = desk.connector(given.connector_id or connectors[0].evse_number)
        return energy.start_with(desk.session, connector, given.id_tag, profile, meant, at=desk.at)
    if given.connector_id is None:
        return desk.ask(Kind.START, {"id_tag": given.id_tag})
    connector = desk.connector(given.connector_id)
    return transactions.request_start(desk.session, connector, id_tag=given.id_tag, by=desk.by, at=desk.at)


def _remote_stop(desk: Desk, given: bodies.RemoteStop) -> Outcome:
    """What is not running here may run there: the charger is asked all the same."""
    found = desk.session.get(Transaction, given.transaction_id)
    if found is None or found.charger_id != desk.charger.id or not found.is_active:
        return desk.raw("RemoteStopTransaction", {"transactionId": given.transaction_id})
    return transactions.request_stop(desk.session, found, by=desk.by, at=desk.at)


def _reserve(desk: Desk, given: bodies.ReserveNow) -> Outcome:
    booked = reservations.book(
        desk.session,
        desk.charger,
        evse=given.connector_id or 0,
        id_tag=given.id_tag,
        expires_at=given.expiry_date,
        number=given.reservation_id,
        by=desk.by,
        at=desk.at,
    )
    return commands.get(desk.session, booked.command_id or "")


def _cancel(desk: Desk, given: bodies.CancelReservation) -> Outcome:
    found = desk.session.get(Reservation, given.reservation_id)
    if found is None or found.charger_id != desk.charger.id or not found.is_open:
        return desk.raw("CancelReservation", {"reservationId": given.reservation_id})
    command = reservations.cancel(desk.session, found, by=desk.by, at=desk.at)
    return command or "Accepted"


def _availability(desk: Desk, given: bodies.ChangeAvailability) -> Outcome:
    is_operative = given.availability_type == "Operative"
    return desk.ask(Kind.AVAILABILITY, {"is_operative": is_operative, "evse": given.connector_id})


def _configure(desk: Desk, given: bodies.ChangeConfiguration) -> Outcome:
    """A charger's key goes as the API sends it, which follows it: the charger may come with it from then on."""
    if given.key.casefold() == "authorizationkey":
        return desk.raw("ChangeConfiguration", {"key": given.key, "value": given.value})
    return desk.ask(Kind.CHANGE_CONFIGURATION, {"name": given.key, "value": given.value})


def _composite(desk: Desk, given: bodies.GetCompositeSchedule) -> Outcome:
    unit = given.charging_rate_unit_type
    return energy.ask_composite(
        desk.session,
        desk.charger,
        given.connector_id,
        duration_s=given.duration,
        unit=RateUnit(unit) if unit else None,
        by=desk.by,
        at=desk.at,
    )


def _clear_profile(desk: Desk, given: bodies.ClearChargingProfile) -> Outcome:
    if given.charging_profile_id is not None:
        return _clear_stored(desk, given.charging_profile_id, given.connector_id)
    purpose = given.charging_profile_purpose
    criteria = Criteria(None, given.connector_id, PURPOSES[purpose] if purpose else None, given.stack_level)
    return energy.clear(desk.session, desk.charger, criteria, by=desk.by, at=desk.at) or "Accepted"


def _clear_stored(desk: Desk, profile_id: int, evse: int | None) -> Outcome:
    """Clear a stored profile wherever this charger has it; the answer is that of the last place."""
    desk.profile(profile_id)
    held = select(ProfileAssignment.number).where(
        ProfileAssignment.charger_id == desk.charger.id,
        ProfileAssignment.profile_id == profile_id,
        ProfileAssignment.ended_at.is_(None),
    )
    if evse is not None:
        held = held.where(ProfileAssignment.evse_number == evse)
    outcome: Outcome = "Unknown"
    for number in sorted(set(desk.session.scalars(held))):
        criteria = Criteria(number)
        asked = energy.clear(desk.session, desk.charger, criteria, by=desk.by, at=desk.at)
        outcome = asked or (outcome if isinstance(outcome, Command) else "Accepted")
    return outcome


def _set_profile(desk: Desk, given: bodies.SetChargingProfile) -> Outcome:
    profile, meant = desk.profile(given.charging_profile_id)
    assignment = energy.assign(desk.session, desk.charger, given.connector_id, profile, meant, at=desk.at)
    return assignment.command


def _diagnostics(desk: Desk, given: bodies.GetDiagnostics) -> Outcome:
    wanted = Wanted(
        given.location,
        given.retries,
        given.retry_interval,
        oldest_at=given.start_time,
        latest_at=given.stop_time,
    )
    job = maintenance.order_log(
        desk.session, desk.charger, JobKind.DIAGNOSTICS, wanted, addresses(), by=desk.by, at=desk.at
    )
    return _command_of(desk, job)


def _firmware(desk: Desk, given: bodies.UpdateFirmware) -> Outcome:
    wanted = Wanted(given.location, given.retries, given.retry_interval, retrieve_at=given.retrieve_date)
    job = maintenance.order_firmware(
        desk.session, desk.charger, None, wanted, addresses(), by=desk.by, at=desk.at
    )
    return _command_of(desk, job)


def _command_of(desk: Desk, job: Job) -> Command:
    return commands.get(desk.session, job.command_id or "")


def _trigger(desk: Desk, given: bodies.TriggerMessage) -> Outcome:
    return desk.ask(Kind.TRIGGER, {"message": given.requested_message, "evse": given.connector_id})


def _send_list(desk: Desk, given: bodies.SendLocalList) -> Outcome:
    listed = given.local_authorization_list
    arguments = {
        "version": given.list_version,
        "is_full": given.update_type == "Full",
        "entries": [_entry(x.id_tag, x.id_tag_info) for x in listed if x.id_tag_info is not None],
        "gone": [x.id_tag for x in listed if x.id_tag_info is None],
    }
    return desk.ask(Kind.SEND_LOCAL_LIST, arguments)


def _entry(id_tag: str, info: bodies.TagInfo) -> dict[str, str | None]:
    expires_at = info.expiry_date.isoformat() if info.expiry_date else None
    return {"id_tag": id_tag, "status": info.status, "expires_at": expires_at, "parent": info.parent_id_tag}


def _get_configuration(desk: Desk, given: bodies.GetConfiguration) -> Outcome:
    return desk.ask(Kind.GET_CONFIGURATION, {"keys": given.keys} if given.keys else {})


@dataclass(frozen=True, slots=True)
class Order:
    """One address: the shape of its body, and what it asks for."""

    shape: type[bodies.Asked]
    ask: Callable[[Desk, Any], Outcome]


ORDERS: Mapping[str, Order] = {
    "reset": Order(bodies.Reset, _reset),
    "remotestarttransaction": Order(bodies.RemoteStart, _remote_start),
    "remotestoptransaction": Order(bodies.RemoteStop, _remote_stop),
    "reservenow": Order(bodies.ReserveNow, _reserve),
    "cancelreservation": Order(bodies.CancelReservation, _cancel),
    "changeavailaility": Order(bodies.ChangeAvailability, _availability),  # as that system wrote it
    "changeavailability": Order(bodies.ChangeAvailability, _availability),
    "changeconfiguration": Order(bodies.ChangeConfiguration, _configure),
    "clearcache": Order(bodies.Asked, lambda desk, _: desk.ask(Kind.CLEAR_CACHE, {})),
    "unlockconnector": Order(
        bodies.UnlockConnector, lambda desk, given: desk.ask(Kind.UNLOCK, {"evse": given.connector_id})
    ),
    "getcompositeschedule": Order(bodies.GetCompositeSchedule, _composite),
    "clearchargingprofile": Order(bodies.ClearChargingProfile, _clear_profile),
    "setchargingprofile": Order(bodies.SetChargingProfile, _set_profile),
    "getdiagnostics": Order(bodies.GetDiagnostics, _diagnostics),
    "updatefirmware": Order(bodies.UpdateFirmware, _firmware),
    "triggermessage": Order(bodies.TriggerMessage, _trigger),
    "getlocallistversion": Order(bodies.Asked, lambda desk, _: desk.ask(Kind.GET_LOCAL_LIST_VERSION, {})),
    "sendlocallist": Order(bodies.SendLocalList, _send_list),
    "getconfiguration": Order(bodies.GetConfiguration, _get_configuration),
}
