"""A remote start as the old systems asked for it: without a card, and without a connector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import g
from sqlalchemy.orm import Session

from csms import clock
from csms.api import queries
from csms.domain import accounts, transactions
from csms.domain.base import NotFound
from csms.domain.chargers import Charger, Connector, ConnectorStatus
from csms.domain.commands import Command


def request_start(session: Session, identity: str, given: Mapping[str, Any]) -> Command:
    """Order a start; `id_tag` and `connector` may be given. Raises NotFound, Refused."""
    charger = queries.charger(session, identity)
    at, caller = clock.now(), g.api_caller
    account = session.get(accounts.Account, caller.account_id) if caller.account_id else None
    id_tag = given.get("id_tag")
    if not id_tag:
        token = accounts.web_token(session, account, at) if account else accounts.guest_token(session, at)
        id_tag = token.uid
    connector = _connector(charger, given.get("connector"))
    return transactions.request_start(session, connector, id_tag=str(id_tag), by=caller.username, at=at)


def _connector(charger: Charger, number: object) -> Connector:
    """The connector that was named, else the first that is free. Raises NotFound."""
    fitting = [x for x in charger.connectors if number is None or str(x.evse_number) == str(number)]
    if not fitting:
        raise NotFound("The charger has no such connector.")
    free = (ConnectorStatus.PREPARING, ConnectorStatus.AVAILABLE)
    return min(fitting, key=lambda x: free.index(x.status) if x.status in free else len(free))
