"""What pages are about, brought about: drivers, stations, sessions, payments."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from make import make_charger, make_wire, quick_hash, store
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import Account, LedgerKind, Role, User
from csms.domain.chargers import Charger
from csms.domain.transactions import Transaction
from tests.browser.conftest import PASSWORD
from tests.desk import wait_for
from tests.web.site import Site
from tests.web.till import Till
from tests.web.visitor import PASSWORD as QUICK
from tests.web.visitor import Visitor


class SharedSite(Site):
    """One that is not alone in its database: the town's server reads and writes there too."""

    def tell(self, action: str, payload: dict[str, Any], at: datetime) -> Any:
        self.session.rollback()  # or it would write on what it has read before the server wrote, which is refused
        self.session.connection(execution_options={"writes": True})
        answer = super().tell(action, payload, at)
        self.session.rollback()
        return answer


@dataclass
class Stage:
    """The town's application in this process, and its database, on which whatever a page is about comes to be."""

    app: Flask
    session: Session
    url: str
    people: dict[str, Visitor] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))  # of stations

    def linked(self, path: str, pattern: str) -> str:
        """The first address of this pattern to which a page leads, as soon as there is one."""
        return wait_for(lambda: re.findall(f'href="({pattern})"', self.olga.text(path)), bool)[0]

    def demonstrated(self) -> Sequence[int]:
        """The demonstration chargers, which are connected to the town."""
        query = select(Charger.id).where(Charger.identity.startswith("DEMO-")).order_by(Charger.id)
        return self.session.scalars(query).all()

    def begin(self) -> None:
        """A unit of work that writes; `store` ends it."""
        self.session.rollback()
        self.session.connection(execution_options={"writes": True})

    @property
    def stranger(self) -> Visitor:
        return Visitor(self.app, self.session)

    @property
    def olga(self) -> Visitor:
        """The owner, logged in."""
        if "olga" not in self.people:
            self.people["olga"] = self.logged_in("olga", PASSWORD)
        return self.people["olga"]

    @property
    def dana(self) -> Visitor:
        """A driver with credit, a card, a vehicle and a session, logged in."""
        if "dana" not in self.people:
            account = self.account("Dana", credit_cents=4_250)
            accounts.add_token(
                self.session, "04DA0A01", at=clock.now(), account_id=account.id, label="Key ring"
            )
            accounts.add_vehicle(
                self.session, account, brand="Renault", model="Zoe", vin=None, at=clock.now()
            )
            store(self.session)
            self.charged("04DA0A01")
            self.people["dana"] = self.driver("dana", account)
        return self.people["dana"]

    def account(self, name: str, credit_cents: int = 0) -> Account:
        self.begin()
        account = accounts.open_account(
            self.session, name, at=clock.now(), email=f"{name.lower()}@example.org"
        )
        if credit_cents:
            yesterday = clock.now() - timedelta(days=1)
            accounts.book(self.session, account, LedgerKind.TOP_UP, at=yesterday, amount_cents=credit_cents)
        store(self.session)
        return account

    def driver(self, name: str, account: Account) -> Visitor:
        """A driver with an account, logged in."""
        self.user(name, account)
        return self.logged_in(name, QUICK)

    def logged_in(self, name: str, password: str) -> Visitor:
        browser = self.stranger
        answer = browser.post("/login", {"username": name, "password": password})
        assert answer.status_code == 302, answer.text
        browser.home = "/profile"
        return browser

    def user(self, name: str, account: Account | None = None) -> User:
        """A driver who can log in."""
        self.begin()
        made = accounts.create_user(
            self.session,
            name,
            quick_hash(QUICK),
            Role.DRIVER,
            at=clock.now(),
            email=f"{name}@example.org",
            account_id=account.id if account else None,
        )
        store(self.session)
        return made

    def link(self, purpose: str, name: str) -> str:
        """What stands at the end of a mail's link to a new user of this name."""
        user = self.user(name)
        token = accounts.issue_link(self.session, purpose, at=clock.now(), ttl=timedelta(hours=1), user=user)
        store(self.session)
        return token

    def till(self, connectors: int = 1) -> Till:
        """A new station, connected and free, at which drivers may pay by card."""
        name = f"Quay {next(self.numbers)}"
        self.begin()
        at = clock.now()
        account = self.session.scalars(select(Account)).first()
        charger = make_charger(
            self.session,
            name.upper().replace(" ", "-"),
            at=at,
            online=True,
            connectors=connectors,
            name=name,
            location="Quay, at the pier",
        )
        for connector in charger.connectors:
            connector.type, connector.max_power_w = "CCS 2", 150_000
        store(self.session)
        wire = make_wire(self.session, charger)
        wire.now = at
        site = SharedSite(self.session, wire, account, at)  # type: ignore[arg-type]
        for number in range(1, connectors + 1):
            report = {"connectorId": number, "status": "Available", "errorCode": "NoError"}
            site.tell("StatusNotification", report, at)
        self.begin()
        till = Till(self.app, site).set_up("test")
        self.session.rollback()
        return till

    def charged(self, card: str) -> Transaction:
        """A session with a card that has ended."""
        site, at = self.till().site, clock.now() - timedelta(minutes=50)
        running = site.begin(card, at=at)
        for minutes in range(5, 45, 5):
            site.measure(running, 1_000 + 320 * minutes, at + timedelta(minutes=minutes))
        return site.end(running, 15_080, at + timedelta(minutes=44))

    def paid(self) -> tuple[Till, Transaction]:
        """A session that has ended and is paid by bank card."""
        till = self.till()
        till.pay_as_stranger()
        return till, till.charge(18_420)
