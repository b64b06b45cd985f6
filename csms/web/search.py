"""The field above every page: it leads to the one thing that is meant, or shows all that may be meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import accounts, sites
from csms.domain.accounts import Account, IdToken
from csms.domain.accounts import queries as account_queries
from csms.domain.chargers import Charger, filtering
from csms.domain.chargers import queries as charger_queries
from csms.domain.chargers.filtering import Filter
from csms.domain.sites import Site
from csms.domain.transactions import Transaction
from csms.extensions import db
from csms.web import typed_orders
from csms.web.page_names import page_called, pages_like
from csms.web.security import can, requires
from csms.web.typed_orders import Typed

blueprint = Blueprint("search", __name__)

MOST = 8  # of each kind
LONGEST = 80


@dataclass(slots=True)
class Found:
    """What words may mean. `pages`: (name, address); `more_chargers`: how many there are beside those shown; `alike`:
    chargers that are called nearly so, where nothing else was found.
    """

    chargers: Sequence[Charger] = ()
    more_chargers: int = 0
    sites: Sequence[Site] = ()
    drivers: Sequence[Account] = ()
    cards: Sequence[IdToken] = ()
    pages: Sequence[tuple[str, str]] = field(default_factory=list)
    alike: Sequence[Charger] = ()

    def addresses(self, words: str) -> list[str]:
        """Where each kind leads that has something: to the one that it has, or to the list of all."""
        found = (
            [url_for("chargers.index", q=words)] if self.chargers else []
        )  # also for one: it tells its state
        lists: tuple[tuple[Sequence[Site | Account | IdToken], str], ...] = (
            (self.sites, "sites"),
            (self.drivers, "accounts"),
            (self.cards, "tokens"),
        )
        for ones, kind in lists:
            index = url_for(f"{kind}.index")
            if ones:
                found.append(f"{index}/{ones[0].id}" if len(ones) == 1 else url_for(f"{kind}.index", q=words))
        return found + [address for _, address in self.pages]


@blueprint.get("/search")
@requires("host")
def show() -> str | Response:
    words = request.args.get("q", "").strip()[:LONGEST]
    session = db.session()
    typed = typed_orders.read(session, words) if can("operate") else None
    if typed is not None and len(typed.chargers) == 1:
        return redirect(typed.address(typed.chargers[0]))
    if typed is None and (address := _exactly(session, words)):
        return redirect(address)
    found = _like(session, words) if words else Found()
    addresses = found.addresses(words)
    if typed is None and len(addresses) == 1:
        return redirect(addresses[0])
    if typed is None and words and not addresses:
        found.alike = charger_queries.alike(session, words, at=clock.now(), most=MOST)
    return _page(words, found, typed)


def _page(words: str, found: Found, typed: Typed | None) -> str:
    orders = [(x.title, typed.address(x)) for x in typed.chargers] if typed else []
    is_empty = not orders and not found.addresses(words)
    return render_template(
        "search/show.html", words=words, found=found, typed=typed, orders=orders, is_empty=is_empty
    )


def _exactly(session: Session, words: str) -> str | None:
    """A session or a card by its number, a page or a site by its name."""
    is_number = words.isascii() and words.isdigit() and len(words) < 11
    if is_number and session.scalar(select(Transaction).where(Transaction.id == int(words))) is not None:
        return url_for("transactions.show", transaction_id=int(words))
    if can("view") and (address := page_called(words)):
        return address
    if can("view") and words and (site := sites.find(session, words)) is not None:
        return url_for("sites.show", site_id=site.id)
    if can("view") and words and (card := accounts.find_token(session, words)) is not None:
        return url_for("tokens.show", token_id=card.id)
    return None


def _like(session: Session, words: str) -> Found:
    """Hosts find chargers, and those of their sites alone; parts of a card's number find it for who may read it."""
    at, wanted = clock.now(), Filter(words=words)
    found = Found(chargers=charger_queries.chosen(session, wanted, at=at, most=MOST))
    if len(found.chargers) == MOST:
        found.more_chargers = filtering.number(session, wanted, at=at) - MOST
    if not can("view"):
        return found
    found.sites = sites.listed(session, words)[:MOST]
    found.drivers = [x.account for x in account_queries.listed(session, words=words, limit=MOST)[0]]
    found.cards = account_queries.cards(
        session, at=at, words=words, limit=MOST, hides_numbers=not can("operate")
    )[0]
    found.pages = pages_like(words)
    return found
