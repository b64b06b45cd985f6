"""Vouchers: codes that are worth money or kWh, once.

A code is as good as cash, so it is drawn at random: 12 of 31 signs, 59 bits. Doors count wrong guesses.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Select, String, select, update
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from csms.domain.accounts.models import Account, LedgerKind
from csms.domain.accounts.service import book, open_account
from csms.domain.base import Base, BigId, Invalid, NotFound, Refused, printable
from csms.sentences import gettext_noop

SIGNS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # without those that are taken for others
LENGTH, GROUP = 12, 4
MOST = 1000  # of one making
MOST_CENTS, MOST_WH = 100_000_00, 100_000_000


class Voucher(Base):
    """One code, stored without its hyphens. `is_bearer`: redeemed by nobody known, so its account is the code's own."""

    __tablename__ = "voucher"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    code: Mapped[str] = mapped_column(String(24), unique=True)
    label: Mapped[str | None] = mapped_column(String(80))
    amount_cents: Mapped[int]
    energy_wh: Mapped[int]
    expires_at: Mapped[datetime | None]
    made_by: Mapped[str] = mapped_column(String(80))
    made_at: Mapped[datetime]
    redeemed_at: Mapped[datetime | None]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    is_bearer: Mapped[bool] = mapped_column(default=False)
    voided_at: Mapped[datetime | None]
    voided_by: Mapped[str | None] = mapped_column(String(80))

    account: Mapped[Account | None] = relationship()

    @property
    def written(self) -> str:
        """The code as it is printed: ABCD-EFGH-JKMN."""
        return "-".join(self.code[x : x + GROUP] for x in range(0, len(self.code), GROUP))

    def state(self, at: datetime) -> str:
        """redeemed, void, expired or open."""
        if self.redeemed_at is not None:
            return "redeemed"
        if self.voided_at is not None:
            return "void"
        return "expired" if self.expires_at is not None and self.expires_at <= at else "open"


def make_vouchers(
    session: Session,
    count: int,
    *,
    amount_cents: int = 0,
    energy_wh: int = 0,
    label: str | None = None,
    expires_at: datetime | None = None,
    by: str,
    at: datetime,
) -> Sequence[Voucher]:
    """`count` new codes of the same worth, in money or in kWh. Raises Invalid."""
    if not 1 <= count <= MOST:
        raise Invalid("Make between 1 and %(most)s vouchers at a time.", "count", most=MOST)
    if (amount_cents > 0) == (energy_wh > 0) or amount_cents < 0 or energy_wh < 0:
        raise Invalid("A voucher is worth an amount of money, or of energy.", "amount")
    if amount_cents > MOST_CENTS or energy_wh > MOST_WH:
        raise Invalid("That is too much for one voucher.", "amount")
    if expires_at is not None and expires_at <= at:
        raise Invalid("This moment is over already.", "expires_at")
    made = [
        Voucher(
            code="".join(secrets.choice(SIGNS) for _ in range(LENGTH)),
            label=printable((label or "").strip(), 80) or None,
            amount_cents=amount_cents,
            energy_wh=energy_wh,
            expires_at=expires_at,
            made_by=by,
            made_at=at,
        )
        for _ in range(count)
    ]
    session.add_all(made)
    session.flush()
    return made


def change_voucher(
    session: Session, voucher: Voucher, *, label: str | None, expires_at: datetime | None, at: datetime
) -> None:
    """Another label or last moment, also for one that has expired; what it is worth stays as it is printed.

    Raises Invalid, and Refused for one that is redeemed or void.
    """
    if expires_at is not None and expires_at <= at and expires_at != voucher.expires_at:
        raise Invalid("This moment is over already.", "expires_at")
    values = {"label": printable((label or "").strip(), 80) or None, "expires_at": expires_at}
    if not _changed_while_unused(session, voucher, values):
        raise Refused(_why_not(voucher, at))


def _changed_while_unused(session: Session, voucher: Voucher, values: Mapping[str, Any]) -> bool:
    """Has nobody redeemed or voided it before?"""
    won = session.execute(
        update(Voucher)
        .where(Voucher.id == voucher.id, Voucher.redeemed_at.is_(None), Voucher.voided_at.is_(None))
        .values(**values)
    )
    session.refresh(voucher)
    return won.rowcount == 1  # type: ignore[attr-defined,no-any-return]


def redeem_voucher(session: Session, account: Account, code: str, *, by: str, at: datetime) -> Voucher:
    """Book a code's worth to an account, once. Raises Invalid for one that is no good, or no good any more."""
    voucher = _known(session, code)
    if not _claimed(session, voucher, account, at):
        raise Invalid(_why_not(voucher, at), "code")
    book(
        session,
        account,
        LedgerKind.VOUCHER,
        at=at,
        amount_cents=voucher.amount_cents,
        energy_wh=voucher.energy_wh,
        note=f"{voucher.written[:GROUP]}…" + (f", {voucher.label}" if voucher.label else ""),
        by=by,
    )
    return voucher


def account_of_voucher(session: Session, code: str, *, at: datetime) -> Account:
    """The account that whoever holds a code charges on: one of the code's own, opened when it is first used.

    What is left of it is there for the same code again. Raises Invalid, also for a code that went to somebody.
    """
    voucher = _known(session, code)
    if voucher.redeemed_at is not None and voucher.is_bearer and voucher.account is not None:
        if not voucher.account.has_credit:
            raise Invalid("This voucher is used up.", "code")
        return voucher.account
    account = open_account(session, f"Voucher {voucher.written[:GROUP]}… ({voucher.id})", at=at)
    redeem_voucher(session, account, code, by="driver", at=at)
    voucher.is_bearer = True
    return account


def void_voucher(session: Session, voucher: Voucher, *, by: str, at: datetime) -> None:
    """Let a code be worth nothing. Raises Refused for one that is redeemed, or void."""
    if not _changed_while_unused(session, voucher, {"voided_at": at, "voided_by": by}):
        if voucher.redeemed_at is not None:
            raise Refused("This voucher is redeemed already.")
        raise Refused("This voucher is void already.")


def vouchers(*, label: str | None = None, is_open: bool = False) -> Select[Voucher]:
    """Codes with the accounts that have them. `is_open`: neither redeemed nor void."""
    query = select(Voucher).options(joinedload(Voucher.account))
    if label:
        query = query.where(Voucher.label.icontains(label, autoescape=True))
    if is_open:
        query = query.where(Voucher.redeemed_at.is_(None), Voucher.voided_at.is_(None))
    return query


def voucher(session: Session, voucher_id: int) -> Voucher:
    """Raises NotFound."""
    found = session.get(Voucher, voucher_id)
    if found is None:
        raise NotFound("There is no such voucher.")
    return found


def _known(session: Session, code: str) -> Voucher:
    plain = "".join(x for x in code.upper() if x in SIGNS)
    found = session.scalar(vouchers().where(Voucher.code == plain)) if len(plain) == LENGTH else None
    if found is None:
        raise Invalid("There is no such voucher. Check its letters and digits.", "code")
    return found


def _claimed(session: Session, voucher: Voucher, account: Account, at: datetime) -> bool:
    """True for one caller, in however many processes."""
    won = session.execute(
        update(Voucher)
        .where(
            Voucher.id == voucher.id,
            Voucher.redeemed_at.is_(None),
            Voucher.voided_at.is_(None),
            Voucher.expires_at.is_(None) | (Voucher.expires_at > at),
        )
        .values(redeemed_at=at, account_id=account.id)
    )
    session.refresh(voucher)
    return won.rowcount == 1  # type: ignore[attr-defined,no-any-return]


def _why_not(voucher: Voucher, at: datetime) -> str:
    return {
        "redeemed": gettext_noop("This voucher has been redeemed already."),
        "void": gettext_noop("This voucher is not valid any more."),
    }.get(voucher.state(at), gettext_noop("This voucher has expired."))
