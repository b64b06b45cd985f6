"""How well chargers keep to the specification, with the evidence."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from csms.api import queries
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.scopes import Scope, needs
from csms.api.shapes import Out, answers
from csms.domain import conformance
from csms.domain.conformance import Evidence, Standing
from csms.domain.frames import Deviation
from csms.extensions import db


class EvidenceOut(Out):
    kind: Deviation
    action: str
    member: str
    count: int
    weight: float
    last_at: datetime
    frame_id: int | None


class StandingOut(Out):
    """`score` is 100 less the weighted deviations among a hundred messages; null while there are too few."""

    vendor: str
    model: str
    firmware_version: str
    chargers: int
    messages: int
    deviations: int
    score: int | None
    last_at: datetime | None
    evidence: list[EvidenceOut]


class StandingList(Out):
    data: list[StandingOut]


@blueprint.get("/conformance")
@spec.validate(resp=answers(200, StandingList), tags=["conformance"], operation_id="listConformance")
@needs(Scope.READ)
def list_conformance() -> Any:
    """Each vendor, model and firmware that there is, the worst first."""
    return StandingList(data=[_standing(x) for x in conformance.fleet(db.session())])


@blueprint.get("/chargers/<identity>/conformance")
@spec.validate(resp=answers(200, StandingList), tags=["conformance"], operation_id="getChargerConformance")
@needs(Scope.READ)
def show_conformance(identity: str) -> Any:
    """One charger, with each firmware that it has had."""
    charger = queries.charger(db.session(), identity, with_connectors=False)
    return StandingList(data=[_standing(x) for x in conformance.of_charger(db.session(), charger.id)])


def _standing(standing: Standing) -> StandingOut:
    return StandingOut.of(standing, evidence=[_evidence(x) for x in standing.evidence])


def _evidence(line: Evidence) -> EvidenceOut:
    return EvidenceOut.of(line, member=line.place)
