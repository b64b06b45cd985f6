"""Desired configuration: templates, what differs from them, and bringing chargers in step."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any, Literal

from flask import url_for
from pydantic import Field

from csms import clock
from csms.api import guard, queries
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Out, answers
from csms.domain import configuration
from csms.domain.base import Invalid
from csms.domain.chargers import Charger
from csms.domain.chargers import queries as charger_queries
from csms.domain.configuration import Apply, Draft, Item, State, Template
from csms.domain.configuration import queries as desired
from csms.extensions import db
from csms.work import atomic

PATTERN = "without case; * and ? stand for any letters; null: every charger"
FIRMWARE = f"the beginning of a version, or a pattern, {PATTERN}"
KEEPS_LIST = "whether its chargers keep a list of cards; null: it does not say"


class TemplateChange(In):
    """Only what is given is changed."""

    name: str | None = Field(None, max_length=80)
    vendor: str | None = Field(None, max_length=80, description=PATTERN)
    model: str | None = Field(None, max_length=80, description=PATTERN)
    firmware: str | None = Field(None, max_length=80, description=FIRMWARE)
    site: str | None = Field(None, max_length=80, description=PATTERN)
    priority: int | None = Field(None, description="the lowest wins")
    wanted: dict[str, str] | None = Field(None, examples=[{"HeartbeatInterval": "900"}])
    apply: Apply | None = Field(None, description="when it is written without an order")
    resets: bool | None = Field(None, description="reset, when nobody charges, if a key asks for it")
    keeps_list: bool | None = Field(None, description=KEEPS_LIST)


class NewTemplate(TemplateChange):
    name: str = Field(min_length=1, max_length=80)
    wanted: dict[str, str] = Field(examples=[{"HeartbeatInterval": "900"}])


class TemplateOut(Out):
    id: int
    name: str
    vendor: str | None
    model: str | None
    firmware: str | None
    site: str | None
    priority: int
    wanted: dict[str, str]
    apply: Apply
    resets: bool
    keeps_list: bool | None
    created_at: datetime
    changed_at: datetime


class TemplateList(Out):
    """In their order: the first that speaks of a key wins."""

    data: list[TemplateOut]


class ConfigurationKeyOut(Out):
    name: str
    value: str | None
    is_readonly: bool
    is_missing: bool
    needs_reset: bool
    read_at: datetime


class WishOut(Out):
    """`state` says how the charger's value stands to the wanted one."""

    key: str
    wanted: str
    value: str | None
    state: State
    template_id: int


class ConfigurationOut(Out):
    """The keys as the charger told them, what templates want, and what is due there."""

    charger: str
    read_at: datetime | None
    is_read_due: bool
    is_apply_due: bool
    is_reset_due: bool
    halted_at: datetime | None
    keys: list[ConfigurationKeyOut]
    wanted: list[WishOut]


class DriftOut(Out):
    charger: str
    keys: list[WishOut]


class DriftList(Out):
    data: list[DriftOut]
    next_cursor: str | None


class DriftQuery(In):
    cursor: str | None = Field(None, max_length=48)
    limit: int = Field(50, ge=1, le=200)


class ConfigurationOrder(In):
    order: Literal["read", "apply", "reset", "resume"]


def _template_out(template: Template) -> TemplateOut:
    """Without passwords in addresses: sent back as it is, one stays."""
    return TemplateOut.of(template, wanted=configuration.shown(template))


def _wish_out(item: Item) -> WishOut:
    wish = item.wish
    return WishOut(
        key=wish.name, wanted=wish.shown, value=item.value, state=item.state, template_id=wish.template.id
    )


def _configuration_out(charger: Charger) -> ConfigurationOut:
    session = db.session()
    upkeep = desired.upkeep(session, charger.id)
    return ConfigurationOut(
        charger=charger.identity,
        read_at=upkeep.read_at if upkeep else None,
        is_read_due=bool(upkeep and upkeep.read_due_at),
        is_apply_due=bool(upkeep and upkeep.apply_due_at),
        is_reset_due=bool(upkeep and upkeep.reset_due_at),
        halted_at=upkeep.halted_at if upkeep else None,
        keys=[
            ConfigurationKeyOut.of(key, needs_reset=key.needs_reboot)
            for key in charger_queries.configuration(session, charger.id)
        ],
        wanted=[_wish_out(x) for x in desired.drift(session, charger, at=clock.now())],
    )


@blueprint.get("/configuration/templates")
@spec.validate(resp=answers(200, TemplateList), tags=["configuration"], operation_id="listTemplates")
@needs(Scope.READ)
def list_templates() -> TemplateList:
    """All templates."""
    return TemplateList(data=[_template_out(x) for x in desired.templates(db.session())])


@blueprint.post("/configuration/templates")
@spec.validate(resp=answers(201, TemplateOut), tags=["configuration"], operation_id="addTemplate")
@needs(Scope.ADMIN)
def add_template(json: NewTemplate) -> Any:
    """A new template. What differs from it shows at once; nothing is written until it is applied."""
    patterns: dict[str, Any] = {"vendor": None, "model": None, "firmware": None, "site": None}
    with unit() as session:
        draft = Draft(**patterns | json.model_dump(exclude_none=True))
        template = configuration.create(session, draft, at=clock.now())
        guard.audit(session, "template.added", f"template {template.id}", template.name)
        added = _template_out(template)
    return added, 201, {"Location": url_for("api.show_template", template_id=added.id)}


@blueprint.get("/configuration/templates/<int:template_id>")
@spec.validate(resp=answers(200, TemplateOut), tags=["configuration"], operation_id="getTemplate")
@needs(Scope.READ)
def show_template(template_id: int) -> TemplateOut:
    """One template."""
    return _template_out(desired.template(db.session(), template_id))


@blueprint.patch("/configuration/templates/<int:template_id>")
@spec.validate(resp=answers(200, TemplateOut), tags=["configuration"], operation_id="changeTemplate")
@needs(Scope.ADMIN)
def change_template(template_id: int, json: TemplateChange) -> TemplateOut:
    """Change a template. `wanted` replaces all its keys."""
    given = json.model_dump(exclude_unset=True)
    for name in ("name", "wanted", "apply", "resets", "priority"):
        if name in given and given[name] is None:
            raise Invalid("A template always has one.", name)
    with atomic() as session:
        template = desired.template(session, template_id)
        as_it_is = {field.name: getattr(template, field.name) for field in fields(Draft)}
        configuration.change(session, template, Draft(**as_it_is | given), at=clock.now())
        guard.audit(session, "template.changed", f"template {template.id}", ", ".join(sorted(given)))
        return _template_out(template)


@blueprint.delete("/configuration/templates/<int:template_id>")
@spec.validate(resp=answers(204, None), tags=["configuration"], operation_id="removeTemplate")
@needs(Scope.ADMIN)
def remove_template(template_id: int) -> tuple[str, int]:
    """Forget a template. What it has set stays at the chargers."""
    with atomic() as session:
        template = desired.template(session, template_id)
        guard.audit(session, "template.removed", f"template {template.id}", template.name)
        configuration.remove(session, template)
    return "", 204


@blueprint.get("/configuration/drift")
@spec.validate(resp=answers(200, DriftList), tags=["configuration"], operation_id="listDrift")
@needs(Scope.READ)
def list_drift(query: DriftQuery) -> DriftList:
    """Chargers with the keys that are not as wanted, by identity."""
    session, after = db.session(), query.cursor or ""
    found, following = desired.drifted(session, at=clock.now(), after=after, limit=query.limit)
    data = [DriftOut(charger=x.charger.identity, keys=[_wish_out(item) for item in x.items]) for x in found]
    return DriftList(data=data, next_cursor=following)


@blueprint.get("/chargers/<identity>/configuration")
@spec.validate(resp=answers(200, ConfigurationOut), tags=["configuration"], operation_id="getConfiguration")
@needs(Scope.READ)
def show_configuration(identity: str) -> ConfigurationOut:
    """What the charger has, what is wanted of it, and what is due there."""
    return _configuration_out(queries.charger(db.session(), identity, with_connectors=False))


@blueprint.post("/chargers/<identity>/configuration")
@spec.validate(
    resp=answers(202, ConfigurationOut, "It is due"),
    tags=["configuration"],
    operation_id="orderConfiguration",
)
@needs(Scope.OPERATE)
def order_configuration(identity: str, json: ConfigurationOrder) -> Any:
    """`read` the keys back, `apply` what differs, `reset` when nobody charges, or `resume` after a boot loop.

    It is done now, or when the charger is there again.
    """
    at, by = clock.now(), guard.caller().username
    with unit() as session:
        charger = queries.charger(session, identity, with_connectors=False)
        match json.order:
            case "read":
                configuration.request_read(session, charger, by=by, at=at)
            case "apply":
                configuration.request_apply(session, charger, by=by, at=at)
            case "reset":
                configuration.request_reset(session, charger, by=by, at=at)
            case "resume":
                configuration.resume(session, charger)
        guard.audit(session, f"configuration.{json.order}", charger.identity)
    return _configuration_out(queries.charger(db.session(), identity, with_connectors=False)), 202
