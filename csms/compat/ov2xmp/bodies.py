"""What this system's commands are asked with. Its names, its misspellings and the names that its code read instead."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from csms.compat.door import Wrong, body
from csms.domain.base import Invalid

Given = TypeVar("Given", bound=BaseModel)

# Under which of this system's names a fault that the domain finds is told.
_NAMES = {
    "duration_s": "duration",
    "evse": "connector_id",
    "expires_at": "expiry_date",
    "id": "reservation_id",
    "id_token": "id_tag",
    "latest_at": "stop_time",
    "number": "reservation_id",
    "purpose": "charging_profile_id",
    "retrieve_at": "retrieve_date",
    "valid_to": "charging_profile_id",
}


def _utc(moment: datetime) -> datetime:
    """This system took times without a zone, and meant UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_utc)]
Connector = Annotated[int, Field(ge=1, le=999)]
AnyConnector = Annotated[int, Field(ge=0, le=999, description="0: the whole charger")]
IdTag = Annotated[str, Field(min_length=1, max_length=20)]
Profile = Annotated[int, Field(ge=1, description="the profile's id here, not the charger's number for it")]


class Asked(BaseModel):
    """`sync` true waits for the charger's answer; false answers at once with the id of a task."""

    model_config = ConfigDict(str_strip_whitespace=True)

    chargepoint_id: str = Field(min_length=1, max_length=255, examples=["CP-1"])
    sync: bool = True


class Reset(Asked):
    reset_type: Literal["Hard", "Soft"]


class RemoteStart(Asked):
    id_tag: IdTag
    connector_id: Connector | None = None
    charging_profile_id: Profile | None = None


class RemoteStop(Asked):
    transaction_id: int


class ReserveNow(Asked):
    id_tag: IdTag
    expiry_date: Moment
    connector_id: AnyConnector | None = None
    reservation_id: int | None = Field(None, description="absent: the next free number")


class CancelReservation(Asked):
    reservation_id: int


class ChangeAvailability(Asked):
    connector_id: AnyConnector
    availability_type: Literal["Operative", "Inoperative"] = Field(
        validation_alias=AliasChoices("availability_type", "type")
    )


class ChangeConfiguration(Asked):
    model_config = ConfigDict(str_strip_whitespace=False)

    key: str = Field(min_length=1, max_length=50)
    value: str = Field(max_length=500)


class UnlockConnector(Asked):
    connector_id: Connector


class GetCompositeSchedule(Asked):
    connector_id: AnyConnector
    duration: int = Field(gt=0, description="s")
    charging_rate_unit_type: Literal["W", "A"] | None = Field(
        None, validation_alias=AliasChoices("charging_rate_unit_type", "charging_rate_unit")
    )


class ClearChargingProfile(Asked):
    charging_profile_id: Profile | None = None
    connector_id: AnyConnector | None = None
    charging_profile_purpose: Literal["ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"] | None = None
    stack_level: int | None = Field(None, ge=0)


class SetChargingProfile(Asked):
    connector_id: AnyConnector
    charging_profile_id: Profile


class _Transfer(Asked):
    location: str = Field(min_length=1, max_length=512, examples=["ftp://files.example.org/"])
    retries: int | None = Field(None, ge=0, le=100)
    retry_interval: int | None = Field(None, ge=0, le=86_400, description="s")


class GetDiagnostics(_Transfer):
    start_time: Moment | None = None
    stop_time: Moment | None = None


class UpdateFirmware(_Transfer):
    retrieve_date: Moment


class TriggerMessage(Asked):
    requested_message: Literal[
        "BootNotification",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "MeterValues",
        "StatusNotification",
    ]
    connector_id: Connector | None = None


class TagInfo(BaseModel):
    """1.6 §7.2 AuthorizationData."""

    status: Literal["Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"]
    expiry_date: Moment | None = Field(None, validation_alias=AliasChoices("expiry_date", "expiryDate"))
    parent_id_tag: IdTag | None = Field(None, validation_alias=AliasChoices("parent_id_tag", "parentIdTag"))


class ListedTag(BaseModel):
    """A card of the list. Without `id_tag_info` the charger forgets it (in a differential update)."""

    id_tag: IdTag = Field(validation_alias=AliasChoices("id_tag", "idTag"))
    id_tag_info: TagInfo | None = Field(None, validation_alias=AliasChoices("id_tag_info", "idTagInfo"))


class SendLocalList(Asked):
    list_version: int = Field(gt=0)
    update_type: Literal["Full", "Differential"]
    local_authorization_list: list[ListedTag] = Field([], max_length=10_000)


class GetConfiguration(Asked):
    keys: list[Annotated[str, Field(min_length=1, max_length=50)]] | None = None


def read(shape: type[Given], given: dict[str, Any] | None = None) -> Given:
    """The request's body in this shape. Raises Wrong: 400 with what is wrong, by field."""
    try:
        return shape.model_validate(body() if given is None else given)
    except ValidationError as error:
        raise Wrong(400, _faults(error)) from None


def fault(error: Invalid) -> Wrong:
    """What the domain finds wrong in what was given, as the system told it."""
    field = error.field or ""
    return Wrong(400, {_NAMES.get(field, field) or "non_field_errors": [str(error)]})


def _faults(error: ValidationError) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        is_missing = each["type"] == "missing"
        words = "This field is required." if is_missing else each["msg"]
        inner = ".".join(str(x) for x in each["loc"][1:])
        told.setdefault(str(each["loc"][0]) if each["loc"] else "non_field_errors", []).append(
            f"{inner}: {words}" if inner else words
        )
    return told
