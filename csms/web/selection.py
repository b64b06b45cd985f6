"""Which chargers an address speaks of: the filter of the list, some that were ticked, those of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode

from flask import abort, request
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from csms.domain import batches
from csms.domain.base import Invalid
from csms.domain.batches import queries as batch_queries
from csms.domain.chargers import Candidate, Charger, candidates, filtering, queries
from csms.domain.chargers.filtering import NOTHING, Facet, Filter, Show

ONLINE = {"1": True, "0": False}
# What of an address chooses chargers; the rest says how they are shown.
CHOOSING = ("status", "q", "online", *(x.value for x in Facet))
PICKED = ("id", "batch", "all")


def words_given(given: MultiDict[str, str] | None = None) -> str:
    """What a person looks for."""
    return (request.args if given is None else given).get("q", "").strip()[:80]


def filter_given(given: MultiDict[str, str] | None = None) -> Filter:
    """The filter of the address, or of the query `given`. 404 for a state or a site that there cannot be."""
    args = request.args if given is None else given
    try:
        show = Show(args.get("status") or Show.ALL)
    except ValueError:
        abort(404)
    chosen = {x: tuple(dict.fromkeys(y[:80] for y in args.getlist(x.value) if y)) for x in Facet}
    if not all(x == NOTHING or _number(x) for x in chosen[Facet.SITE]):
        abort(404)
    return Filter(
        show=show,
        words=words_given(args),
        is_online=ONLINE.get(args.get("online", "")),
        chosen={facet: values for facet, values in chosen.items() if values},
    )


def chosen(session: Session, *, at: datetime) -> Sequence[Candidate]:
    """The chargers that the address speaks of, by name. Raises Invalid for none and for too many."""
    found = candidates(session, _wanted(session), at=at, most=batches.MOST + 1)
    _check(len(found))
    return found


def glance(session: Session, *, at: datetime, most: int) -> tuple[int, Sequence[Charger]]:
    """(how many the address speaks of, the first ones by name). Raises Invalid for none and for too many."""
    wanted = _wanted(session)
    count = filtering.number(session, wanted, at=at)
    _check(count)
    return count, queries.chosen(session, wanted, at=at, most=most)


def _check(count: int) -> None:
    if not count:
        raise Invalid("Choose chargers first: tick some, or take all that match.", "id")
    if count > batches.MOST:
        raise Invalid("At most %(most)s chargers at once: narrow the list.", "id", most=batches.MOST)


def _wanted(session: Session) -> Filter:
    args = request.args
    if batch_id := args.get("batch"):
        return Filter(ids=batch_queries.charger_ids(session, batch_queries.get(session, batch_id)))
    if ids := [int(x) for x in args.getlist("id")[: batches.MOST] if _number(x)]:
        return Filter(ids=ids)
    return filter_given() if args.get("all") or any(args.get(x) for x in CHOOSING) else Filter(ids=())


def query() -> str:
    """What of this address chooses chargers, to be carried on."""
    return urlencode([(k, v) for k, v in request.args.items(multi=True) if v and k in (*CHOOSING, *PICKED)])


def with_choice(address: str, changed: Mapping[str, Sequence[str]], *, without: Sequence[str] = ()) -> str:
    """`address` with the query of this request, in which some names have other values."""
    kept = [(k, v) for k, v in request.args.items(multi=True) if v and k not in changed and k not in without]
    kept += [(name, value) for name, values in changed.items() for value in values if value]
    return f"{address}?{urlencode(kept)}" if kept else address


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def named(session: Session, ids: Sequence[int], *, at: datetime) -> Sequence[Charger]:
    """These chargers as they stand in this unit of work, with their leases, connectors and tags."""
    return queries.chosen(session, Filter(ids=ids), at=at, most=batches.MOST)
