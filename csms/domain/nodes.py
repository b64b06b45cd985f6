"""Other machines that run this program, or one that speaks with it: who they are, and when they last said so."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address

from sqlalchemy import Integer, String, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from csms.domain.base import Base, BigId, Invalid, NotFound, announce

STALE_AFTER = timedelta(hours=24)
DEFAULT_PORT = 8000
TOPIC = "nodes"
_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")


class Node(Base):
    """One machine, by its name, matched without case."""

    __tablename__ = "node"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    hostname: Mapped[str] = mapped_column(String(120))
    hostname_folded: Mapped[str] = mapped_column(String(120), unique=True)
    address: Mapped[str] = mapped_column(String(253))
    port: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]

    def is_stale(self, at: datetime) -> bool:
        return self.last_seen_at < at - STALE_AFTER


def register(session: Session, *, hostname: str, address: str, port: object, at: datetime) -> Node:
    """Add a node, or tell that it is there still, perhaps elsewhere. Raises Invalid for what no machine is called."""
    hostname, address = hostname.strip(), address.strip()
    if len(hostname) > 120 or not _NAME.fullmatch(hostname):
        raise Invalid("A host name has letters, digits, hyphens and dots.", "hostname")
    described = {"hostname": hostname, "address": _checked(address), "port": _port(port), "last_seen_at": at}
    node = _known(session, hostname)
    if node is None:
        try:
            with session.begin_nested():
                node = Node(hostname_folded=hostname.casefold(), created_at=at, **described)
                session.add(node)
        except IntegrityError:  # it came twice at the same moment
            node = _known(session, hostname)
    if node is None:
        raise NotFound("The node has just been removed.")
    for name, value in described.items():
        setattr(node, name, value)
    session.flush()
    announce(session, TOPIC)
    return node


def remove(session: Session, node_id: int) -> Node:
    """Raises NotFound. A node that registers again comes back."""
    node = session.get(Node, node_id)
    if node is None:
        raise NotFound("There is no such node.")
    session.delete(node)
    announce(session, TOPIC)
    return node


def listed(session: Session, *, limit: int = 1000) -> Sequence[Node]:
    """All nodes by name."""
    return session.scalars(select(Node).order_by(Node.hostname_folded).limit(limit)).all()


def _known(session: Session, hostname: str) -> Node | None:
    return session.scalar(select(Node).where(Node.hostname_folded == hostname.casefold()))


def _checked(address: str) -> str:
    """An IP address, or a name that may stand for one; digits and dots that are no address are neither."""
    try:
        return str(ip_address(address))
    except ValueError:
        pass
    if len(address) > 253 or not _NAME.fullmatch(address) or not re.search("[A-Za-z]", address):
        raise Invalid("Write an IP address, or the name of a host.", "address")
    return address


def _port(given: object) -> int:
    text = str(given).strip()
    if not re.fullmatch("[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise Invalid("A port is a whole number from 1 to 65535.", "port")
    return int(text)
