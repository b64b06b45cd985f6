"""What a rule finds now."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from csms.domain import attention, dso, payments
from csms.domain.alerts.models import AlertKind, AlertRule
from csms.domain.attention import Item, Matter
from csms.domain.configuration import queries as configuration
from csms.domain.dso import Fate, SignalKind
from csms.domain.mail import Mail, MailState
from csms.domain.reports import Grouping, Wanted, figures
from csms.domain.webhooks import Webhook

USUAL_SUCCESS = 80  # per cent, where a rule says nothing
FEWEST_STARTS = 10  # fewer say nothing about a rate
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule is about. `path`: the page where it is looked at."""

    key: str
    title: str
    path: str
    since: datetime
    site_id: int | None = None


Finder = Callable[[Session, AlertRule, datetime], Iterator[Finding]]


def find(session: Session, rule: AlertRule, at: datetime) -> list[Finding]:
    """What lasts for long enough, at the rule's site if it has one."""
    latest = at - timedelta(minutes=rule.after_minutes)
    return [
        x
        for x in _FINDERS[rule.kind](session, rule, at)
        if x.since <= latest and rule.site_id in (None, x.site_id)
    ]


_MATTERS: Mapping[AlertKind, tuple[Matter, ...]] = {
    AlertKind.OFFLINE: (Matter.OFFLINE,),
    AlertKind.FAULTED: (Matter.FAULTED,),
    AlertKind.REFUSED: (Matter.REFUSED,),
    AlertKind.PENDING: (Matter.PENDING,),
    AlertKind.BOOT_LOOP: (Matter.BOOT_LOOP,),
    AlertKind.SECURITY: (Matter.SECURITY,),
    AlertKind.CERTIFICATE: (Matter.EXPIRING,),
    AlertKind.UNBILLED: (Matter.UNENDED, Matter.ORPHAN),
    AlertKind.DOUBTFUL: (Matter.DOUBTFUL,),
    AlertKind.SILENT: (Matter.SILENT,),
    AlertKind.TROUBLE: (Matter.TROUBLE,),
    AlertKind.PAYMENT: (Matter.PAYMENT,),
}
_WORDS = {
    Matter.OFFLINE: "{} cannot be reached",
    Matter.TROUBLE: "A driver says that {} does not react",
    Matter.PENDING: "{} wants to be let in",
    Matter.BOOT_LOOP: "{} boots again and again",
    Matter.SECURITY: "{} reports critical security events",
    Matter.EXPIRING: "{} connects with a certificate that ends soon",
}
_SESSIONS = {
    Matter.UNENDED: ("{} sessions ended without a stop, and are not billed", "/sessions/review"),
    Matter.ORPHAN: ("{} reports of sessions that nobody began here", "/sessions/review"),
    Matter.DOUBTFUL: ("{} sessions with figures to be looked at", "/sessions?state=ended"),
    Matter.SILENT: ("{} sessions still open at chargers that are not heard", "/sessions/review"),
}


def _matters(session: Session, rule: AlertRule, at: datetime) -> Iterator[Finding]:
    items: list[Item] | None = session.info.get("attention_items")
    if items is None:  # one look for all rules
        items = session.info["attention_items"] = attention.items(session, at=at, with_put_off=True)
    for item in items:
        if item.matter in _MATTERS[rule.kind]:
            yield _finding(item)


def _finding(item: Item) -> Finding:
    if item.attempt is not None:
        title = f"{item.attempt.identity or 'Somebody'} was sent away: {item.attempt.detail}"
        return Finding(item.key, title[:200], "/attempts", item.since)
    if item.payment is not None:
        charger, path = item.payment.charger, f"/payments/{item.payment.id}"
        title = f"A payment at {charger.title}: {item.payment.problem}"
        return Finding(item.key, title[:200], path, item.since, charger.site_id)
    if item.charger is None:
        words, path = _SESSIONS[item.matter]
        return Finding(item.key, words.format(item.count), path, item.since)
    charger = item.charger
    if item.connector is not None:
        words = f"Connector {item.connector.evse_number} of {charger.title} is out of order"
        title = f"{words}: {item.connector.error_code}" if item.connector.error_code else words
    else:
        title = _WORDS[item.matter].format(charger.title)
    return Finding(item.key, title[:200], f"/chargers/{charger.id}", item.since, charger.site_id)


def _drift(session: Session, rule: AlertRule, at: datetime) -> Iterator[Finding]:
    del rule
    for one in configuration.drifted(session, at=at)[0]:
        keys = ", ".join(x.wish.name for x in one.items[:5])
        title = f"{one.charger.title} is not configured as wanted: {keys}"
        path = f"/chargers/{one.charger.id}/configuration"
        # Since when is not known: it is told as soon as it is seen.
        yield Finding(
            f"drift-{one.charger.id}", title[:200], path, one.charger.created_at, one.charger.site_id
        )


def _low_success(session: Session, rule: AlertRule, at: datetime) -> Iterator[Finding]:
    line = figures(session, _day(rule, at), at=at).total
    least = rule.threshold or USUAL_SUCCESS
    starts = line.sessions + line.failed_starts
    if line.success is not None and starts >= FEWEST_STARTS and line.success * 100 < least:
        title = f"Of {starts} starts in a day {line.success * 100:.0f} % succeeded, fewer than {least} %"
        yield Finding("success", title, "/reports", at - DAY, rule.site_id)


def _day(rule: AlertRule, at: datetime) -> Wanted:
    sites = None if rule.site_id is None else [rule.site_id]
    return Wanted(at - DAY, at, Grouping.SITE, ZoneInfo("UTC"), site_ids=sites)


def _grid_limit(session: Session, rule: AlertRule, at: datetime) -> Iterator[Finding]:
    del rule
    for signal in dso.active(session, at):
        if signal.kind is SignalKind.CAPACITY:
            for one in dso.at_chargers(session, signal, at):
                if one.fate is Fate.FAILED:
                    title = f"{one.charger.title} does not keep to the limit of the grid: {one.why}"
                    key = f"grid-{signal.id}-{one.charger.id}"
                    yield Finding(key, title[:200], "/grid", signal.created_at, one.charger.site_id)


def _mail(session: Session, rule: AlertRule, at: datetime) -> Iterator[Finding]:
    del rule
    query = select(func.count(), func.min(Mail.created_at)).where(
        Mail.state == MailState.FAILED, Mail.created_at > at - DAY
    )
    count, since = session.execute(query).one()
    if count and since:
        yield Finding("mail", f"{count} mails could not be sent", "/settings/mail", since)


def _payments(session: Session, rule: AlertRule, at: datetime) -> Iterator[Finding]:
    """Payments that failed or wait for a person, and a provider that does not answer."""
    yield from _matters(session, rule, at)
    provider = payments.Settings.of(session)
    if provider.down_since is not None:
        title = f"The payment provider does not answer: {provider.down_detail}"
        yield Finding("payment-provider", title[:200], "/settings/payments", provider.down_since)


def _webhook(session: Session, rule: AlertRule, at: datetime) -> Iterator[Finding]:
    del rule, at
    for one in session.scalars(select(Webhook).where(Webhook.failing_since.is_not(None))):
        words = "is switched off" if not one.is_enabled else "fails"
        title = f"The webhook {one.name} {words}: {one.off_why or f'{one.failures} tries in a row'}"
        if one.failing_since is not None:
            yield Finding(f"webhook-{one.id}", title[:200], f"/webhooks/{one.id}", one.failing_since)


_FINDERS: Mapping[AlertKind, Finder] = {
    **dict.fromkeys(_MATTERS, _matters),
    AlertKind.DRIFT: _drift,
    AlertKind.LOW_SUCCESS: _low_success,
    AlertKind.GRID_LIMIT: _grid_limit,
    AlertKind.MAIL: _mail,
    AlertKind.WEBHOOK: _webhook,
    AlertKind.PAYMENT: _payments,
}
