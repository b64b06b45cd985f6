"""Who did what, and when: the owner's to read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.scopes import Scope, needs
from csms.api.shapes import Listing, Moment, Out, answers
from csms.domain.accounts import AuditEntry
from csms.domain.accounts.audit import entries
from csms.extensions import db


class AuditQuery(Listing):
    q: str | None = Field(
        None, max_length=80, description="part of who, of what it was done to, or of the detail"
    )
    action: str | None = Field(None, max_length=60, description="how the action begins", examples=["user."])
    since: Moment | None = None


class AuditOut(Out):
    """`chain` is the hash of the entry and of the chain before it; null for a few seconds."""

    id: int
    at: datetime
    actor: str
    address: str | None
    action: str
    subject: str | None
    detail: str | None
    position: int | None
    chain: str | None


class AuditList(Out):
    data: list[AuditOut]
    next_cursor: str | None


@blueprint.get("/audit")
@spec.validate(resp=answers(200, AuditList), tags=["users"], operation_id="listAudit")
@needs(Scope.OWN)
def list_audit(query: AuditQuery) -> Any:
    """What was done, the newest first."""
    wanted = entries(words=query.q or "", action=query.action or "", since=query.since).order_by(None)
    found = page(db.session(), wanted, (AuditEntry.id,), query, newest_first=True)
    return AuditList(data=[AuditOut.of(x) for x in found.rows], next_cursor=found.next_cursor), found.headers
