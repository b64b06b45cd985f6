"""RFID cards and other tags."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import current_app, url_for
from pydantic import Field

from csms import clock, masks
from csms.api import guard, queries
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Moment, Out, answers
from csms.domain import accounts, removal
from csms.domain.accounts import IdToken, Likeness, Step, card_lines
from csms.domain.base import Invalid
from csms.extensions import db
from csms.work import atomic


class IdTokenQuery(Listing):
    q: str | None = Field(None, max_length=80, description="part of the number or the label")


class IdTokenChange(In):
    """Only what is given is changed; null empties it. `is_allowed` false blocks the card."""

    label: str | None = Field(None, max_length=80)
    account_id: int | None = None
    parent_uid: str | None = Field(None, max_length=20, description="the group's name")
    expires_at: Moment | None = None
    is_allowed: bool | None = None


class NewIdToken(IdTokenChange):
    uid: str = Field(max_length=80, examples=["04A1B2C3"])
    is_allowed: bool = True


class IdTokenOut(Out):
    id: int
    uid: str
    label: str | None
    account_id: int | None
    parent_uid: str | None
    is_allowed: bool
    expires_at: datetime | None
    last_seen_at: datetime | None
    created_at: datetime


class IdTokenList(Out):
    data: list[IdTokenOut]
    next_cursor: str | None


class IdTokenImport(In):
    csv: str = Field(
        max_length=2_000_000, description="the first line names the columns; see the page of the import"
    )
    updates: bool = Field(True, description="false: what is there already is left alone")
    is_rehearsal: bool = Field(False, description="true: nothing is done; the answer tells what would be")


class ImportedLine(Out):
    line: int
    uid: str
    step: Step
    words: str


class IdTokenImported(Out):
    """`data`: the lines that are wrong, or that something was or would be done with."""

    new: int
    changed: int
    same: int
    skipped: int
    wrong: int
    data: list[ImportedLine]


class NewNumber(In):
    uid: str = Field(
        max_length=80, examples=["C3B2A104"], description="the number that the other reader tells"
    )


class Number(Out):
    id: int
    uid: str
    created_by: str | None
    created_at: datetime


class NumberList(Out):
    data: list[Number]


class LikenessQuery(In):
    uid: str = Field(min_length=1, max_length=80, description="the unknown number")


class LikenessOut(Out):
    """A known card that the unknown number may be; both null: there is none."""

    id_token: IdTokenOut | None
    likeness: Likeness | None


_CHANGEABLE = ("label", "account_id", "parent_uid", "expires_at", "is_allowed")


def _out(token: IdToken) -> IdTokenOut:
    is_shown = guard.may(Scope.OPERATE) or not guard.may(Scope.READ)  # or it is one's own
    uid = token.uid if is_shown else masks.card(token.uid)
    return IdTokenOut.of(token, uid=uid)


@blueprint.get("/id-tokens")
@spec.validate(resp=answers(200, IdTokenList), tags=["id-tokens"], operation_id="listIdTokens")
@needs(Scope.READ, Scope.SELF)
def list_id_tokens(query: IdTokenQuery) -> Any:
    """Cards in the order in which they were added. Drivers see their own."""
    may_search = guard.may(Scope.OPERATE)  # whoever sees masked numbers must not find them by trying
    wanted = queries.id_tokens(account_id=guard.own_account_only(), words=query.q, in_numbers=may_search)
    found = page(db.session(), wanted, (IdToken.id,), query)
    return IdTokenList(data=[_out(x) for x in found.rows], next_cursor=found.next_cursor), found.headers


@blueprint.get("/id-tokens/<int:token_id>")
@spec.validate(resp=answers(200, IdTokenOut), tags=["id-tokens"], operation_id="getIdToken")
@needs(Scope.READ, Scope.SELF)
def show_id_token(token_id: int) -> IdTokenOut:
    """One card."""
    return _out(queries.id_token(db.session(), token_id, guard.own_account_only()))


@blueprint.post("/id-tokens")
@spec.validate(resp=answers(201, IdTokenOut), tags=["id-tokens"], operation_id="addIdToken")
@needs(Scope.ADMIN)
def add_id_token(json: NewIdToken) -> Any:
    """Add a card."""
    with unit() as session:
        if json.account_id is not None:
            queries.account(session, json.account_id)
        token = accounts.add_token(session, at=clock.now(), **json.model_dump())
        guard.audit(session, "id_token.added", f"id token {token.id}")
        added = _out(token)
    return added, 201, {"Location": url_for("api.show_id_token", token_id=added.id)}


@blueprint.patch("/id-tokens/<int:token_id>")
@spec.validate(resp=answers(200, IdTokenOut), tags=["id-tokens"], operation_id="changeIdToken")
@needs(Scope.ADMIN)
def change_id_token(token_id: int, json: IdTokenChange) -> IdTokenOut:
    """Label, block, give to an account, let expire."""
    if "is_allowed" in json.model_fields_set and json.is_allowed is None:
        raise Invalid("A card is allowed or it is not.", "is_allowed")
    with atomic() as session:
        token = queries.id_token(session, token_id)
        as_it_is = {name: getattr(token, name) for name in _CHANGEABLE}
        accounts.change_token(session, token, **as_it_is | json.model_dump(exclude_unset=True))
        guard.audit(
            session, "id_token.changed", f"id token {token.id}", ", ".join(sorted(json.model_fields_set))
        )
        return _out(token)


@blueprint.delete("/id-tokens/<int:token_id>")
@spec.validate(resp=answers(204, None), tags=["id-tokens"], operation_id="removeIdToken")
@needs(Scope.ADMIN)
def remove_id_token(token_id: int) -> tuple[str, int]:
    """Remove a card that was never used. One that was is kept with its transactions: block it instead."""
    with atomic() as session:
        token = queries.id_token(session, token_id)
        removal.remove_card(session, token)
        guard.audit(session, "id_token.removed", f"id token {token_id}")
    return "", 204


@blueprint.post("/id-tokens/import")
@spec.validate(resp=answers(200, IdTokenImported), tags=["id-tokens"], operation_id="importIdTokens")
@needs(Scope.ADMIN)
def import_id_tokens(json: IdTokenImport) -> Any:
    """Cards and drivers from a file. Wrong lines are left out and told; the same file again changes nothing."""
    lines = card_lines.read(json.csv, current_app.extensions["settings"].time_zone)
    with unit() as session:
        plan = accounts.plan(session, lines, updates=json.updates)
        if not json.is_rehearsal:
            accounts.carry_out(session, plan, by=guard.caller().username, at=clock.now())
            guard.audit(session, "id_token.imported", None, f"{plan.counts[Step.NEW]} new")
        told = [
            ImportedLine(line=x.line.number, uid=x.line.uid, step=x.step, words=x.words)
            for x in plan.lines
            if x.step is not Step.SAME
        ]
        return IdTokenImported(**{step.value: plan.counts[step] for step in Step}, data=told)


@blueprint.get("/id-tokens/likeness")
@spec.validate(resp=answers(200, LikenessOut), tags=["id-tokens"], operation_id="likenIdToken")
@needs(Scope.OPERATE)
def liken_id_token(query: LikenessQuery) -> LikenessOut:
    """Which known card an unknown number may be: turned round, cut, in other digits, with other separators."""
    hint = accounts.hints(db.session(), [query.uid]).get(query.uid)
    if hint is None:
        return LikenessOut(id_token=None, likeness=None)
    return LikenessOut(id_token=_out(hint.token), likeness=hint.likeness)


@blueprint.get("/id-tokens/<int:token_id>/numbers")
@spec.validate(resp=answers(200, NumberList), tags=["id-tokens"], operation_id="listIdTokenNumbers")
@needs(Scope.OPERATE)
def list_numbers(token_id: int) -> NumberList:
    """The other numbers under which a card is known: what some readers make of it."""
    token = queries.id_token(db.session(), token_id)
    return NumberList(data=[Number.of(x) for x in token.aliases])


@blueprint.post("/id-tokens/<int:token_id>/numbers")
@spec.validate(resp=answers(201, Number), tags=["id-tokens"], operation_id="addIdTokenNumber")
@needs(Scope.ADMIN)
def add_number(token_id: int, json: NewNumber) -> Any:
    """Know a card by another number too, from its next use on."""
    with unit() as session:
        token = queries.id_token(session, token_id)
        alias = accounts.add_alias(session, token, json.uid, by=guard.caller().username, at=clock.now())
        guard.audit(session, "id_token.number_added", f"id token {token.id}")
        added = Number.of(alias)
    return added, 201


@blueprint.delete("/id-tokens/<int:token_id>/numbers/<int:number_id>")
@spec.validate(resp=answers(204, None), tags=["id-tokens"], operation_id="removeIdTokenNumber")
@needs(Scope.ADMIN)
def remove_number(token_id: int, number_id: int) -> tuple[str, int]:
    """Do not know a card by that number any more."""
    with atomic() as session:
        accounts.remove_alias(session, queries.id_token(session, token_id), number_id)
        guard.audit(session, "id_token.number_removed", f"id token {token_id}")
    return "", 204
