"""Rules, what they raise, and what of it is to be told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Select, and_, delete, or_, select
from sqlalchemy.orm import Session, joinedload

from csms.domain import sites
from csms.domain.alerts import channels, retained
from csms.domain.alerts.channels import TOPIC
from csms.domain.alerts.finding import find
from csms.domain.alerts.models import Alert, AlertKind, AlertRule
from csms.domain.base import Invalid, NotFound, Refused, announce, is_mail_address

STEADY_FOR = timedelta(minutes=3)  # so long must something be over before its end is told: it may come again
MOST_ADDRESSES = 10
LONGEST_WAIT = 7 * 24 * 60
DAY_MINUTES = 24 * 60
LONGEST_SNOOZE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a rule is to be."""

    name: str
    kind: AlertKind
    after_minutes: int = 0
    threshold: int | None = None
    site_id: int | None = None
    mail_to: tuple[str, ...] = ()
    channel_ids: tuple[int, ...] = ()
    quiet_from: int | None = None
    quiet_until: int | None = None
    is_enabled: bool = True

    def check(self, session: Session) -> None:
        """Raises Invalid and NotFound."""
        if not 0 < len(self.name.strip()) <= 80 or not self.name.isprintable():
            raise Invalid("Give the rule a name of at most 80 characters.", "name")
        if not 0 <= self.after_minutes <= LONGEST_WAIT:
            raise Invalid("Between no minute and a week.", "after_minutes")
        if self.threshold is not None and not 1 <= self.threshold <= 100:
            raise Invalid("A share is between 1 and 100 per cent.", "threshold")
        if len(self.mail_to) > MOST_ADDRESSES or not all(is_mail_address(x) for x in self.mail_to):
            raise Invalid(
                "Write at most %(most_addresses)s e-mail addresses, with commas between.",
                "mail_to",
                most_addresses=MOST_ADDRESSES,
            )
        if len(channels.named(session, self.channel_ids)) != len(self.channel_ids):
            raise Invalid("There is no such channel.", "channel_ids")
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise Invalid("Quiet hours have a beginning and an end.", "quiet_until")
        if any(x is not None and not 0 <= x < DAY_MINUTES for x in (self.quiet_from, self.quiet_until)):
            raise Invalid("There is no such time of the day.", "quiet_from")
        if self.site_id is not None:
            sites.get(session, self.site_id)


def add(session: Session, wish: Wish, *, by: str | None, at: datetime) -> AlertRule:
    """Raises Invalid and NotFound."""
    rule = AlertRule(created_by=by, created_at=at)
    _fill(session, rule, wish)
    session.add(rule)
    session.flush()
    return rule


def change(session: Session, rule: AlertRule, wish: Wish, *, at: datetime) -> None:
    """Raises Invalid and NotFound. A rule about something else begins anew; channels that it leaves are cleared."""
    is_other = rule.kind is not wish.kind
    left = [x for x in rule.channel_ids if is_other or x not in wish.channel_ids]
    retained.clear(session, channels.named(session, left), [rule.id], at=at)
    if is_other:
        session.execute(delete(Alert).where(Alert.rule_id == rule.id, Alert.open_key.is_not(None)))
    _fill(session, rule, wish)


def _fill(session: Session, rule: AlertRule, wish: Wish) -> None:
    wish.check(session)
    rule.name, rule.kind, rule.is_enabled = wish.name.strip(), wish.kind, wish.is_enabled
    rule.after_minutes, rule.threshold, rule.site_id = wish.after_minutes, wish.threshold, wish.site_id
    rule.mail_to, rule.channel_ids = list(wish.mail_to), list(wish.channel_ids)
    rule.quiet_from, rule.quiet_until = wish.quiet_from, wish.quiet_until
    announce(session, TOPIC)


def remove(session: Session, rule: AlertRule, *, at: datetime) -> None:
    """Forget a rule, with what it has raised, also at the brokers that were told."""
    retained.clear(session, channels.named(session, rule.channel_ids), [rule.id], at=at)
    session.execute(delete(Alert).where(Alert.rule_id == rule.id))
    session.delete(rule)
    announce(session, TOPIC)


def look(session: Session, at: datetime) -> int:
    """Raise what is new, and end what is over. What comes again before its end was told is the same alert."""
    found_any = session.scalars(select(AlertRule).order_by(AlertRule.id)).all()
    return sum(_look(session, rule, at) for rule in found_any)


def _look(session: Session, rule: AlertRule, at: datetime) -> int:
    found = {x.key: x for x in find(session, rule, at)} if rule.is_enabled else {}
    untold = or_(Alert.open_key.is_not(None), Alert.recovered_at.is_not(None) & Alert.ended_told_at.is_(None))
    known = session.scalars(
        select(Alert)
        .where(
            Alert.rule_id == rule.id,
            untold,
            Alert.recovered_at.is_(None) | (Alert.recovered_at > at - STEADY_FOR),
        )
        .order_by(Alert.id)
    ).all()
    latest = {x.key: x for x in known}
    count = 0
    for key, one in found.items():
        alert = latest.get(key)
        if alert is None:
            session.add(
                Alert(
                    rule_id=rule.id,
                    open_key=key,
                    key=key,
                    title=one.title,
                    path=one.path,
                    identity=one.identity,
                    since=one.since,
                    raised_at=at,
                )
            )
        elif alert.open_key is None:
            alert.open_key, alert.recovered_at, alert.title = key, None, one.title
        else:
            alert.title = one.title
            continue
        count += 1
    for key, alert in latest.items():
        if alert.open_key is not None and key not in found:
            alert.open_key, alert.recovered_at = None, at
            count += 1
    if count:
        session.flush()
        announce(session, TOPIC)
    return count


def to_tell(session: Session, at: datetime, zone: ZoneInfo) -> tuple[list[Alert], list[Alert]]:
    """(alerts that nobody was told of, or that were put off and still last, told ones that have been over for long
    enough), outside quiet hours.
    """
    query = select(Alert).options(joinedload(Alert.rule)).order_by(Alert.id)
    is_due = or_(Alert.snoozed_until <= at, and_(Alert.snoozed_until.is_(None), Alert.told_at.is_(None)))
    new = query.where(Alert.open_key.is_not(None), is_due)
    over = query.where(
        Alert.told_at.is_not(None), Alert.ended_told_at.is_(None), Alert.recovered_at <= at - STEADY_FOR
    )
    return tuple(  # type: ignore[return-value]
        [x for x in session.scalars(wanted) if not is_quiet(x.rule, at, zone)] for wanted in (new, over)
    )


def is_quiet(rule: AlertRule, at: datetime, zone: ZoneInfo) -> bool:
    """Is it the rule's quiet hours on the clocks of `zone`?"""
    begin, end = rule.quiet_from, rule.quiet_until
    if begin is None or end is None or begin == end:
        return False
    local = at.astimezone(zone)
    minute = local.hour * 60 + local.minute
    return begin <= minute < end if begin < end else minute >= begin or minute < end


def note_told(alert: Alert, *, at: datetime) -> None:
    """Somebody was told of it, or of its end."""
    if alert.open_key is not None:
        alert.told_at, alert.snoozed_until = at, None
    else:
        alert.ended_told_at = at


def acknowledge(session: Session, alert: Alert, *, by: str | None, at: datetime) -> None:
    """Somebody has it in hand: everybody sees who. Raises Refused when it is over."""
    _demand_lasting(alert)
    alert.acknowledged_at, alert.acknowledged_by = at, by
    announce(session, TOPIC)


def snooze(session: Session, alert: Alert, *, until: datetime | None, at: datetime) -> None:
    """Tell nobody of it until then; None: as if it had never been put off.

    Raises Refused when it is over, Invalid for a moment that is past or more than LONGEST_SNOOZE away.
    """
    _demand_lasting(alert)
    if until is not None and not at < until <= at + LONGEST_SNOOZE:
        raise Invalid("Put it off for a week at most.", "until")
    alert.snoozed_until = until
    announce(session, TOPIC)


def _demand_lasting(alert: Alert) -> None:
    if alert.open_key is None:
        raise Refused("It is over.")


def alert(session: Session, alert_id: int) -> Alert:
    """Raises NotFound."""
    found = session.get(Alert, alert_id)
    if found is None:
        raise NotFound("There is no such alert.")
    return found


def get(session: Session, rule_id: int) -> AlertRule:
    """Raises NotFound."""
    found = session.get(AlertRule, rule_id)
    if found is None:
        raise NotFound("There is no such rule.")
    return found


def rules(session: Session) -> Sequence[AlertRule]:
    """All rules by name."""
    return session.scalars(select(AlertRule).order_by(AlertRule.name, AlertRule.id)).all()


def listed(*, is_open: bool | None = None) -> Select[Alert]:
    query = select(Alert).options(joinedload(Alert.rule))
    if is_open is None:
        return query
    return query.where(Alert.open_key.is_not(None) if is_open else Alert.open_key.is_(None))


def open_alerts(session: Session) -> Sequence[Alert]:
    """What lasts, the newest first."""
    return session.scalars(listed(is_open=True).order_by(Alert.id.desc())).all()


def past(session: Session, limit: int = 50) -> Sequence[Alert]:
    """What is over, the newest first."""
    return session.scalars(listed(is_open=False).order_by(Alert.recovered_at.desc()).limit(limit)).all()
