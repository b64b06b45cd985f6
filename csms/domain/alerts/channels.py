"""Channels for alerts: ntfy topics and MQTT brokers, what waits for them, and what became of it."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.orm import Session, joinedload

from csms.domain.alerts import retained
from csms.domain.alerts.models import Alert, AlertChannel, AlertMessage, AlertRule, ChannelKind
from csms.domain.base import RETRIES, Invalid, NotFound, announce, printable, take_due
from csms.domain.webhooks import DeliveryState

TOPIC = "alerts"
TEST = "test"  # the topic of a test
CLAIMED_FOR = timedelta(minutes=2)  # one whose sender died meanwhile is due again: perhaps twice, never lost
NTFY_TOPIC = re.compile("[-_A-Za-z0-9]{1,64}")


@dataclass(frozen=True, slots=True)
class ChannelWish:
    """What a channel is to be. `user` and `topic_prefix`: of MQTT."""

    name: str
    kind: ChannelKind
    url: str
    user: str = ""
    topic_prefix: str = ""

    def checked(self) -> "ChannelWish":
        """It without what its kind does not have. Raises Invalid."""
        name, url = self.name.strip(), self.url.strip()
        if not 0 < len(name) <= 80 or not name.isprintable():
            raise Invalid("Give it a name of at most 80 characters.", "name")
        if self.kind is ChannelKind.NTFY:
            return ChannelWish(name, self.kind, _ntfy_url(url))
        user, prefix = self.user.strip(), self.topic_prefix.strip().strip("/")
        if len(user) > 120 or not user.isprintable():
            raise Invalid("A user has at most 120 characters.", "user")
        if (
            not 0 < len(prefix) <= 120
            or not prefix.isprintable()
            or set(prefix) & set("+#")
            or prefix[0] == "$"
        ):
            raise Invalid("Write a topic such as amberline/alerts, without + and #.", "topic_prefix")
        return ChannelWish(name, self.kind, _broker_url(url), user, prefix)


def _ntfy_url(url: str) -> str:
    """Raises Invalid."""
    if _fits(url, ("http", "https")) and NTFY_TOPIC.fullmatch(urlsplit(url).path.rpartition("/")[2]):
        return url
    raise Invalid("Write the address of a topic, such as https://ntfy.sh/my-topic.", "url")


def _broker_url(url: str) -> str:
    """Raises Invalid."""
    if _fits(url, ("mqtt", "mqtts")) and urlsplit(url).path in ("", "/"):
        return url
    raise Invalid("Write an address such as mqtts://broker.example.org:8883.", "url")


def _fits(url: str, schemes: Collection[str]) -> bool:
    try:
        parts = urlsplit(url)
        fits = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    is_bare = "@" not in parts.netloc and not parts.query and not parts.fragment
    return fits and is_bare and len(url) <= 500 and url.isascii() and url.isprintable() and " " not in url


def checked_secret(secret: str) -> str:
    """Raises Invalid for what no header may hold."""
    if len(secret) > 200 or not secret.isprintable():
        raise Invalid("At most 200 characters.", "secret")
    return secret


def add(
    session: Session, wish: ChannelWish, *, secret_sealed: str | None, by: str | None, at: datetime
) -> AlertChannel:
    """A new channel, of which no rule knows yet. Raises Invalid."""
    channel = AlertChannel(kind=wish.kind, secret_sealed=secret_sealed, created_by=by, created_at=at)
    _fill(channel, wish.checked())
    session.add(channel)
    session.flush()
    announce(session, TOPIC)
    return channel


def change(
    session: Session, channel: AlertChannel, wish: ChannelWish, *, secret_sealed: str | None, at: datetime
) -> None:
    """Raises Invalid. Without a new secret the old one stays, but not for another address or another user.

    What an MQTT broker retains at the place that is left is cleared.
    """
    wish = wish.checked()
    before = channel.url, channel.user
    is_moved = (channel.url, channel.topic_prefix) != (wish.url, wish.topic_prefix or None)
    if is_moved and channel.kind is ChannelKind.MQTT:
        left = ("kind", "name", "url", "user", "secret_sealed", "topic_prefix", "created_by", "created_at")
        _leave(session, AlertChannel(**{x: getattr(channel, x) for x in left}), channel.id, at=at)
    _fill(channel, wish)
    if secret_sealed or before != (channel.url, channel.user):
        channel.secret_sealed = secret_sealed
    announce(session, TOPIC)


def _fill(channel: AlertChannel, wish: ChannelWish) -> None:
    channel.name, channel.url = wish.name, wish.url
    channel.user, channel.topic_prefix = wish.user or None, wish.topic_prefix or None


def remove(session: Session, channel: AlertChannel, *, at: datetime) -> None:
    """Forget it, with what waits for it; rules name it no more. What an MQTT broker retains of it is cleared."""
    session.execute(delete(AlertMessage).where(AlertMessage.channel_id == channel.id))
    if channel.kind is ChannelKind.MQTT:
        _leave(session, channel, channel.id, at=at)
    else:
        session.delete(channel)
    for rule in _naming(session, channel.id):
        rule.channel_ids = [x for x in rule.channel_ids if x != channel.id]
    announce(session, TOPIC)


def _leave(session: Session, channel: AlertChannel, channel_id: int, *, at: datetime) -> None:
    """`channel` is nobody's any more: it stays until what it retains of the rules of `channel_id` is cleared."""
    channel.removed_at = at
    session.add(channel)
    retained.clear(session, [channel], [x.id for x in _naming(session, channel_id)], at=at)


def _naming(session: Session, channel_id: int) -> list[AlertRule]:
    return [x for x in session.scalars(select(AlertRule)) if channel_id in x.channel_ids]


def get(session: Session, channel_id: int) -> AlertChannel:
    """Raises NotFound."""
    found = session.get(AlertChannel, channel_id)
    if found is None or found.removed_at is not None:
        raise NotFound("There is no such channel.")
    return found


def listed(session: Session) -> Sequence[AlertChannel]:
    """All channels by name."""
    query = select(AlertChannel).where(AlertChannel.removed_at.is_(None))
    return session.scalars(query.order_by(AlertChannel.name, AlertChannel.id)).all()


def named(session: Session, channel_ids: Collection[int]) -> Sequence[AlertChannel]:
    """Those of them that there are."""
    if not channel_ids:
        return ()
    query = select(AlertChannel).where(AlertChannel.id.in_(channel_ids), AlertChannel.removed_at.is_(None))
    return session.scalars(query.order_by(AlertChannel.id)).all()


def queue(
    session: Session, channel: AlertChannel, alert: Alert | None, topic: str, body: str, *, at: datetime
) -> AlertMessage:
    """Have `body` sent; `alert` None: a test. What waits about the same is not sent any more."""
    older = update(AlertMessage).where(
        AlertMessage.channel_id == channel.id, AlertMessage.topic == topic, AlertMessage.due_at.is_not(None)
    )
    session.execute(older.values(state=DeliveryState.DROPPED, due_at=None, settled_at=at))
    message = AlertMessage(
        channel_id=channel.id,
        alert_id=alert.id if alert else None,
        topic=topic,
        body=body,
        state=DeliveryState.QUEUED,
        attempts=0,
        due_at=at,
        created_at=at,
    )
    session.add(message)
    session.flush()
    announce(session, TOPIC)
    return message


def due(session: Session, at: datetime, *, limit: int = 50) -> Sequence[AlertMessage]:
    """What is to be sent now, the oldest first."""
    query = select(AlertMessage).where(AlertMessage.due_at <= at).options(joinedload(AlertMessage.channel))
    return session.scalars(query.order_by(AlertMessage.due_at, AlertMessage.id).limit(limit)).all()


def claim(session: Session, message: AlertMessage, *, at: datetime) -> bool:
    """True for one sender, in however many processes."""
    if not take_due(session, message, AlertMessage.due_at, at + CLAIMED_FOR):
        return False
    message.attempts += 1
    return True


def settle(session: Session, message_id: int, problem: str | None, *, at: datetime) -> None:
    """What came of a try; `problem` None: it was delivered. A failed one is tried again, a test is not."""
    message = session.get(AlertMessage, message_id)
    if message is None:  # its channel is gone
        return
    problem = printable(problem, 300)
    message.answer = message.channel.answer = problem
    message.channel.tried_at = at
    announce(session, TOPIC)
    if problem is None:
        message.state, message.due_at, message.settled_at = DeliveryState.DELIVERED, None, at
    elif message.due_at is None:  # something newer has taken its place meanwhile
        return
    elif message.topic == TEST or message.attempts > len(RETRIES):
        message.state, message.due_at, message.settled_at = DeliveryState.FAILED, None, at
    else:
        message.due_at = at + RETRIES[message.attempts - 1]


def troubles(session: Session, alerts: Collection[Alert]) -> dict[int, list[AlertMessage]]:
    """Of each of the alerts, by its id, what a channel was not told, or not yet, for a reason."""
    if not alerts:
        return {}
    query = (
        select(AlertMessage)
        .where(AlertMessage.alert_id.in_([x.id for x in alerts]), AlertMessage.answer.is_not(None))
        .options(joinedload(AlertMessage.channel))
        .order_by(AlertMessage.id)
    )
    found: dict[int, list[AlertMessage]] = {}
    for message in session.scalars(query):
        if message.alert_id is not None:
            found.setdefault(message.alert_id, []).append(message)
    return found


def forget(session: Session, before: datetime) -> int:
    """Delete messages of which nothing more is to be done and that are older, and cleared channels."""
    waiting = select(AlertMessage.channel_id).where(AlertMessage.due_at.is_not(None))
    gone = select(AlertChannel.id).where(
        AlertChannel.removed_at.is_not(None), AlertChannel.id.not_in(waiting)
    )
    channel_ids = session.scalars(gone).all()
    is_old = and_(AlertMessage.due_at.is_(None), AlertMessage.created_at < before)
    old = delete(AlertMessage).where(or_(is_old, AlertMessage.channel_id.in_(channel_ids)))
    count: int = session.execute(old).rowcount  # type: ignore[attr-defined]
    session.execute(delete(AlertChannel).where(AlertChannel.id.in_(channel_ids)))
    return count
