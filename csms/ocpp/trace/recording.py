"""From the journal to a trace: the frames, what became of their sessions, and what that depends on."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.orm import Session

from csms.domain import accounts, frames
from csms.domain.chargers import Charger, quirks_of
from csms.domain.tariffs import TariffVersion
from csms.domain.transactions import Transaction, TransactionState, billing, recalled
from csms.ocpp import message
from csms.ocpp.trace.shapes import CardLine, ChargerLine, FrameLine, Line, SessionLine, TariffLine

CARDS = frozenset({"idTag", "parentIdTag"})  # members that name a card, or a group of cards


def recorded(
    session: Session, charger: Charger, *, protocol: str, since: datetime | None, until: datetime | None
) -> Iterator[Line]:
    """A charger's trace. A session that ran at `since` is told from its start; at `until` it is cut off."""
    yield ChargerLine(
        identity=charger.identity,
        protocol=charger.protocol or protocol,
        policy=charger.policy,
        is_strict=charger.is_strict,
        quirks=quirks_of(charger).key,
    )
    begin = recalled.whole_from(session, charger.id, since)
    presented: set[str] = set()
    for frame in frames.between(session, charger.id, begin, until):
        yield FrameLine(
            at=frame.at,
            direction=frame.direction,
            epoch=frame.epoch,
            frame=message.redacted(frame.text),
            reply=frame.reply,
        )
        presented.update(cards_in(frame.text))
    told = recalled.between(session, charger.id, begin, until)
    yield from session_lines(told, until)
    versions = {x.tariff_version.id: x.tariff_version for x in told if x.tariff_version is not None}
    for version in versions.values():
        yield _tariff_line(version)
    yield from _card_lines(session, presented | {x.id_tag for x in told if x.id_tag})


def session_lines(told: Sequence[Transaction], until: datetime | None = None) -> list[SessionLine]:
    """What became of transactions up to `until`."""
    return [_session_line(x, is_over=_is_over(x, until)) for x in told]


def _is_over(transaction: Transaction, until: datetime | None) -> bool:
    if transaction.is_active:
        return False
    ended_at = transaction.end_received_at or transaction.start_received_at
    return until is None or ended_at < until


def _session_line(transaction: Transaction, *, is_over: bool) -> SessionLine:
    bill = transaction.bill if is_over else None
    connector = transaction.connector
    return SessionLine(
        id=transaction.id,
        received_at=transaction.start_received_at,
        evse=connector.evse_number if connector else None,
        id_tag=transaction.id_tag,
        authorization=transaction.authorization,
        state=transaction.state if is_over else TransactionState.ACTIVE,
        started_at=transaction.started_at,
        ended_at=transaction.ended_at if is_over else None,
        stop_reason=transaction.stop_reason if is_over else None,
        energy_wh=transaction.energy_wh if is_over else None,
        cost_cents=None
        if bill is None
        else sum(x["cents"] for x in bill if x["kind"] not in billing.AFTERWARDS),
        flags=sorted(transaction.flags) if is_over else [],
        tariff=None if transaction.is_free else transaction.tariff_version_id,
    )


def _tariff_line(version: TariffVersion) -> TariffLine:
    terms = version.terms
    if terms.plain is not None:
        return TariffLine(id=version.id, currency=terms.currency, **asdict(terms.plain))
    return TariffLine(id=version.id, **asdict(terms) | {"elements": version.elements})


def _card_lines(session: Session, uids: set[str]) -> Iterator[CardLine]:
    found = {token.id: token for uid in sorted(uids) if (token := accounts.find_token(session, uid))}
    for token in found.values():
        yield CardLine(
            uid=token.uid,
            parent_uid=token.parent_uid,
            is_allowed=token.is_allowed,
            expires_at=token.expires_at,
            has_credit=token.account is not None and token.account.has_credit,
        )


def cards_in(text: str) -> Iterator[str]:
    """The numbers of cards that a frame names; none in what cannot be read."""
    try:
        yield from _cards(orjson.loads(text))
    except orjson.JSONDecodeError:
        return


def _cards(value: Any) -> Iterator[str]:
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, member in members:
        if name in CARDS and isinstance(member, str):
            yield member
        yield from _cards(member)
