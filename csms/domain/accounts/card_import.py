"""Taking cards and drivers over from a file: first what would become of each line, then doing it."""

import enum
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from csms.domain.accounts.aliases import add_alias
from csms.domain.accounts.card_lines import Line
from csms.domain.accounts.cards import folded
from csms.domain.accounts.models import Account, CardAlias, IdToken
from csms.domain.accounts.service import MADE_LABELS, add_token, open_account
from csms.sentences import told

AT_ONCE = 500


class Step(enum.StrEnum):
    """What becomes of a line. SKIPPED: it would change what is there, and that is to be left alone."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    SKIPPED = "skipped"
    WRONG = "wrong"


@dataclass(slots=True)
class Planned:
    """One line, what becomes of it, and why or what it changes in words."""

    line: Line
    step: Step
    reasons: tuple[str, ...] = ()
    token: IdToken | None = None
    account: Account | None = None
    has_new_driver: bool = False

    @property
    def words(self) -> str:
        return ", ".join(self.reasons)


@dataclass(slots=True)
class Plan:
    """A file, line by line."""

    lines: list[Planned] = field(default_factory=list)

    @property
    def counts(self) -> Counter[Step]:
        return Counter(x.step for x in self.lines)

    @property
    def does_something(self) -> bool:
        return bool(self.counts[Step.NEW] or self.counts[Step.CHANGED])


def plan(session: Session, lines: Sequence[Line], *, updates: bool) -> Plan:
    """What would become of each line. `updates`: what is there already is changed; it is left alone otherwise."""
    desk = _Desk(session, lines)
    return Plan([desk.judged(line, updates) for line in lines])


def carry_out(session: Session, plan: Plan, *, by: str, at: datetime) -> None:
    """Do what was planned in this very unit of work. Lines that are wrong, skipped or the same are left."""
    made: dict[str, Account] = {}
    for item in plan.lines:
        if item.step in (Step.NEW, Step.CHANGED):
            _do(session, item, made, by, at)


def _people(session: Session) -> Sequence[Account]:
    return session.scalars(select(Account).where(Account.merged_into_id.is_(None))).all()


class _Desk:
    """What is there already of what a file speaks of: a few queries for all of its lines."""

    def __init__(self, session: Session, lines: Sequence[Line]) -> None:
        self.accounts = _people(session) if any(x.says("driver") for x in lines) else ()
        self.by_id = {x.id: x for x in self.accounts}
        self.tokens: dict[str, IdToken] = {}
        self.holders: dict[str, IdToken] = {}
        uids = {folded(x) for line in lines for x in (line.uid, *line.other_numbers) if x}
        for token in _tokens(session, sorted(uids)):
            self.tokens[token.uid_folded] = token
            self.holders |= dict.fromkeys((token.uid_folded, *(x.uid_folded for x in token.aliases)), token)
        self.seen: dict[str, int] = {}

    def judged(self, line: Line, updates: bool) -> Planned:
        problem = line.problem or self._twice(line)
        if problem:
            return Planned(line, Step.WRONG, (problem,))
        token = self.tokens.get(folded(line.uid)) if line.uid else None
        taken = self._taken(line, token)
        accounts = self._accounts(line)
        if taken or isinstance(accounts, str):
            return Planned(line, Step.WRONG, (taken or str(accounts),), token)
        account = accounts[0] if accounts else None
        is_new_driver = account is None and bool(line.cells.get("driver"))
        is_there = token is not None if line.uid else account is not None
        item = Planned(line, Step.NEW, (), token, account, is_new_driver)
        if not is_there:
            if is_new_driver and line.uid:
                item.reasons = (told("with a new driver, %(name)s", name=line.cells["driver"]),)
            return item
        item.reasons = tuple(_changes(item))
        item.step = (Step.CHANGED if updates else Step.SKIPPED) if item.reasons else Step.SAME
        return item

    def _twice(self, line: Line) -> str | None:
        """Every number may stand in a file once."""
        for uid in map(folded, (line.uid, *line.other_numbers)):
            if not uid:
                continue
            before = self.seen.setdefault(uid, line.number)
            if before != line.number:
                return told("Line %(number)s has this number too: leave one of the two.", number=before)
        return None

    def _taken(self, line: Line, token: IdToken | None) -> str | None:
        for uid in (line.uid, *line.other_numbers):
            holder = self.holders.get(folded(uid)) if uid else None
            if holder is not None and holder is not token:
                return told(
                    "%(uid)s belongs to the card %(holder)s: take it away there, or leave it out here.",
                    uid=uid,
                    holder=holder.uid,
                )
        return None

    def _accounts(self, line: Line) -> list[Account] | str:
        """The driver that is meant: by id, by e-mail address, else by name; or why that cannot be told."""
        get = line.cells.get
        if get("driver_id"):
            found = self.by_id.get(int(line.cells["driver_id"]))
            return [found] if found else told("There is no driver of this id: leave it empty to go by name.")
        for column in ("driver_email", "driver"):
            word = get(column, "").casefold()
            if not word:
                continue
            attribute = "email" if column == "driver_email" else "name"
            alike = [x for x in self.accounts if (getattr(x, attribute) or "").casefold() == word]
            if column == "driver" and get("driver_email"):
                alike = [x for x in alike if not x.email]
            if len(alike) > 1:
                return told(
                    "Several drivers are called %(name)s: give the id of the one.", name=line.cells[column]
                )
            if alike:
                return alike
        if get("driver_email") and not get("driver"):
            return told(
                "Nobody has the address %(email)s: give the name of the new driver, too.",
                email=line.cells["driver_email"],
            )
        return []


def _tokens(session: Session, uids: Sequence[str]) -> Iterator[IdToken]:
    """The cards of these numbers, by their own or by another one."""
    both = (selectinload(IdToken.aliases), joinedload(IdToken.account))
    for n in range(0, len(uids), AT_ONCE):
        part = uids[n : n + AT_ONCE]
        aliased = select(CardAlias.id_token_id).where(CardAlias.uid_folded.in_(part))
        is_meant = IdToken.uid_folded.in_(part) | IdToken.id.in_(aliased)
        yield from session.scalars(select(IdToken).where(is_meant).options(*both))


def _changes(item: Planned) -> Iterator[str]:
    """What the line has otherwise than it is, in words."""
    line, token, account = item.line, item.token, item.account
    if token is not None:
        yield from _card_changes(line, token)
        if line.says("driver") and (item.has_new_driver or token.account is not account):
            name = account.name if account else line.cells["driver"]
            yield told("for the driver %(name)s", name=name) if name else told("for no driver")
    if account is not None:
        yield from _driver_changes(line, account)


def _card_changes(line: Line, token: IdToken) -> Iterator[str]:
    label, group, last_day = (line.cells.get(x) for x in ("label", "group", "last_day"))
    if label is not None and label != (token.label or ""):
        yield told("with the label %(label)s", label=label) if label else told("without a label")
    if group is not None and group != (token.parent_uid or ""):
        yield told("in the group %(group)s", group=group) if group else told("in no group")
    if last_day is not None and line.expires_at != token.expires_at:
        yield told("last day %(day)s", day=last_day) if last_day else told("without a last day")
    may = line.flag("may_charge")
    if may is not None and may != token.is_allowed:
        yield told("allowed") if may else told("blocked")
    more = [x for x in line.other_numbers if folded(x) not in {y.uid_folded for y in token.aliases}]
    if more:
        yield told("also known as %(numbers)s", numbers=" ".join(more))


def _driver_changes(line: Line, account: Account) -> Iterator[str]:
    if line.cells.get("driver") and line.cells["driver"] != account.name:
        yield told("driver's name %(name)s", name=line.cells["driver"])
    if line.cells.get("driver_email", "").casefold() not in ("", (account.email or "").casefold()):
        yield told("with the e-mail address %(email)s", email=line.cells["driver_email"])
    service = line.flag("service")
    if service is not None and service != account.is_service:
        yield told("a service account") if service else told("no service account")


def _do(session: Session, item: Planned, made: dict[str, Account], by: str, at: datetime) -> None:
    line = item.line
    account = _driver(session, item, made, at)
    if not line.uid:
        return
    token = item.token or add_token(session, line.uid, at=at, account_id=account.id if account else None)
    if line.says("driver"):
        token.account_id = account.id if account else None
    if line.says("label"):
        token.label = line.cells["label"] or None
    if line.says("group"):
        token.parent_uid = line.cells["group"] or None
    if line.says("last_day"):
        token.expires_at = line.expires_at
    may = line.flag("may_charge")
    token.is_allowed = token.is_allowed if may is None else may
    for uid in line.other_numbers:
        if folded(uid) not in {x.uid_folded for x in token.aliases}:
            add_alias(session, token, uid, by=by, at=at)


def _driver(session: Session, item: Planned, made: dict[str, Account], at: datetime) -> Account | None:
    """The driver of a line, made once for all lines that name them."""
    line, service = item.line, item.line.flag("service")
    name, email = line.cells.get("driver", ""), line.cells.get("driver_email", "")
    account = item.account
    if account is None and item.has_new_driver:
        key = (email or name).casefold()
        account = made.get(key) or open_account(session, name, at=at, email=email, is_service=bool(service))
        made[key] = account
    if account is not None:
        account.name, account.email = name or account.name, email or account.email
        account.is_service = account.is_service if service is None else service
    return account


def exported(session: Session) -> Iterable[tuple[IdToken | None, Account | None]]:
    """Every card with its driver, and every driver without a card. Tags that pages made are left out."""
    is_made = IdToken.label.in_(MADE_LABELS)
    both = (selectinload(IdToken.aliases), joinedload(IdToken.account))
    query = select(IdToken).where(IdToken.label.is_(None) | ~is_made).options(*both).order_by(IdToken.id)
    for token in session.scalars(query):
        yield token, token.account
    held = select(IdToken.account_id).where(
        IdToken.account_id.is_not(None), IdToken.label.is_(None) | ~is_made
    )
    for account in session.scalars(
        select(Account).where(Account.id.not_in(held), Account.merged_into_id.is_(None)).order_by(Account.id)
    ):
        yield None, account
