"""Labels to print and to stick on stations: a QR code, a short code to type, and whose station it is."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Blueprint, Flask, current_app, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug.routing import BaseConverter

from config import Config
from csms.domain.base import Invalid
from csms.domain.chargers import Charger, Connector
from csms.domain.chargers.outlets import DIGITS, LETTERS
from csms.extensions import db
from csms.web.addresses import with_query

blueprint = Blueprint("labels", __name__, url_prefix="/labels")

MOST_LABELS = 200  # on one page
SIZES = {"a7": "A7, 74 × 105 mm", "a6": "A6, 105 × 148 mm", "a5": "A5, 148 × 210 mm", "s": "50 × 70 mm"}


class CodeConverter(BaseConverter):
    """The code of a label in an address: letters and digits in turn, large or small, so that it is no page's name."""

    regex = f"(?:[{LETTERS}{LETTERS.lower()}][{DIGITS}]){{3}}"


@dataclass(frozen=True, slots=True)
class Label:
    """`address` is what its QR code holds; `code` is for fingers, behind the host."""

    title: str
    connector: str
    kind: str
    address: str
    code: str


def register(app: Flask) -> None:
    """Make codes known to addresses, before any view asks for one."""
    app.url_map.converters["code"] = CodeConverter


@blueprint.get("")
def index() -> str:
    """A sheet of labels: of the chargers asked for, of those at a site, or of all."""
    config: Config = current_app.extensions["settings"]
    size = request.args.get("size", "a7")
    if size not in SIZES:
        raise Invalid("A label's size is one of %(sizes)s.", "size", sizes=", ".join(SIZES))
    query = (
        select(Connector)
        .join(Charger)
        .options(joinedload(Connector.charger).selectinload(Charger.connectors))
        .order_by(Charger.sorting_name, Charger.id, Connector.evse_number, Connector.number)
        .limit(MOST_LABELS + 1)
    )
    if asked := request.args.getlist("charger", int):
        query = query.where(Charger.id.in_(asked[:MOST_LABELS]))
    if site_id := request.args.get("site", type=int):
        query = query.where(Charger.site_id == site_id)
    connectors = db.session().scalars(query).all()
    kept = {"site": str(site_id or ""), "charger": str(asked[0]) if len(asked) == 1 else ""}
    return render_template(
        "labels/index.html",
        labels=[_label(x, config) for x in connectors[:MOST_LABELS]],
        are_more=len(connectors) > MOST_LABELS,
        most=MOST_LABELS,
        size=size,
        sizes=[
            (x, words, with_query("labels.index", {**kept, "size": x}), None) for x, words in SIZES.items()
        ],
        operator=config.organisation,
        help_phone=config.help_phone,
        host=urlsplit(config.public_base_url).netloc,
    )


def _label(connector: Connector, config: Config) -> Label:
    several = len({x.evse_number for x in connector.charger.connectors}) > 1
    return Label(
        title=connector.charger.title,
        connector=str(connector.evse_number) if several else "",
        kind=connector.type or "",
        address=f"{config.public_base_url}/c/{connector.slug}",
        code=connector.code,
    )
