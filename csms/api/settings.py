"""What holds for the whole installation."""

from __future__ import annotations

from pydantic import Field

from csms import clock
from csms.api import guard
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Out, answers
from csms.domain import configuration, quiet
from csms.domain.configuration import queries
from csms.domain.energy import budget
from csms.extensions import db
from csms.work import atomic

QUIET = "nothing is sent to chargers but answers and what somebody orders"
WRITES = "how often templates may write one key of one charger on a day"
PROFILES = "how many charging profiles one charger may be sent by itself on a day"


class SettingsChange(In):
    """Only what is given is changed."""

    is_quiet: bool | None = Field(None, description=QUIET)
    writes_per_day: int | None = Field(None, description=WRITES)
    profile_writes_per_day: int | None = Field(None, description=PROFILES)


class SettingsOut(Out):
    is_quiet: bool = Field(description=QUIET)
    writes_per_day: int = Field(description=WRITES)
    profile_writes_per_day: int = Field(description=PROFILES)


def _out() -> SettingsOut:
    session = db.session()
    return SettingsOut(
        is_quiet=quiet.is_installation_quiet(session),
        writes_per_day=queries.writes_per_day(session),
        profile_writes_per_day=budget.per_day(session),
    )


@blueprint.get("/settings")
@spec.validate(resp=answers(200, SettingsOut), tags=["settings"], operation_id="getSettings")
@needs(Scope.READ)
def show_settings() -> SettingsOut:
    """What holds for every charger that is not set otherwise."""
    return _out()


@blueprint.patch("/settings")
@spec.validate(resp=answers(200, SettingsOut), tags=["settings"], operation_id="changeSettings")
@needs(Scope.ADMIN)
def change_settings(json: SettingsChange) -> SettingsOut:
    """Begin or end quiet mode, for example around a run of a certification tool; spare chargers' memory."""
    at = clock.now()
    with atomic() as session:
        if json.is_quiet is not None:
            quiet.switch(session, is_on=json.is_quiet, at=at)
            guard.audit(session, "settings.quiet", None, "on" if json.is_quiet else "off")
        if json.writes_per_day is not None:
            configuration.set_writes_per_day(session, json.writes_per_day, at=at)
            guard.audit(session, "configuration.budget", None, str(json.writes_per_day))
        if json.profile_writes_per_day is not None:
            budget.set_per_day(session, json.profile_writes_per_day, at=at)
            guard.audit(session, "charging_profile.budget", None, str(json.profile_writes_per_day))
    return _out()
