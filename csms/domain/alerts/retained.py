"""What MQTT brokers retain of alerts: cleared where the rule that raised them, or the channel, goes."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain.alerts.models import Alert, AlertChannel, AlertMessage, ChannelKind
from csms.domain.webhooks import DeliveryState

NOTHING = ""  # as a retained message: the broker forgets the topic
# Longer than a try that is under way: what it leaves at the broker is cleared as well.
AFTER = timedelta(seconds=15)


def topic_of(rule_id: int, identity: str | None, key: str) -> str:
    """Where an alert stands below a channel's prefix."""
    return f"{rule_id}/{quote(identity, safe=' ') if identity else '-'}/{key}"


def clear(
    session: Session, channels: Iterable[AlertChannel], rule_ids: Iterable[int], *, at: datetime
) -> None:
    """Have the brokers among these channels forget all that they were told of these rules."""
    brokers = [x for x in channels if x.kind is ChannelKind.MQTT]
    if not brokers:
        return
    told = select(Alert.rule_id, Alert.identity, Alert.key).where(
        Alert.rule_id.in_(tuple(rule_ids)), Alert.told_at.is_not(None)
    )
    topics = sorted({topic_of(*x) for x in session.execute(told)})
    for channel in brokers:
        session.add_all(_clearing(channel, topic, at) for topic in topics)


def _clearing(channel: AlertChannel, topic: str, at: datetime) -> AlertMessage:
    return AlertMessage(
        channel=channel,
        topic=topic,
        body=NOTHING,
        state=DeliveryState.QUEUED,
        attempts=0,
        due_at=at + AFTER,
        created_at=at,
    )
