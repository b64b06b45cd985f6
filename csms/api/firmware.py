"""The library of firmware."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import request, url_for
from pydantic import Field
from sqlalchemy import select
from werkzeug.exceptions import RequestEntityTooLarge

from csms import clock, files
from csms.api import guard
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.errors import Problem
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Out, answers
from csms.domain.maintenance import FirmwareFile, library
from csms.extensions import db
from csms.shelf import CutOff, Patient, TooLarge


class NewFirmware(In):
    """`version` as chargers report it in a boot. Vendor and model: of the chargers that it is made for; null: any."""

    name: str = Field("", max_length=120, examples=["wallbox-2.1.0.bin"])
    version: str = Field(min_length=1, max_length=50)
    vendor: str | None = Field(None, max_length=50)
    model: str | None = Field(None, max_length=50)
    signing_certificate: str | None = Field(None, max_length=5500, description="PEM")
    signature: str | None = Field(None, max_length=800, description="Base64")


class FirmwareOut(Out):
    """`sha256` is null until the content has come."""

    id: int
    name: str
    version: str
    vendor: str | None
    model: str | None
    size_bytes: int | None
    sha256: str | None
    is_signed: bool
    uploaded_by: str | None
    uploaded_at: datetime


class FirmwareList(Out):
    data: list[FirmwareOut]
    next_cursor: str | None


@blueprint.get("/firmware")
@spec.validate(resp=answers(200, FirmwareList), tags=["maintenance"], operation_id="listFirmware")
@needs(Scope.READ)
def list_firmware(query: Listing) -> Any:
    """The library, newest first."""
    wanted = select(FirmwareFile).where(~FirmwareFile.is_removed)
    found = page(db.session(), wanted, (FirmwareFile.id,), query, newest_first=True)
    data = [FirmwareOut.of(x) for x in found.rows]
    return FirmwareList(data=data, next_cursor=found.next_cursor), found.headers


@blueprint.post("/firmware")
@spec.validate(resp=answers(201, FirmwareOut), tags=["maintenance"], operation_id="addFirmware")
@needs(Scope.ADMIN)
def add_firmware(json: NewFirmware) -> Any:
    """Announce a firmware; its content follows by `PUT /firmware/{id}/file`."""
    with unit() as session:
        at, by = clock.now(), guard.caller().username
        firmware = library.add(session, library.About(**json.model_dump()), by=by, at=at)
        guard.audit(session, "firmware.added", f"firmware {firmware.id}", firmware.version)
        added = FirmwareOut.of(firmware)
    return added, 201, {"Location": url_for("api.show_firmware", firmware_id=added.id)}


@blueprint.get("/firmware/<int:firmware_id>")
@spec.validate(resp=answers(200, FirmwareOut), tags=["maintenance"], operation_id="getFirmware")
@needs(Scope.READ)
def show_firmware(firmware_id: int) -> FirmwareOut:
    """One firmware."""
    return FirmwareOut.of(library.get(db.session(), firmware_id))


@blueprint.put("/firmware/<int:firmware_id>/file")
@spec.validate(resp=answers(200, FirmwareOut), tags=["maintenance"], operation_id="uploadFirmware")
@guard.takes_bytes
@needs(Scope.ADMIN)
def upload_firmware(firmware_id: int) -> Any:
    """Its content, as the body, with any Content-Type but JSON. It cannot be changed afterwards."""
    library.get(db.session(), firmware_id)
    db.session.remove()  # an upload may take long: it must hold no connection
    shelf = files.firmware()
    most_bytes = files.settings().largest_firmware_mb * 1_000_000
    request.max_content_length = most_bytes
    try:
        stored = shelf.receive(Patient(request.stream), most_bytes)
    except (TooLarge, RequestEntityTooLarge):
        raise Problem(413, f"At most {most_bytes // 1_000_000} MB.", "request_entity_too_large") from None
    except CutOff:
        raise Problem(400, "The file was cut off.", "bad_request") from None
    try:
        with unit() as session:
            firmware = library.get(session, firmware_id)
            size, digest = stored.size_bytes, stored.sha256
            library.attach(
                session, firmware, stored_as=stored.name, size_bytes=size, sha256=digest, at=clock.now()
            )
            guard.audit(session, "firmware.uploaded", f"firmware {firmware.id}", digest)
            return FirmwareOut.of(firmware)
    except BaseException:
        shelf.remove(stored.name)
        raise


@blueprint.delete("/firmware/<int:firmware_id>")
@spec.validate(resp=answers(204, None), tags=["maintenance"], operation_id="removeFirmware")
@needs(Scope.ADMIN)
def remove_firmware(firmware_id: int) -> Any:
    """Take it out of the library; the history of updates stays."""
    with unit() as session:
        firmware = library.get(session, firmware_id)
        library.remove(session, firmware)
        guard.audit(session, "firmware.removed", f"firmware {firmware.id}", firmware.version)
    return "", 204
