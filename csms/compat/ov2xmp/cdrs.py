"""Charge records: `/api/cdr/`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, jsonify

from csms import clock
from csms.api import cdrs as api
from csms.api import guard
from csms.api.scopes import Scope
from csms.compat.door import Wrong, needs
from csms.compat.ov2xmp.blueprint import blueprint
from csms.compat.ov2xmp.listing import exact, listed, only_fields
from csms.compat.ov2xmp.records import searchable
from csms.domain import cdrs
from csms.domain.base import NotFound
from csms.domain.cdrs import Cdr
from csms.domain.tariffs.numbers import as_numbers
from csms.extensions import db
from csms.work import atomic


@blueprint.get("/api/cdr/", strict_slashes=False)
@needs(Scope.SELF)
def list_cdrs() -> Response:
    """Charge records, the newest first. Drivers see their own."""
    asked = exact("cdr_token", "session_id")
    number = asked.get("session_id", "")
    wanted = cdrs.listed(
        account_id=guard.own_account_only(),
        transaction_id=_session(number) if number else None,
        id_tag=searchable(asked["cdr_token"]) if "cdr_token" in asked else None,
    )
    return listed(wanted.order_by(Cdr.id.desc()), lambda rows: [_shown(x) for x in rows])


@blueprint.get("/api/cdr/<uuid>/", strict_slashes=False)
@needs(Scope.SELF)
def cdr(uuid: str) -> Response:
    """One charge record."""
    try:
        found = cdrs.get(db.session(), uuid, account_id=guard.own_account_only())
    except NotFound:
        raise Wrong(404, {"detail": "Not found."}) from None
    return jsonify(only_fields(_shown(found)))


@blueprint.delete("/api/cdr/<uuid>/", strict_slashes=False)
@needs(Scope.ADMIN)
def remove_cdr(uuid: str) -> tuple[str, int]:
    """Tell a record no more; 409 for one that a session was billed by."""
    with atomic() as session:
        try:
            found = cdrs.get(session, uuid)
        except NotFound:
            raise Wrong(404, {"detail": "Not found."}) from None
        cdrs.withdraw(session, found, at=clock.now())
        guard.audit(session, "cdr.removed", f"session {found.transaction_id}", found.uuid)
    return "", 204


def _session(number: str) -> int:
    return int(number) if number.isascii() and number.isdigit() and len(number) < 19 else 0


def _shown(found: Cdr) -> Mapping[str, Any]:
    told: Mapping[str, Any] = as_numbers(api.shown(found))
    return told
