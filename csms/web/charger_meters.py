"""A charger's meter readings. A view of the blueprint `chargers`."""

from __future__ import annotations

from typing import Any

from flask import render_template, request
from flask_babel import gettext

from csms import clock
from csms.domain.chargers import Charger
from csms.domain.transactions import meters
from csms.extensions import db
from csms.web.addresses import with_query
from csms.web.charger_tabs import blueprint as blueprint
from csms.web.chargers import frame, shown

PAGE_OF_READINGS = 50


@blueprint.get("/<int:charger_id>/readings")
def readings(charger_id: int) -> str:
    charger = shown(charger_id)
    return render_template(
        "chargers/readings.html", **frame(charger, "sessions", clock.now()), **_readings(charger)
    )


def _readings(charger: Charger) -> dict[str, Any]:
    session, measurand = db.session(), request.args.get("measurand", "")[:60]
    evse, before = _number("connector"), _number("before")
    wanted = meters.history(charger.id, measurand=measurand or None, evse=evse)
    found = meters.newest(session, wanted, before_id=before, limit=PAGE_OF_READINGS + 1)
    rows, more = found[:PAGE_OF_READINGS], len(found) > PAGE_OF_READINGS
    given = {name: value for name, value in request.args.items() if name != "before" and value}
    address = with_query("chargers.readings", given, charger_id=charger.id)
    following = {**given, "before": str(rows[-1].id)} if more else given
    kinds = meters.measurands(session, charger.id)
    kinds += [measurand] if measurand and measurand not in kinds else []
    return {
        "readings": [(x, meters.samples(x, measurand or None)) for x in rows],
        "measurand": measurand,
        "measurands": [("", gettext("All")), *((x, x) for x in kinds)],
        "connector": "" if evse is None else str(evse),
        "outlets": [
            ("", gettext("All")),
            *(
                (str(x.evse_number), gettext("Connector %(number)s", number=x.evse_number))
                for x in charger.connectors
            ),
            ("0", gettext("The charger’s own meter")),
        ],
        "evses": {x.id: x.evse_number for x in charger.connectors},
        "next_url": with_query("chargers.readings", following, charger_id=charger.id) if more else None,
        "newest_url": address if before is not None else None,
    }


def _number(name: str) -> int | None:
    value = request.args.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None
