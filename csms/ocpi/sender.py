"""What peers fetch: locations, tariffs, and the sessions and charge records of their own drivers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from csms.domain.roaming import locations, records
from csms.extensions import db
from csms.ocpi.door import answer, blueprint, currency, moment, page, page_of, peer, view
from csms.roaming import VERSION


@blueprint.get(f"/{VERSION}/locations", strict_slashes=False)
def list_locations() -> Response:
    """§8.2.1.1"""
    wanted = locations.listed(moment("date_from"), moment("date_to"))
    return page(
        wanted, lambda session, rows: locations.of_sites(session, [x for (x,) in rows], view(session))
    )


@blueprint.get(f"/{VERSION}/locations/<location_id>", strict_slashes=False)
def location(location_id: str) -> Response:
    """§8.2.1.2"""
    return answer(locations.get(db.session(), location_id, view(db.session())))


@blueprint.get(f"/{VERSION}/locations/<location_id>/<evse_uid>", strict_slashes=False)
def evse(location_id: str, evse_uid: str) -> Response:
    """§8.2.1.2"""
    return answer(_evse(location_id, evse_uid))


@blueprint.get(f"/{VERSION}/locations/<location_id>/<evse_uid>/<connector_id>", strict_slashes=False)
def connector(location_id: str, evse_uid: str, connector_id: str) -> Response:
    """§8.2.1.2"""
    return answer(locations.part(_evse(location_id, evse_uid)["connectors"], "id", connector_id))


@blueprint.get(f"/{VERSION}/tariffs", strict_slashes=False)
def list_tariffs() -> Response:
    """§11.2.1.1"""
    now, since, until = view(db.session()), moment("date_from"), moment("date_to")
    versions = [
        x
        for x in locations.tariff_versions(db.session(), now.at)
        if (since is None or x.created_at >= since) and (until is None or x.created_at < until)
    ]
    return page_of(versions, lambda x: locations.tariff(x, now.party))


@blueprint.get(f"/{VERSION}/sessions", strict_slashes=False)
def list_sessions() -> Response:
    """§9.2.1.1: of this peer's cards."""

    def shown(session: Session, rows: Sequence[Any]) -> list[Any]:
        now = view(session)
        return [records.session_of(one, card, now, currency()) for one, card in rows]

    return page(records.sessions(peer(), moment("date_from"), moment("date_to")), shown)


@blueprint.get(f"/{VERSION}/cdrs", strict_slashes=False)
def list_cdrs() -> Response:
    """§10.2.1.1: of this peer's cards."""

    def shown(session: Session, rows: Sequence[Any]) -> list[Any]:
        now = view(session)
        return [records.record_of(cdr, card, charger, now, currency()) for cdr, card, charger in rows]

    return page(records.records(peer(), moment("date_from"), moment("date_to")), shown)


def _evse(location_id: str, evse_uid: str) -> dict[str, Any]:
    found = locations.get(db.session(), location_id, view(db.session()))
    return locations.part(found["evses"], "uid", evse_uid)
