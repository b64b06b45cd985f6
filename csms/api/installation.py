"""What an owner sets of the installation: its name, its clock, its units, its maps, and what is kept for how long."""

from __future__ import annotations

from typing import Any

from flask import current_app
from pydantic import Field

from config import Config
from csms import clock, installation, retention
from csms.api import guard
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Out, answers
from csms.work import atomic

ORGANISATION = "the name on pages, receipts and labels"
POSTAL_ADDRESS = "where it is, on receipts: lines with line breaks between them; empty: none"
TAX_NUMBER = "its tax number (VAT number, NIF, RFC …), on receipts; empty: none"
HELP_PHONE = "the number that drivers may call; empty: none"
TIME_ZONE = "the zone in which pages show times (IANA)"
DISTANCE_UNIT = "km or mi"
CO2 = "grams of CO₂ that a kWh stands for; empty: nobody knows"
MAP_CENTER = "where maps begin: latitude and longitude, as in 25.6866,-100.3161"
TILE_URL = "where map tiles are loaded from, with {z}, {x} and {y}; empty: no tiles"
FRAMES_KEPT_DAYS = "days after which chargers' messages are deleted"
READINGS_KEPT_DAYS = "days after which meter values are deleted, but for signed ones"
AUDIT_KEPT_DAYS = "days after which it is deleted who did what"
LOGS_KEPT_DAYS = "days after which chargers' logs are deleted"
LOG_DAYS = "days after which the log files of OCPP messages are deleted"
BACKUPS_KEPT = "how many backups are kept when one is made by itself; the oldest are deleted"


class InstallationChange(In):
    """Only what is given is changed."""

    organisation: str | None = Field(None, description=ORGANISATION)
    postal_address: str | None = Field(None, description=POSTAL_ADDRESS)
    tax_number: str | None = Field(None, description=TAX_NUMBER)
    help_phone: str | None = Field(None, description=HELP_PHONE)
    time_zone: str | None = Field(None, description=TIME_ZONE)
    distance_unit: str | None = Field(None, description=DISTANCE_UNIT)
    co2_g_per_kwh: str | None = Field(None, description=CO2)
    map_center: str | None = Field(None, description=MAP_CENTER)
    tile_url: str | None = Field(None, description=TILE_URL)
    frames_kept_days: int | None = Field(None, description=FRAMES_KEPT_DAYS)
    readings_kept_days: int | None = Field(None, description=READINGS_KEPT_DAYS)
    audit_kept_days: int | None = Field(None, description=AUDIT_KEPT_DAYS)
    logs_kept_days: int | None = Field(None, description=LOGS_KEPT_DAYS)
    log_days: int | None = Field(None, description=LOG_DAYS)
    backups_kept: int | None = Field(None, description=BACKUPS_KEPT)


class InstallationOut(Out):
    organisation: str = Field(description=ORGANISATION)
    postal_address: str = Field(description=POSTAL_ADDRESS)
    tax_number: str = Field(description=TAX_NUMBER)
    help_phone: str = Field(description=HELP_PHONE)
    currency: str = Field(description="that of all prices (ISO 4217)")
    time_zone: str = Field(description=TIME_ZONE)
    distance_unit: str = Field(description=DISTANCE_UNIT)
    co2_g_per_kwh: str = Field(description=CO2)
    map_center: str = Field(description=MAP_CENTER)
    tile_url: str = Field(description=TILE_URL)
    frames_kept_days: int = Field(description=FRAMES_KEPT_DAYS)
    readings_kept_days: int = Field(description=READINGS_KEPT_DAYS)
    audit_kept_days: int = Field(description=AUDIT_KEPT_DAYS)
    logs_kept_days: int = Field(description=LOGS_KEPT_DAYS)
    log_days: int = Field(description=LOG_DAYS)
    backups_kept: int = Field(description=BACKUPS_KEPT)


def _out() -> InstallationOut:
    config: Config = current_app.extensions["settings"]
    return InstallationOut(
        organisation=config.organisation,
        postal_address=config.postal_address,
        tax_number=config.tax_number,
        help_phone=config.help_phone,
        currency=config.currency,
        time_zone=config.time_zone.key,
        distance_unit=config.distance_unit.value,
        co2_g_per_kwh=config.co2_g_per_kwh,
        map_center=f"{config.map_center.latitude},{config.map_center.longitude}",
        tile_url=config.tile_url,
        frames_kept_days=config.frames_kept_days,
        readings_kept_days=config.readings_kept_days,
        audit_kept_days=config.audit_kept_days,
        logs_kept_days=config.logs_kept_days,
        log_days=config.log_days,
        backups_kept=config.backups_kept,
    )


@blueprint.get("/installation")
@spec.validate(resp=answers(200, InstallationOut), tags=["settings"], operation_id="getInstallation")
@needs(Scope.READ)
def show_installation() -> InstallationOut:
    """What is in force, be it set here, on the page *Settings* or by the environment."""
    return _out()


@blueprint.patch("/installation")
@spec.validate(resp=answers(200, InstallationOut), tags=["settings"], operation_id="changeInstallation")
@needs(Scope.OWN)
def change_installation(json: InstallationChange) -> InstallationOut:
    """Change some of it; it holds at once. What is kept for less long is deleted at the next round, unasked."""
    app: Any = current_app._get_current_object()  # type: ignore[attr-defined]
    given = {name: str(value).strip() for name, value in json.model_dump(exclude_none=True).items()}
    installation.check(given)
    with atomic() as session:
        installation.keep(session, given, at=clock.now())
        limits = {name: value for name, value in given.items() if name in retention.LIMITS}
        if limits:
            guard.audit(session, "settings.retention", None, installation.told(limits))
        if others := given.keys() - limits:
            guard.audit(session, "settings.organisation", None, ", ".join(sorted(others)))
    installation.apply_stored(app)
    return _out()
