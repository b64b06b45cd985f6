"""The page of a station as a driver sees it: what stands on it, and which ways to start it offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import current_app, render_template, request, url_for
from flask_babel import gettext
from flask_login import current_user

from csms import clock, payments
from csms.domain import reservations, slots, tariffs
from csms.domain.accounts import Account
from csms.domain.base import NotFound
from csms.domain.chargers import AuthorizationPolicy, Charger, Connector
from csms.domain.payments import Settings
from csms.domain.payments import queries as paid
from csms.domain.transactions import Transaction, queries
from csms.extensions import db
from csms.web import filters, nearby, stations, tariff_validity, visitors
from csms.web.bills import credit_words
from csms.web.shell import zone

USELESS = frozenset({"Offline", "Faulted", "Unavailable", "Unknown", "Charging", "Occupied", "Reserved"})
COMES_BACK_FOR = timedelta(days=1)  # so long a driver is shown the session that has ended here
KEEPING = frozenset({"account", "card"})  # what a place can be kept for


@dataclass(frozen=True)
class Method:
    """A way to start: its value in the form, its name, what it means, its icon."""

    value: str
    words: str
    detail: str
    glyph: str


def station(connector: Connector, *, problem: str | None = None, field: str | None = None) -> str:
    """The whole page; `problem`: why what was asked cannot be, at the `field` that it is about."""
    given = view(connector) | {
        "problem": problem,
        "problem_field": field,
        "typed": {x: request.form.get(x, "") for x in ("card", "code", "station_code")},
    }
    return render_template("landing/show.html", **given)


def picker(charger: Charger) -> str:
    """Which of a charger's connectors it is about."""
    at, taken = clock.now(), _taken(charger)
    places = [(x, stations.status_of(charger, x, taken.get(x.id), at)) for x in charger.connectors]
    live_url = url_for("landing.news", slug=charger.slug)
    return render_template(
        "landing/picker.html", charger=charger, places=places, live_url=live_url, **frame(charger.id)
    )


def view(connector: Connector) -> dict[str, Any]:
    """What the page of one connector shows."""
    at, session = clock.now(), db.session()
    charger = connector.charger
    taken = _taken(charger)
    running = taken.get(connector.id)
    kept = reservations.current(session, charger.id, connector.evse_number, at)
    status = stations.status_of(charger, connector, running, at)
    if kept is not None and status == "Available":  # not every station shows what it keeps
        status = "Reserved"
    terms = slots.priced_terms(session, charger.id, connector.id, charger.tariff_id, at)
    stored = Settings.of(session)
    hold = payments.hold_by(stored, terms)
    is_down = hold is not None and stored.down_since is not None
    methods = [x for x in _methods(charger, None if is_down else hold) if kept is None or x.value in KEEPING]
    paid_here = paid.open_at(session, connector.id, visitors.claims())
    own = running is not None and visitors.is_own(running)
    ended = None if running else visitors.ended_here(connector, at - COMES_BACK_FOR)
    return {
        "connector": connector,
        "charger": charger,
        "status": status,
        "running": running,
        "own": running if own else None,
        "ended": ended,
        "pending": queries.pending_start(session, connector, at) if status == "Preparing" else None,
        "alternatives": _alternatives(connector, taken)
        if status not in ("Available", "Preparing") and not own and not ended
        else (),
        "nearby": nearby.free_near(charger) if status in USELESS and not own and not ended else (),
        "near": "{:.3f},{:.3f}".format(*charger.position) if charger.position else None,
        "kept": kept,
        "can_start": status in ("Available", "Preparing", "Occupied")
        or (status == "Reserved" and bool(kept)),
        "needs_code": kept is None and stations.presence_problem(connector, at) is not None,
        "has_mail": current_app.extensions["settings"].mail_server is not None,
        "may_sign_up": current_app.extensions["settings"].sign_up,
        "prices": stations.prices_of(terms, at),
        "words": tariff_validity.words_of(tariffs.applicable(session, charger.tariff_id, at)),
        "methods": methods,
        "begun_payment": paid_here,
        "payments_down": is_down,
        "chosen": _chosen(methods),
        "public_url": _public_url(connector),
        "live_url": url_for("landing.news", slug=connector.slug),
        "here": url_for("landing.show", slug=connector.slug),
        **frame(charger.id),
    }


def _methods(charger: Charger, hold: tuple[int, str] | None) -> list[Method]:
    account, methods = own_account(), []
    own = None if account is None else _own_method(charger, account)
    if own is not None and _may_pay(charger, account):
        methods.append(own)
    if charger.policy is AuthorizationPolicy.OPEN:
        methods.append(Method("guest", gettext("Without a card"), gettext("Open to everybody"), "zap"))
    if hold is not None:
        held = filters.money(*hold)
        detail = gettext(
            "Holds %(amount)s on your card; you pay what you use, the rest is let go", amount=held
        )
        methods.append(Method("payment", gettext("Pay by bank card"), detail, "wallet"))
    methods.append(Method("card", gettext("Charging card"), gettext("With the number printed on it"), "nfc"))
    if charger.policy is not AuthorizationPolicy.OPEN:
        methods.append(
            Method("voucher", gettext("Voucher"), gettext("With a code, without an account"), "ticket")
        )
    if own is not None and own not in methods:
        methods.append(own)
    return methods


def _own_method(charger: Charger, account: Account) -> Method:
    """To start on the account of whoever is logged in, with its credit where that is asked for."""
    detail = account.name
    if charger.policy is AuthorizationPolicy.CREDIT and not account.is_service:
        currency = current_app.extensions["settings"].currency
        detail += f" · {credit_words(account.balance_cents, account.balance_wh, currency)}"
    return Method("account", gettext("My account"), detail, "circle-user")


def _may_pay(charger: Charger, account: Account | None) -> bool:
    return charger.policy is not AuthorizationPolicy.CREDIT or (account is not None and account.has_credit)


def _chosen(methods: Sequence[Method]) -> str:
    """The way that was tried last, where it is one of these."""
    tried = request.values.get("method")
    return tried if tried in [x.value for x in methods] else methods[0].value


def _taken(charger: Charger) -> dict[int | None, Transaction]:
    """The sessions that run at a charger, by connector."""
    active = queries.active(db.session(), queries.Wanted(charger_id=charger.id))
    return {x.connector_id: x for x in reversed(active)}  # of several at one the newest


def _alternatives(
    connector: Connector, taken: Mapping[int | None, Transaction]
) -> list[tuple[Connector, str]]:
    """The other connectors of the charger, free ones first; none that cannot be reached either."""
    at, charger = clock.now(), connector.charger
    others = [
        (x, stations.status_of(charger, x, taken.get(x.id), at))
        for x in charger.connectors
        if x.id != connector.id
    ]
    return sorted(
        (x for x in others if x[1] not in ("Offline", "Unknown")), key=lambda x: x[1] != "Available"
    )[:4]


def own_account() -> Account | None:
    """The account of whoever is logged in."""
    return current_user.account if current_user.is_authenticated else None


def connector_of(slug: str) -> Connector:
    """The connector of this address; a charger's is its only one. Raises NotFound."""
    found = queries.place(db.session(), slug)
    if isinstance(found, Connector):
        return found
    return numbered_connector(found, 1)


def numbered_connector(charger: Charger, number: int) -> Connector:
    """Raises NotFound."""
    for connector in charger.connectors:
        if connector.evse_number == number:
            return connector
    raise NotFound("This station has no such connector.")


def _public_url(connector: Connector) -> str:
    return str(current_app.extensions["settings"].public_base_url) + url_for(
        "landing.show", slug=connector.slug
    )


def frame(charger_id: int | None = None) -> dict[str, Any]:
    """What every page of a driver shows; `charger_id`: at which it is."""
    settings = current_app.extensions["settings"]
    return {
        "now": clock.now(),
        "help_phone": settings.help_phone or None,
        "operator": settings.organisation,
        "zone": zone(charger_id),
    }
