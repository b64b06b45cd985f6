"""Tariffs and their elements in OCPI's shape: `/api/tariff/`, `/api/tariffelement/`. An edit makes a new version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, current_app, jsonify, request
from sqlalchemy.orm import Session

from csms import clock
from csms.api import guard, queries
from csms.api.scopes import Scope
from csms.compat.door import Wrong, body, needs
from csms.compat.ov2xmp.blueprint import blueprint
from csms.compat.ov2xmp.listing import as_json, listed, only_fields
from csms.domain import tariffs
from csms.domain.base import Invalid, NotFound
from csms.domain.tariffs import Tariff, ocpi
from csms.domain.tariffs.numbers import as_numbers, as_text
from csms.extensions import db
from csms.work import atomic

Shown = Mapping[str, Any]


@blueprint.get("/api/tariff/", strict_slashes=False)
@needs(Scope.READ)
def list_tariffs() -> Response:
    """Tariffs, each as its newest version has it."""
    return listed(queries.tariffs().order_by(Tariff.id), lambda rows: [_shown(x) for x in rows])


@blueprint.get("/api/tariff/<int:tariff_id>/", strict_slashes=False)
@needs(Scope.READ)
def tariff(tariff_id: int) -> Response:
    """One tariff."""
    return jsonify(only_fields(_shown(_found(db.session(), tariff_id))))


@blueprint.post("/api/tariff/", strict_slashes=False)
@needs(Scope.ADMIN)
def add_tariff() -> tuple[Response, int]:
    """A new tariff. Chargers are given it on the pages, or by `/api/v1/tariffs/<id>`."""
    told, at = as_text(body()), clock.now()
    try:
        terms, about = ocpi.read(told, _zone())
        with atomic() as session:
            name = str(told.get("name") or (about.alt_text[0][1] if about.alt_text else "Tariff"))[:80]
            made = tariffs.create(session, name, terms, at=at, about=about)
            session.flush()
            guard.audit(session, "tariff.added", f"tariff {made.id}", made.name)
            shown = only_fields(_shown(made))
    except Invalid as error:
        raise _wrong(error) from None
    return jsonify(shown), 201


@blueprint.route("/api/tariff/<int:tariff_id>/", methods=["PUT", "PATCH"], strict_slashes=False)
@needs(Scope.ADMIN)
def change_tariff(tariff_id: int) -> Response:
    """A new version: PUT all of it, PATCH what is given. Sessions keep the version that they began with."""
    told = as_text(body())
    with atomic() as session:
        found = _found(session, tariff_id)
        if told.get("name"):
            found.name = str(told["name"])[:80]
        before = ocpi.tariff_of(found.current) if request.method == "PATCH" else {}
        shown = _revise(session, found, {**before, **told})
    return jsonify(only_fields(shown))


@blueprint.delete("/api/tariff/<int:tariff_id>/", strict_slashes=False)
@needs(Scope.ADMIN)
def remove_tariff(tariff_id: int) -> tuple[str, int]:
    """Let nobody choose it any more; 409 for the default, and while chargers have it."""
    with atomic() as session:
        found = _found(session, tariff_id)
        tariffs.remove(session, found, at=clock.now())
        guard.audit(session, "tariff.removed", f"tariff {found.id}", found.name)
    return "", 204


@blueprint.get("/api/tariffelement/", strict_slashes=False)
@needs(Scope.READ)
def list_elements() -> Response:
    """The elements of all tariffs."""
    found = db.session.scalars(queries.tariffs().order_by(Tariff.id)).all()
    return as_json([x for tariff in found for x in _elements(tariff)])


@blueprint.get("/api/tariffelement/<int:tariff_id>-<int:number>/", strict_slashes=False)
@needs(Scope.READ)
def element(tariff_id: int, number: int) -> Response:
    """One element, by its tariff and its place there."""
    return jsonify(only_fields(_element(_found(db.session(), tariff_id), number)))


@blueprint.post("/api/tariffelement/", strict_slashes=False)
@needs(Scope.ADMIN)
def add_element() -> tuple[Response, int]:
    """A new last element of `tariff`: a new version of it."""
    told = as_text(body())
    number = str(told.pop("tariff", ""))
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise Wrong(400, {"tariff": ["This field is required: the id of the tariff that it belongs to."]})
    with atomic() as session:
        found = _found(session, int(number))
        before = ocpi.tariff_of(found.current)
        _revise(session, found, before | {"elements": [*before["elements"], _told(told)]})
        made = _element(found, len(before["elements"]) + 1)
    return jsonify(only_fields(made)), 201


@blueprint.route(
    "/api/tariffelement/<int:tariff_id>-<int:number>/", methods=["PUT", "PATCH"], strict_slashes=False
)
@needs(Scope.ADMIN)
def change_element(tariff_id: int, number: int) -> Response:
    """A new version of its tariff: PUT all of the element, PATCH what is given."""
    told = as_text(body())
    with atomic() as session:
        found = _found(session, tariff_id)
        before = ocpi.tariff_of(found.current)
        _element(found, number)
        old = before["elements"][number - 1] if request.method == "PATCH" else {}
        before["elements"][number - 1] = old | _told(told)
        _revise(session, found, before)
        changed = _element(found, number)
    return jsonify(only_fields(changed))


@blueprint.delete("/api/tariffelement/<int:tariff_id>-<int:number>/", strict_slashes=False)
@needs(Scope.ADMIN)
def remove_element(tariff_id: int, number: int) -> tuple[str, int]:
    """A new version of its tariff, without the element; those behind it move up."""
    with atomic() as session:
        found = _found(session, tariff_id)
        _element(found, number)
        before = ocpi.tariff_of(found.current)
        del before["elements"][number - 1]
        _revise(session, found, before)
    return "", 204


def _revise(session: Session, found: Tariff, told: Shown) -> Shown:
    """What OCPI does not know (the grace, whether time counts while idle) stays as it is."""
    last = found.current
    try:
        terms, about = ocpi.read(told, last.time_zone)
        terms = ocpi.beyond(terms, last.terms)
        version = tariffs.revise(session, found, terms, at=clock.now(), about=about)
    except Invalid as error:
        raise _wrong(error) from None
    guard.audit(session, "tariff.revised", f"tariff {found.id}", f"version {version.number}")
    return _shown(found)


def _shown(found: Tariff) -> Shown:
    told = ocpi.tariff_of(found.current) | {
        "id": found.id,
        "name": found.name,
        "version": found.current.number,
    }
    shown: Shown = as_numbers(told)
    return shown


def _elements(found: Tariff) -> list[Shown]:
    return [
        {"id": f"{found.id}-{number}", "tariff": found.id, "restrictions": None, **x}
        for number, x in enumerate(_shown(found)["elements"], 1)
    ]


def _element(found: Tariff, number: int) -> Shown:
    elements = _elements(found)
    if not 1 <= number <= len(elements):
        raise Wrong(404, {"detail": "Not found."})
    return elements[number - 1]


def _told(told: Shown) -> dict[str, Any]:
    return {name: told[name] for name in ("price_components", "restrictions") if name in told}


def _found(session: Session, tariff_id: int) -> Tariff:
    try:
        return queries.tariff(session, tariff_id)
    except NotFound:
        raise Wrong(404, {"detail": "Not found."}) from None


def _wrong(error: Invalid) -> Wrong:
    names = {"ends_at": "end_date_time"}
    return Wrong(400, {names.get(error.field or "", error.field or "non_field_errors"): [str(error)]})


def _zone() -> str:
    return str(current_app.extensions["settings"].time_zone.key)
