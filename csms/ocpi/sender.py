"""What peers fetch: locations, tariffs, and the sessions and charge records of their own drivers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from csms.domain.roaming import locations, published, records, writing
from csms.extensions import db
from csms.ocpi.door import answer, blueprint, currency, moment, page, page_of, peer, view
from csms.roaming import VERSION


@blueprint.get(f"/{VERSION}/locations", strict_slashes=False)
def list_locations() -> Response:
    """§8.2.1.1"""
    wanted = locations.ids(moment("date_from"), moment("date_to"))
    return page(wanted, lambda session, rows: locations.of_ids(session, [x for (x,) in rows], view(session)))


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
    session = db.session()
    now, since, until = view(session), moment("date_from"), moment("date_to")
    edited = published.tariffs(session)
    dated = [
        (x, max(x.created_at, edited.get(str(x.tariff_id), x.created_at)))
        for x in locations.tariff_versions(session, now.at)
    ]
    wanted = [
        (version, at)
        for version, at in dated
        if (since is None or at >= since) and (until is None or at < until)
    ]
    return page_of(wanted, lambda x: writing.tariff(x[0], now.party, x[1]))


@blueprint.get(f"/{VERSION}/sessions", strict_slashes=False)
def list_sessions() -> Response:
    """§9.2.1.1: of this peer's cards."""

    def shown(session: Session, rows: Sequence[Any]) -> list[Any]:
        now = view(session)
        return [records.session_of(one, card, asked, now, currency()) for one, card, asked in rows]

    return page(records.sessions(peer(), moment("date_from"), moment("date_to")), shown)


@blueprint.get(f"/{VERSION}/cdrs", strict_slashes=False)
def list_cdrs() -> Response:
    """§10.2.1.1: of this peer's cards."""

    def shown(session: Session, rows: Sequence[Any]) -> list[Any]:
        now = view(session)
        return [
            records.record_of(cdr, card, charger, asked, now, currency())
            for cdr, card, charger, asked in rows
        ]

    return page(records.records(peer(), moment("date_from"), moment("date_to")), shown)


def _evse(location_id: str, evse_uid: str) -> dict[str, Any]:
    found = locations.get(db.session(), location_id, view(db.session()))
    return locations.part(found["evses"], "uid", evse_uid)
