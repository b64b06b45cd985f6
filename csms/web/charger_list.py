"""The list of chargers: filtered, in columns or tiles, under a name, as CSV. Views of the blueprint `chargers`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import current_app, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from flask_login import current_user
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import tariffs
from csms.domain.accounts import views
from csms.domain.accounts.views import SavedView
from csms.domain.base import Invalid, Refused
from csms.domain.chargers import Charger, Connector, filtering, queries
from csms.domain.chargers.census import census
from csms.domain.chargers.filtering import NOTHING, Facet, Filter, Show, Value
from csms.domain.transactions import figures
from csms.extensions import db
from csms.web import exports, selection
from csms.web.charger_columns import COLUMNS, USUAL, Row, written
from csms.web.charger_security import blueprint as blueprint
from csms.web.chargers import head_of, outlet_status
from csms.web.languages import said
from csms.web.security import can, put_on_record, requires
from csms.web.shell import zone
from csms.web.sites import site_given
from csms.work import atomic

REMEMBERED_S = 365 * 24 * 3600
LOOKS = {"table": lazy_gettext("Table"), "tiles": lazy_gettext("Tiles")}
EXPORT_PAGE = 500

# The choices above the list, and their words.
CHOICES = (
    (Show.ALL, lazy_gettext("All")),
    (Show.CHARGING, lazy_gettext("Charging")),
    (Show.AVAILABLE, lazy_gettext("Available")),
    (Show.FAULTED, lazy_gettext("Faulted")),
    (Show.UNAVAILABLE, lazy_gettext("Out of service")),
    (Show.OFFLINE, lazy_gettext("Offline")),
    (Show.PENDING, lazy_gettext("Waiting")),
    (Show.REJECTED, lazy_gettext("Rejected")),
)
FACETS = {
    Facet.SITE: (lazy_gettext("Site"), lazy_gettext("no site")),
    Facet.VENDOR: (lazy_gettext("Vendor"), lazy_gettext("not told")),
    Facet.MODEL: (lazy_gettext("Model"), lazy_gettext("not told")),
    Facet.FIRMWARE: (lazy_gettext("Firmware"), lazy_gettext("not told")),
    Facet.PROTOCOL: (lazy_gettext("Protocol"), lazy_gettext("no connection yet")),
    Facet.SECURITY: (lazy_gettext("Security"), ""),
    Facet.TAG: (lazy_gettext("Tag"), lazy_gettext("no tag")),
}
MOST_VALUES = 40  # of one facet; the rest is found by letters


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a facet: what it is called, how many have it, and the address that takes it in or out."""

    words: str
    count: int
    url: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Tile:
    """A connector on the wall; or a charger that has told of none."""

    id: str
    name: str
    charger_id: int
    status: str
    left: str
    right: str


@blueprint.get("")
@requires("host")
def index() -> Response | str:
    if not request.args and (begins_with := _default_view()) is not None:
        return redirect(f"{url_for('.index')}?{begins_with.query}")
    page = render_template(
        "chargers/index.html",
        live_url=url_for("live.stream", topics="fleet,meters"),
        words=selection.words_given(),
        views=_views(),
        user_id=current_user.id,
        view_query=_view_query(),
        **_tools(),
        **_list(),
    )
    return _remembering(page)


@blueprint.get("/list")
@requires("host")
def listed() -> str:
    """The list, for its live region."""
    return render_template("chargers/_list.html", **_list())


@blueprint.get("/export.csv")
def export() -> Response:
    """What the list shows, all pages of it, as CSV."""
    wanted, columns, at = selection.filter_given(), _columns(), clock.now()
    app: Any = current_app._get_current_object()  # type: ignore[attr-defined]

    def chunks() -> Iterator[str]:
        yield exports.csv_text([["identity", "name", *(COLUMNS[x].field for x in columns)]])
        with app.app_context():  # the request is over when the text is made
            for rows in _exported(wanted, at):
                names = _tariff_names(columns)
                text = exports.csv_text(
                    [x.charger.identity, x.charger.name, *(written(y, x, names) for y in columns)]
                    for x in rows
                )
                db.session.remove()  # a slow reader must not hold a snapshot of the database
                yield text

    return exports.download(chunks(), "chargers.csv")


def _exported(wanted: Filter, at: datetime) -> Iterator[list[Row]]:
    """A page of the list after the other."""
    cursor = None
    while True:
        page = queries.listed(db.session(), wanted, at=at, cursor=cursor, limit=EXPORT_PAGE)
        yield _rows(page.chargers, at)
        cursor = page.next_cursor
        if cursor is None:
            return


@blueprint.post("/views")
@requires("view")
def save_view() -> Response:
    """Keep what the list shows now under a name."""
    query = request.form.get("query", "")
    try:
        with atomic() as session:
            view = views.save(
                session,
                current_user.id,
                request.form.get("name", ""),
                query,
                is_shared="is_shared" in request.form and can("edit"),
                is_default="is_default" in request.form,
                at=clock.now(),
            )
            if view.is_shared:
                put_on_record(session, "view.share", view.name)
    except (Invalid, Refused) as error:
        flash(said(error), "error")
    else:
        flash(gettext("Kept as “%(name)s”.", name=view.name), "success")
    return redirect(f"{url_for('.index')}?{query or 'status=all'}")


@blueprint.post("/views/<int:view_id>/delete")
@requires("view")
def remove_view(view_id: int) -> Response:
    with atomic() as session:
        name = views.remove(session, current_user.id, view_id).name
    flash(gettext("“%(name)s” is gone; the chargers are not.", name=name), "success")
    return redirect(url_for(".index", status="all"))


def _default_view() -> SavedView | None:
    return views.default_of(db.session(), current_user.id) if can("view") else None


def _views() -> Sequence[SavedView]:
    return views.listed(db.session(), current_user.id) if can("view") else ()


def _view_query() -> str:
    """What of this address is worth keeping."""
    return selection.with_choice("", {}, without=("after",)).removeprefix("?")


def _remembering(page: str) -> Response:
    """How somebody has chosen to look at chargers holds until they choose otherwise."""
    response = make_response(page)
    for name in ("look", "cols"):
        if request.args.get(name):
            value = ".".join(_columns()) if name == "cols" else _look()
            response.set_cookie(
                f"chargers_{name}",
                value,
                REMEMBERED_S,
                samesite="Lax",
                secure=request.is_secure,
                httponly=True,
            )
    return response


def _look() -> str:
    found = request.args.get("look") or request.cookies.get("chargers_look")
    return found if found in LOOKS else next(iter(LOOKS))


def _columns() -> tuple[str, ...]:
    """Which columns are shown, in their own order."""
    given = request.args.getlist("cols") or request.cookies.get("chargers_cols", "").split(".")
    chosen = {y for x in given for y in x.split(".")} & COLUMNS.keys()
    return tuple(x for x in COLUMNS if x in chosen and COLUMNS[x].is_for(can)) or tuple(
        x for x in USUAL if COLUMNS[x].is_for(can)
    )


def _tools() -> dict[str, Any]:
    """What is above the list: facets with what is chosen of them, columns, looks."""
    wanted = selection.filter_given()
    found = filtering.facets(db.session(), wanted, at=clock.now())
    here = url_for(".index")
    return {
        "facets": [
            (FACETS[facet][0], [_choice(facet, x, wanted) for x in values[:MOST_VALUES]])
            for facet, values in found.items()
            if len(values) > 1 or wanted.chosen.get(facet)
        ],
        "chosen_chips": [
            (f"{FACETS[facet][0]}: {_words(facet, x)}", _choice(facet, x, wanted).url)
            for facet, values in found.items()
            for x in _chosen(values, wanted.chosen.get(facet, ()))
        ],
        "looks": [
            (
                x,
                heading,
                selection.with_choice(here, {"look": [x]}),
                "table" if x == "table" else "grid-2x2",
            )
            for x, heading in LOOKS.items()
        ],
        "columns": [(x, y.words, x in _columns()) for x, y in COLUMNS.items() if y.is_for(can)],
        "kept_args": [(k, v) for k, v in request.args.items(multi=True) if v and k != "after"],
    }


def _chosen(values: Sequence[Value], chosen: Sequence[str]) -> list[Value]:
    """Those that are chosen, also when no charger has them any more."""
    known = {x.value: x for x in values}
    return [known.get(x) or Value(x, x, 0) for x in chosen]


def _choice(facet: Facet, value: Value, wanted: Filter) -> Choice:
    chosen = list(wanted.chosen.get(facet, ()))
    is_chosen = value.value in chosen
    then = [x for x in chosen if x != value.value] if is_chosen else [*chosen, value.value]
    url = selection.with_choice(url_for(".index"), {facet.value: then}, without=("after",))
    return Choice(_words(facet, value), value.count, url if "?" in url else f"{url}?status=all", is_chosen)


def _words(facet: Facet, value: Value) -> str:
    if value.value == NOTHING:
        return str(FACETS[facet][1])
    if facet is Facet.PROTOCOL:
        return value.words.replace("ocpp", "OCPP ")
    return gettext("profile %(number)s", number=value.words) if facet is Facet.SECURITY else value.words


def _list() -> dict[str, Any]:
    at, session, wanted = clock.now(), db.session(), selection.filter_given()
    site = site_given() if request.args.get("site", "").isdigit() else None
    page = queries.listed(session, wanted, at=at, cursor=request.args.get("after"))
    counted = census(session, at=at, wanted=wanted).chargers
    here, columns, look = url_for(".index"), _columns(), _look()
    rows = _rows(page.chargers, at)
    return {
        "rows": rows,
        "tiles": [y for x in rows for y in _tiles(x)] if look == "tiles" else [],
        "look": look,
        "shown": [(x, COLUMNS[x]) for x in columns],
        "tariff_names": _tariff_names(columns),
        "show": wanted.show,
        "choices": [
            (
                choice,
                words,
                selection.with_choice(here, {"status": [choice.value]}, without=("after",)),
                counted[choice],
            )
            for choice, words in CHOICES
            if counted[choice] or choice in (Show.ALL, wanted.show)
        ],
        "total": counted[wanted.show] if wanted.is_online is None else None,
        "site": site,
        "is_filtered": not wanted.is_empty,
        "all_url": selection.with_choice(
            url_for("bulk.index"), {"all": ["1"]}, without=("after", "look", "cols")
        ),
        "next_url": selection.with_choice(here, {"after": [page.next_cursor]}) if page.next_cursor else None,
        "is_first": "after" not in request.args,
        "list_url": selection.with_choice(url_for(".listed"), {}),
        "now": at,
        "zone": zone(),
    }


def _rows(found: Sequence[Charger], at: datetime) -> list[Row]:
    powers = figures.power_by_charger_w(db.session(), [x.id for x in found])
    return [_row(x, powers.get(x.id), at) for x in found]


def _row(charger: Charger, power_w: int | None, at: datetime) -> Row:
    head = head_of(charger, at)
    statuses = tuple((outlet_status(x, head), x.status_word) for x in charger.connectors[:8])
    return Row(charger, head, statuses, power_w if head.is_online else None)


def _tiles(row: Row) -> list[Tile]:
    charger = row.charger
    right = " ".join(x for x in (charger.vendor, charger.model) if x)
    if not charger.connectors:
        return [
            Tile(
                f"{charger.id}-0", charger.title, charger.id, row.head.status, charger.site_name or "", right
            )
        ]
    several = len(charger.connectors) > 1
    return [_tile(row, x, right, several=several) for x in charger.connectors[:8]]


def _tile(row: Row, connector: Connector, right: str, *, several: bool) -> Tile:
    charger = row.charger
    name = f"{charger.title} · {connector.evse_number}" if several else charger.title
    status = outlet_status(connector, row.head)
    return Tile(f"{charger.id}-{connector.id}", name, charger.id, status, charger.site_name or "", right)


def _tariff_names(columns: Sequence[str]) -> Mapping[int, str]:
    return {x.id: x.name for x in tariffs.listed(db.session())} if "tariff" in columns else {}
