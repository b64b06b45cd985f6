"""What is held of a driver: all of it to take away, and its erasure.

Bills, charge records and the ledger are kept as the law on accounts asks, without a name: no number on them leads to a
person any more. What a meter has signed goes, as it names the card and is worth nothing when it is changed; what it has
measured stays. The record of who did what is a chain that nobody can change, and keeps the name of the user.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, func, or_, select, update
from sqlalchemy.orm import Session, joinedload, selectinload

from csms.domain import accounts
from csms.domain.accounts import (
    Account,
    AuditEntry,
    IdToken,
    LedgerEntry,
    LedgerKind,
    LogIn,
    Role,
    User,
    Vehicle,
    Voucher,
)
from csms.domain.accounts import queries as account_queries
from csms.domain.base import Refused
from csms.domain.cdrs import Cdr
from csms.domain.mail import Mail
from csms.domain.payments import Payment, PaymentState
from csms.domain.reservations import Reservation, ReservationState
from csms.domain.subscriptions import Subscription
from csms.domain.transactions import Notice, Reading, Transaction, TransactionState
from csms.domain.transactions.signed import forget_signed, signed_by_session
from csms.sentences import gettext_noop

ERASED = "ERASED"
# A debt so small, in cents, bars nobody's erasure: it is what a station took to stop after the credit was used up, and
# nobody would collect it.
SMALL_DEBT_CENTS = 100
LET_GO = gettext_noop("A small debt, let go as its account was erased")
COMING = (ReservationState.PLANNED, ReservationState.REQUESTED, ReservationState.RESERVED)

SESSIONS_AT_ONCE = 50

Rows = list[dict[str, Any]]


def held(session: Session, user: User, account: Account, *, currency: str) -> dict[str, Any]:
    """Everything that is held of a driver but `sessions_held`, for orjson: moments in UTC, energy in Wh, money in cents
    of `currency`."""
    return {
        "account": _columns(
            account, "name", "email", "is_service", "balance_cents", "balance_wh", "created_at"
        )
        | {"currency": currency},
        "user": _columns(
            user,
            *(
                "username",
                "first_name",
                "last_name",
                "email",
                "email_verified_at",
                "phone_number",
                "language",
            ),
            *("time_zone", "distance_unit", "image", "sockets", "tariff_preference"),
            *("created_at", "last_login_at"),
        ),
        "log_ins": _rows(
            session, LogIn, LogIn.user_id == user.id, "way", "address", "agent", "begun_at", "ended_at"
        ),
        "cards": list(_cards(session, account)),
        "vehicles": _rows(
            session, Vehicle, Vehicle.account_id == account.id, "brand", "model", "vin", "created_at"
        ),
        "ledger": _rows(
            session,
            LedgerEntry,
            LedgerEntry.account_id.in_(_all_of(account)),
            *("kind", "amount_cents", "energy_wh", "transaction_id", "note", "created_by", "created_at"),
        ),
        "charge_records": _rows(session, Cdr, Cdr.account_id == account.id, "uuid", "made_at", "body"),
        "payments": _rows(
            session,
            Payment,
            Payment.payer_id == account.id,
            *("id", "kind", "state", "currency", "held_cents", "captured_cents", "refunded_cents"),
            *("transaction_id", "requested_at", "settled_at"),
        ),
        "reservations": _rows(
            session,
            Reservation,
            Reservation.account_id == account.id,
            *("id_tag", "starts_at", "expires_at", "state", "created_at"),
        ),
        "subscriptions": _rows(
            session,
            Subscription,
            Subscription.account_id == account.id,
            *("product_id", "price_cents", "started_at", "next_renewal_at", "cancelled_at", "ended_at"),
        ),
        "vouchers": _rows(
            session,
            Voucher,
            Voucher.account_id == account.id,
            "written",
            "amount_cents",
            "energy_wh",
            "redeemed_at",
        ),
        "mails": _mails(session, user),
        "record": _rows(
            session,
            AuditEntry,
            AuditEntry.actor == user.username,
            "at",
            "action",
            "address",
            "subject",
            "detail",
        ),
    }


def erasure_problem(session: Session, user: User, account: Account) -> str | None:
    """Why a driver cannot be erased now, and what to do about it; None if they can."""
    if user.role is not Role.DRIVER:
        return gettext_noop("You work here as well: ask an owner to take your log-in away.")
    others = select(func.count(User.id)).where(User.account_id == account.id, User.id != user.id)
    if session.scalar(others):
        return gettext_noop(
            "Other people use this account as well: ask the operator to take your log-in off it."
        )
    is_theirs = Transaction.account_id == account.id
    running = select(Transaction.id).where(is_theirs, Transaction.state == TransactionState.ACTIVE)
    if session.scalar(running.limit(1)) is not None:
        return gettext_noop("A session of yours is running: stop it first.")
    unbilled = select(Transaction.id).where(
        is_theirs, Transaction.state == TransactionState.ENDED_UNKNOWN, Transaction.cost_cents.is_(None)
    )
    if session.scalar(unbilled.limit(1)) is not None:
        return gettext_noop("A session of yours is still being checked: wait until it is billed.")
    moving = select(Payment.id).where(
        Payment.payer_id == account.id,
        or_(Payment.state.in_((PaymentState.REQUESTED, PaymentState.HELD)), Payment.wanted.is_not(None)),
    )
    if session.scalar(moving.limit(1)) is not None:
        return gettext_noop("A payment of yours is not settled yet: wait until it is.")
    coming = select(Reservation.id).where(Reservation.account_id == account.id, Reservation.state.in_(COMING))
    if session.scalar(coming.limit(1)) is not None:
        return gettext_noop("A place is reserved for you: ask the operator to cancel that first.")
    paying = select(Subscription.id).where(
        Subscription.account_id == account.id,
        Subscription.cancelled_at.is_(None),
        Subscription.ended_at.is_(None),
    )
    if session.scalar(paying.limit(1)) is not None:
        return gettext_noop("You have a subscription: cancel it first.")
    if account.balance_cents < -SMALL_DEBT_CENTS:
        return gettext_noop("You still owe something: pay that first.")
    if account.balance_cents > 0 or account.balance_wh > 0:
        return gettext_noop("There is credit left: use it, or ask the operator to pay it back.")
    return None


def erase(session: Session, user: User, account: Account, *, at: datetime) -> None:
    """Forget who the driver is, and let go of a small debt. Money records stay, of nobody.

    Raises Refused with `erasure_problem`.
    """
    if problem := erasure_problem(session, user, account):
        raise Refused(problem)
    if account.balance_cents < 0:
        accounts.book(
            session,
            account,
            LedgerKind.CORRECTION,
            at=at,
            amount_cents=-account.balance_cents,
            note=LET_GO,
            by=ERASED,
        )
    theirs = select(Transaction.id).where(Transaction.account_id == account.id)
    forget_signed(session, theirs)
    session.execute(delete(Notice).where(Notice.transaction_id.in_(theirs)))
    if user.email_folded:
        sent = delete(Mail).where(Mail.recipient_folded == user.email_folded)
        # The address may be somebody else's: then only the question whether it is this driver's own was for them.
        session.execute(sent if user.email_verified_at else sent.where(Mail.kind == accounts.EMAIL))
    session.execute(
        update(Transaction)
        .where(Transaction.account_id == account.id)
        .values(id_tag=ERASED, parent_uid=None, token_expires_at=None)
    )
    for cdr in session.scalars(select(Cdr).where(Cdr.account_id == account.id)):
        cdr.body = _without(cdr.body, cdr.id_tag)
        cdr.id_tag = ERASED
    session.execute(
        update(Reservation).where(Reservation.account_id == account.id).values(id_tag=ERASED, parent_uid=None)
    )
    session.execute(
        update(LedgerEntry).where(LedgerEntry.created_by == user.username).values(created_by=ERASED)
    )
    session.execute(update(Payment).where(Payment.payer_id == account.id).values(payer_id=None))
    session.execute(delete(Vehicle).where(Vehicle.account_id == account.id))
    for token in session.scalars(select(IdToken).where(IdToken.account_id == account.id)):
        _erase_card(token)
    for one in (account, *account_queries.merged_with(session, account.id)):
        one.name, one.email = f"Erased account {one.id}", None
    session.flush()
    accounts.remove_user(session, user, at=at)


def _all_of(account: Account) -> Select[int]:
    """Its id, and those of the accounts that were merged with it."""
    return select(Account.id).where(or_(Account.id == account.id, Account.merged_into_id == account.id))


def _erase_card(token: IdToken) -> None:
    """Its numbers are gone, and the card is one that nobody knows."""
    token.uid = f"{ERASED}-{token.id}"
    token.uid_folded = token.uid.casefold()
    token.label = token.parent_uid = None
    token.aliases.clear()
    token.is_allowed = False
    accounts.set_pin(token, None)


def _without(body: Any, secret: str | None) -> Any:
    """The same document with another word in the place of a card's number."""
    if not secret:
        return body
    if isinstance(body, dict):
        return {key: _without(value, secret) for key, value in body.items()}
    if isinstance(body, list):
        return [_without(x, secret) for x in body]
    return ERASED if isinstance(body, str) and body.casefold() == secret.casefold() else body


def _cards(session: Session, account: Account) -> Iterator[dict[str, Any]]:
    names = ("uid", "label", "is_allowed", "expires_at", "last_seen_at", "created_at")
    query = select(IdToken).where(IdToken.account_id == account.id).options(selectinload(IdToken.aliases))
    for token in session.scalars(query.order_by(IdToken.id)):
        yield _columns(token, *names) | {"other_numbers": [x.uid for x in token.aliases]}


def sessions_held(session: Session, account: Account) -> Iterator[dict[str, Any]]:
    """What is held of a driver's sessions, oldest first, to be written one by one: those of a fleet are many."""
    paid = select(Payment.transaction_id).where(Payment.payer_id == account.id)
    is_theirs = or_(Transaction.account_id == account.id, Transaction.id.in_(paid))
    query = select(Transaction.id).where(is_theirs).order_by(Transaction.started_at, Transaction.id)
    ids = session.scalars(query).all()
    for first in range(0, len(ids), SESSIONS_AT_ONCE):
        portion = list(_sessions(session, ids[first : first + SESSIONS_AT_ONCE]))
        session.close()  # a slow reader must not hold a snapshot of the database
        yield from portion


def _sessions(session: Session, ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    readings, notices = _readings(session, ids), _notices(session, ids)
    signed = signed_by_session(session, select(Transaction.id).where(Transaction.id.in_(ids)))
    query = select(Transaction).where(Transaction.id.in_(ids)).options(joinedload(Transaction.charger))
    names = (
        "id",
        "id_tag",
        "state",
        "started_at",
        "ended_at",
        "stop_reason",
        "meter_start_wh",
        "meter_stop_wh",
    )
    for one in session.scalars(query.order_by(Transaction.started_at, Transaction.id)):
        yield _columns(one, *names, "energy_wh", "cost_cents", "bill") | {
            "station": one.charger.title,
            "place": one.charger.place,
            "readings": readings.get(one.id, []),
            "notices": notices.get(one.id, []),
            "signed_meter_data": [
                {"at": x.at, "context": x.context, "value": x.raw} for x in signed.get(one.id, ())
            ],
        }


def _readings(session: Session, ids: Sequence[int]) -> dict[int, Rows]:
    """What meters have said of these sessions, oldest first, without what they have not said."""
    names = ("energy_wh", "power_w", "current_a", "voltage_v", "soc_percent", "temperature_c")
    query = select(Reading.transaction_id, Reading.measured_at, *(getattr(Reading, x) for x in names)).where(
        Reading.transaction_id.in_(ids)
    )
    found: dict[int, Rows] = {}
    for transaction_id, at, *values in session.execute(query.order_by(Reading.measured_at, Reading.id)):
        said = {name: value for name, value in zip(names, values, strict=True) if value is not None}
        found.setdefault(transaction_id, []).append({"at": at, **said})
    return found


def _notices(session: Session, ids: Sequence[int]) -> dict[int, Rows]:
    """Which addresses asked to be told of these sessions."""
    found: dict[int, Rows] = {}
    for one in session.scalars(select(Notice).where(Notice.transaction_id.in_(ids)).order_by(Notice.id)):
        words = _columns(one, "email", "asked_at", "pause_told_at", "end_told_at")
        found.setdefault(one.transaction_id, []).append(words)
    return found


def _mails(session: Session, user: User) -> Rows:
    """Those to an address that is known to be theirs."""
    if user.email_folded is None or user.email_verified_at is None:
        return []
    mine = Mail.recipient_folded == user.email_folded
    return _rows(session, Mail, mine, "recipient", "subject", "text", "state", "created_at", "sent_at")


def _rows(session: Session, model: Any, mine: Any, *names: str) -> Rows:
    return [_columns(x, *names) for x in session.scalars(select(model).where(mine).order_by(model.id))]


def _columns(row: object, *names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}
