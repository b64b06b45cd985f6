"""The quirk profiles that there are."""

from __future__ import annotations

from typing import Any

from csms import quirks
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.scopes import Scope, needs
from csms.api.shapes import Out, answers
from csms.quirks import Profile


class MatchOut(Out):
    vendor: str
    model: str
    firmware: str
    firmware_up_to: str


class ChargingOut(Out):
    """Empty: all. `steps_a`: nothing between them is obeyed."""

    units: list[str]
    kinds: list[str]
    most_stack_level: int | None
    steps_a: list[float]
    least_a: float
    is_whole_amps: bool


class QuirksOut(Out):
    """One without `match` is only ever chosen. `refuses`: actions that are not sent."""

    key: str
    name: str
    summary: str
    match: list[MatchOut]
    charging: ChargingOut
    needs_remote_start: bool
    redials: bool
    refuses: list[str]


class QuirksList(Out):
    data: list[QuirksOut]


@blueprint.get("/quirks")
@spec.validate(resp=answers(200, QuirksList), tags=["conformance"], operation_id="listQuirks")
@needs(Scope.READ)
def list_quirks() -> Any:
    """Quirk profiles, to be chosen by `quirks_choice` of a charger."""
    return QuirksList(data=[_out(x) for x in quirks.profiles().values()])


def _out(profile: Profile) -> QuirksOut:
    limits = profile.charging
    return QuirksOut.of(
        profile,
        match=[MatchOut.of(x) for x in profile.match],
        charging=ChargingOut.of(
            limits, units=list(limits.units), kinds=list(limits.kinds), steps_a=list(limits.steps_a)
        ),
        redials=profile.connection.redials,
        refuses=[x.action for x in profile.refuses],
    )
