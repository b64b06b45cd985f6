"""What a rule finds now."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from csms.domain import attention, dso, forwarding, payments, roaming
from csms.domain.alerts.models import AlertKind, AlertRule
from csms.domain.attention import Item, Matter
from csms.domain.chargers import Attempt, Charger, Connector
from csms.domain.configuration import queries as configuration
from csms.domain.dso import Fate, SignalKind
from csms.domain.mail import Mail, MailState
from csms.domain.reports import Grouping, Wanted, figures
from csms.domain.webhooks import Webhook
from csms.sentences import gettext_noop, told

USUAL_SUCCESS = 80  # per cent, where a rule says nothing
FEWEST_STARTS = 10  # fewer say nothing about a rate
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule is about. `path`: the page where it is looked at; `identity`: of its charger, if of one."""

    key: str
    title: str
    path: str
    since: datetime
    site_id: int | None = None
    identity: str | None = None


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
    Matter.OFFLINE: gettext_noop("%(charger)s cannot be reached"),
    Matter.TROUBLE: gettext_noop("A driver says that %(charger)s does not react"),
    Matter.PENDING: gettext_noop("%(charger)s wants to be let in"),
    Matter.BOOT_LOOP: gettext_noop("%(charger)s boots again and again"),
    Matter.SECURITY: gettext_noop("%(charger)s reports critical security events"),
    Matter.EXPIRING: gettext_noop("%(charger)s connects with a certificate that ends soon"),
}
_SESSIONS = {
    Matter.UNENDED: (
        gettext_noop("%(count)s sessions ended without a stop, and are not billed"),
        "/sessions/review",
    ),
    Matter.ORPHAN: (gettext_noop("%(count)s reports of sessions that nobody began here"), "/sessions/review"),
    Matter.DOUBTFUL: (
        gettext_noop("%(count)s sessions with figures to be looked at"),
        "/sessions?state=ended",
    ),
    Matter.SILENT: (
        gettext_noop("%(count)s sessions still open at chargers that are not heard"),
        "/sessions/review",
    ),
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
        title = _sent_away(item.attempt)
        return Finding(item.key, title[:200], "/attempts", item.since)
    if item.payment is not None:
        charger, path = item.payment.charger, f"/payments/{item.payment.id}"
        if charger is None:
            title = told("A payment for credit: %(problem)s", problem=item.payment.problem)
            return Finding(item.key, title[:200], path, item.since)
        title = told(
            "A payment at %(charger)s: %(problem)s", charger=charger.title, problem=item.payment.problem
        )
        return Finding(item.key, title[:200], path, item.since, charger.site_id, charger.identity)
    if item.charger is None:
        words, path = _SESSIONS[item.matter]
        return Finding(item.key, words % {"count": item.count}, path, item.since)
    charger = item.charger
    if item.connector is not None:
        title = _out_of_order(charger, item.connector)
    else:
        title = _WORDS[item.matter] % {"charger": charger.title}
    path = f"/chargers/{charger.id}"
    return Finding(item.key, title[:200], path, item.since, charger.site_id, charger.identity)


def _sent_away(attempt: Attempt) -> str:
    if attempt.identity:
        return told("%(identity)s was sent away: %(why)s", identity=attempt.identity, why=attempt.detail)
    return told("Somebody was sent away: %(why)s", why=attempt.detail)


def _out_of_order(charger: Charger, connector: Connector) -> str:
    number, code = connector.evse_number, connector.error_code
    if code:
        return told(
            "Connector %(number)s of %(charger)s is out of order: %(code)s",
            number=number,
            charger=charger.title,
            code=code,
        )
    return told("Connector %(number)s of %(charger)s is out of order", number=number, charger=charger.title)


def _drift(session: Session, rule: AlertRule, at: datetime) -> Iterator[Finding]:
    del rule
    for one in configuration.drifted(session, at=at)[0]:
        keys = ", ".join(x.wish.name for x in one.items[:5])
        title = told(
            "%(charger)s is not configured as wanted: %(keys)s", charger=one.charger.title, keys=keys
        )
        path = f"/chargers/{one.charger.id}/configuration"
        # Since when is not known: it is told as soon as it is seen.
        yield Finding(
            f"drift-{one.charger.id}",
            title[:200],
            path,
            one.charger.created_at,
            one.charger.site_id,
            one.charger.identity,
        )


def _low_success(session: Session, rule: AlertRule, at: datetime) -> Iterator[Finding]:
    line = figures(session, _day(rule, at), at=at).total
    least = rule.threshold or USUAL_SUCCESS
    starts = line.sessions + line.failed_starts
    if line.success is not None and starts >= FEWEST_STARTS and line.success * 100 < least:
        title = told(
            "Of %(starts)s starts in a day %(share)s %% succeeded, fewer than %(least)s %%",
            starts=starts,
            share=f"{line.success * 100:.0f}",
            least=least,
        )
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
                    title = told(
                        "%(charger)s does not keep to the limit of the grid: %(why)s",
                        charger=one.charger.title,
                        why=one.why,
                    )
                    key = f"grid-{signal.id}-{one.charger.id}"
                    charger = one.charger
                    yield Finding(
                        key, title[:200], "/grid", signal.created_at, charger.site_id, charger.identity
                    )


def _mail(session: Session, rule: AlertRule, at: datetime) -> Iterator[Finding]:
    del rule
    query = select(func.count(), func.min(Mail.created_at)).where(
        Mail.state == MailState.FAILED, Mail.created_at > at - DAY
    )
    count, since = session.execute(query).one()
    if count and since:
        title = told("%(count)s mails could not be sent", count=count)
        yield Finding("mail", title, "/settings/mail", since)


def _payments(session: Session, rule: AlertRule, at: datetime) -> Iterator[Finding]:
    """Payments that failed or wait for a person, and a provider that does not answer."""
    yield from _matters(session, rule, at)
    provider = payments.Settings.of(session)
    if provider.down_since is not None:
        title = told("The payment provider does not answer: %(why)s", why=provider.down_detail)
        yield Finding("payment-provider", title[:200], "/settings/payments", provider.down_since)


def _webhook(session: Session, rule: AlertRule, at: datetime) -> Iterator[Finding]:
    del rule, at
    for one in session.scalars(select(Webhook).where(Webhook.failing_since.is_not(None))):
        if one.failing_since is not None:
            title = _failing(one)[:200]
            yield Finding(f"webhook-{one.id}", title, f"/webhooks/{one.id}", one.failing_since)


def _failing(one: Webhook) -> str:
    if one.off_why:
        return told("The webhook %(name)s is switched off: %(why)s", name=one.name, why=one.off_why)
    return told("The webhook %(name)s fails: %(count)s tries in a row", name=one.name, count=one.failures)


def _peer(session: Session, rule: AlertRule, at: datetime) -> Iterator[Finding]:
    del rule, at
    for one in roaming.failing(session):
        if one.failing_since is not None:
            title = told("%(name)s cannot be told by OCPI: %(why)s", name=one.name, why=one.last_error or "–")
            yield Finding(f"peer-{one.id}", title[:200], f"/integrations/ocpi/{one.id}", one.failing_since)


def _forwarding(session: Session, rule: AlertRule, at: datetime) -> Iterator[Finding]:
    del rule, at
    for one in forwarding.away(session):
        if one.away_since is not None:
            charger = one.charger
            title = told(
                "The second backend of %(charger)s cannot be reached: %(why)s",
                charger=charger.title,
                why=one.detail or "–",
            )
            path = f"/chargers/{charger.id}/second-backend"
            key = f"forwarding-{charger.id}"
            yield Finding(key, title[:200], path, one.away_since, charger.site_id, charger.identity)


_FINDERS: Mapping[AlertKind, Finder] = {
    **dict.fromkeys(_MATTERS, _matters),
    AlertKind.DRIFT: _drift,
    AlertKind.LOW_SUCCESS: _low_success,
    AlertKind.GRID_LIMIT: _grid_limit,
    AlertKind.MAIL: _mail,
    AlertKind.WEBHOOK: _webhook,
    AlertKind.PEER: _peer,
    AlertKind.FORWARDING: _forwarding,
    AlertKind.PAYMENT: _payments,
}
