"""What a charger's own sessions and cards say of its habits: a quirk profile to choose, with the evidence for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from csms import quirks
from csms.domain.accounts import IdToken, TokenStatus
from csms.domain.chargers import Charger, quirks_of
from csms.domain.transactions import Transaction
from csms.domain.transactions.models import Reading, TransactionState
from csms.quirks import Profile, Register
from csms.sentences import told

LATEST = 20  # sessions that are looked at
ENOUGH = 3  # sessions that must agree
PLAUSIBLE_W = (
    100  # the least that an hour of charging with a power of its own must have given, by its register
)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A profile that would set right what was seen."""

    profile: Profile
    evidence: str


def suggestions(session: Session, charger: Charger) -> Sequence[Suggestion]:
    """What to propose for a charger whose profile does not have it yet; nothing where a choice was made by hand."""
    if charger.quirks_choice is not None:
        return ()
    held = quirks_of(charger)
    found = []
    latest = session.scalars(
        select(Transaction)
        .where(Transaction.charger_id == charger.id, Transaction.state == TransactionState.ENDED)
        .order_by(Transaction.started_at.desc())
        .limit(LATEST)
    ).all()
    if held.meter.register is not Register.SESSION and (words := _restarts(session, latest)):
        found.append(Suggestion(quirks.profiles()["register-by-session"], words))
    if held.meter.energy_factor == 1 and (words := _too_small(session, latest)):
        found.append(Suggestion(quirks.profiles()["kwh-called-wh"], words))
    for key in ("cards-with-suffix", "cards-reversed"):
        profile = quirks.profiles()[key]
        if held.cards == quirks.NONE.cards and (words := _near_misses(session, latest, profile)):
            found.append(Suggestion(profile, words))
    return found


def _restarts(session: Session, latest: Sequence[Transaction]) -> str | None:
    """Sessions that began at a register to which their own readings never came near."""
    begun = [x for x in latest if (x.meter_start_wh or 0) > 0]
    highest = _highest(session, begun)
    low = [x for x in begun if x.id in highest and highest[x.id] < (x.meter_start_wh or 0)]
    if len(low) < ENOUGH or 2 * len(low) < len(begun):
        return None
    return told(
        "The energy in its meter values began again at 0 in %(count)s of its last %(total)s sessions.",
        count=len(low),
        total=len(begun),
    )


def _highest(session: Session, transactions: Sequence[Transaction]) -> dict[int, int]:
    query = (
        select(Reading.transaction_id, func.max(Reading.energy_wh))
        .where(
            Reading.transaction_id.in_([x.id for x in transactions]),
            Reading.energy_wh.is_not(None),
            func.coalesce(Reading.context, "").not_in(("Transaction.Begin", "Transaction.End")),
        )
        .group_by(Reading.transaction_id)
    )
    return {key: value for key, value in session.execute(query) if key is not None and value is not None}


def _too_small(session: Session, latest: Sequence[Transaction]) -> str | None:
    """Sessions in which the power that was measured would have given about a thousand times the energy."""
    query = (
        select(Reading.transaction_id, func.avg(Reading.power_w))
        .where(Reading.transaction_id.in_([x.id for x in latest]), Reading.power_w > PLAUSIBLE_W)
        .group_by(Reading.transaction_id)
    )
    powers = {key: float(value) for key, value in session.execute(query)}
    measured = [x for x in latest if x.id in powers and x.energy_wh is not None]
    small = [x for x in measured if 300 < _ratio(x, powers[x.id]) < 3_000]
    if len(small) < ENOUGH or 2 * len(small) < len(measured):
        return None
    return told(
        "In %(count)s of its last %(total)s sessions the power that it measured comes to about a thousand "
        "times the energy that it told.",
        count=len(small),
        total=len(measured),
    )


def _ratio(transaction: Transaction, power_w: float) -> float:
    until = transaction.ended_at or transaction.started_at
    hours = (until - transaction.started_at).total_seconds() / 3600
    return power_w * hours / max(transaction.energy_wh or 0, 1)


def _near_misses(session: Session, latest: Sequence[Transaction], profile: Profile) -> str | None:
    """Cards that nobody knows, and that somebody has once they are read as this profile reads them."""
    unknown = {x.id_tag for x in latest if x.id_tag and x.authorization is TokenStatus.INVALID}
    changed = {profile.cards.canonical(tag).casefold(): tag for tag in unknown}
    changed = {folded: tag for folded, tag in changed.items() if folded != tag.casefold()}
    if not changed:
        return None
    query = select(IdToken.uid_folded).where(IdToken.uid_folded.in_(changed))
    known = list(session.scalars(query))
    if not known:
        return None
    if len(known) == 1:
        return told("It has sent a card that nobody knows, and that is yours when it is read so.")
    return told(
        "It has sent %(count)s cards that nobody knows, and that are yours when they are read so.",
        count=len(known),
    )
