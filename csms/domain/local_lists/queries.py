"""Which cards a list holds, and how the lists of the fleet stand."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, func, nulls_last, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, contains_eager

from csms.domain.accounts import Account, CardAlias, IdToken, TokenStatus, verdict
from csms.domain.accounts.service import MADE_LABELS, UID_LENGTH
from csms.domain.chargers import AuthorizationPolicy, Charger
from csms.domain.local_lists.models import LocalList
from csms.domain.local_lists.rules import Entry


def contents(session: Session, policy: AuthorizationPolicy, *, at: datetime) -> Sequence[Entry]:
    """What a charger of this policy should know of cards: the verdicts that it would get if it asked.

    Those that may charge come first, the ones that were seen lately before the others; then the blocked ones, which
    keep a cached yes from counting. A card stands there under each of its numbers. Expired cards, those about which
    their issuer is asked each time, and the tags that we make for starts from pages are left out.
    """
    own = _numbered(IdToken.uid)
    aliases = _numbered(CardAlias.uid).join(CardAlias, CardAlias.id_token_id == IdToken.id)
    rows = [row for query in (own, aliases) for row in session.execute(query)]
    needs_credit = policy is AuthorizationPolicy.CREDIT
    found = [
        Entry(
            uid, verdict(is_allowed, expires_at, is_solvent or not needs_credit, at), expires_at, parent_uid
        )
        for uid, is_allowed, expires_at, parent_uid, is_solvent in rows
    ]
    known = [entry for entry in found if entry.status is not TokenStatus.EXPIRED]
    return sorted(known, key=lambda entry: entry.status is not TokenStatus.ACCEPTED)


def _numbered(number: InstrumentedAttribute[str]) -> Select[str, bool, datetime | None, str | None, bool]:
    """(number, may charge, until when, group, has credit) of every card, those seen lately first."""
    has_credit = or_(Account.is_service, Account.balance_cents > 0, Account.balance_wh > 0)
    return (
        select(
            number,
            IdToken.is_allowed,
            IdToken.expires_at,
            IdToken.parent_uid,
            func.coalesce(has_credit, False),
        )
        .select_from(IdToken)
        .outerjoin(Account, Account.id == IdToken.account_id)
        .where(or_(IdToken.label.is_(None), IdToken.label.not_in(MADE_LABELS)))
        .where(func.length(number) <= UID_LENGTH, IdToken.is_asked.is_(False))
        .order_by(nulls_last(IdToken.last_seen_at.desc()), IdToken.id)
    )


def find(session: Session, charger_id: int) -> LocalList | None:
    """The charger's list; None: nobody has asked for one, and it has not told of any."""
    return session.get(LocalList, charger_id)


def every() -> Select[LocalList]:
    """All lists, with their chargers."""
    return select(LocalList).join(LocalList.charger).options(contains_eager(LocalList.charger))


def listed(session: Session) -> Sequence[LocalList]:
    """All lists, by the charger's name."""
    return session.scalars(every().order_by(Charger.sorting_name, Charger.id)).all()
