"""Chargers in software that somebody has set up: what each of them does, whether it is to run, and who runs it.

A process that runs one holds a claim on it, which it renews; so among several processes each runs once. The charger
itself is none of the domain's business.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Integer, String, Text, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from csms.domain import chargers
from csms.domain.base import Base, BigId, Invalid, NotFound, Refused, announce, printable
from csms.domain.chargers import Admission, AuthorizationPolicy
from csms.sentences import told

TOPIC = "simulators"
CLAIMED_FOR = timedelta(seconds=30)
RENEWED_BEFORE = timedelta(seconds=15)
LONGEST_S = 7 * 24 * 3600
MOST_KWH = Decimal(10_000)
OWN_HOSTS = ("127.0.0.1", "localhost", "::1")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|[0-9A-Fa-f:.]{2,45}")
_PATH = re.compile(r"/?([A-Za-z0-9_.~%-]+/)*[A-Za-z0-9_.~-]{1,48}/?")


@dataclass(frozen=True)
class Recipe:
    """What a simulated charger does. `duration`, `interval` and `pre_charge_delay` in seconds.

    `cp_path` is the path of its websocket, whose last part is its identity; `ws_port` None is the scheme's own.
    """

    name: str
    cp_path: str = "CPX/"
    host: str = "127.0.0.1"
    ws_port: int | None = 8000
    rfid: str = "FFFFFFFF"
    duration: int = 600
    kwh_min: Decimal = Decimal(30)
    kwh_max: Decimal = Decimal(60)
    interval: int = 5
    pre_charge_delay: int = 0
    repeat: bool = False
    username: str | None = None
    autostart: bool = True

    @property
    def identity(self) -> str:
        return self.cp_path.strip("/").rpartition("/")[2]

    def check(self) -> None:
        """Raises Invalid for what no charger could do."""
        if not 1 <= len(self.name) <= 80 or not self.name.isprintable():
            raise Invalid("A name has 1 to 80 characters.", "name")
        if len(self.cp_path) > 200 or not _PATH.fullmatch(self.cp_path):
            raise Invalid("The path ends with an identity of 1 to 48 letters, digits and - _ . ~", "cp_path")
        if not _HOST.fullmatch(self.host):
            raise Invalid("Write an IP address, or the name of a host.", "host")
        if self.ws_port is not None and not 1 <= self.ws_port <= 65535:
            raise Invalid("A port is a whole number from 1 to 65535.", "ws_port")
        if not 1 <= len(self.rfid) <= 20 or not self.rfid.isascii() or not self.rfid.isprintable():
            raise Invalid("A card's number has 1 to 20 characters.", "rfid")
        if self.username is not None and (":" in self.username or not 1 <= len(self.username) <= 80):
            raise Invalid("A user's name has 1 to 80 characters, and no colon.", "username")
        self._check_figures()

    def _check_figures(self) -> None:
        for field, least in (("duration", 1), ("interval", 1), ("pre_charge_delay", 0)):
            if not least <= getattr(self, field) <= LONGEST_S:
                raise Invalid(
                    "Write whole seconds from %(least)s to %(longest_s)s.",
                    field,
                    least=least,
                    longest_s=LONGEST_S,
                )
        if not 0 < self.kwh_min <= MOST_KWH:
            raise Invalid("Write kWh, more than 0.", "kwh_min")
        if not self.kwh_min <= self.kwh_max <= MOST_KWH:
            raise Invalid("This is at least the lesser energy.", "kwh_max")


class Simulator(Base):
    """One simulated charger. `is_on`: it is to run. `password_sealed`: as the door has sealed it."""

    __tablename__ = "simulator"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    identity_folded: Mapped[str] = mapped_column(String(48), unique=True)
    cp_path: Mapped[str] = mapped_column(String(200))
    host: Mapped[str] = mapped_column(String(253))
    ws_port: Mapped[int | None] = mapped_column(Integer)
    rfid: Mapped[str] = mapped_column(String(20))
    duration: Mapped[int] = mapped_column(Integer)
    kwh_min: Mapped[Decimal]
    kwh_max: Mapped[Decimal]
    interval: Mapped[int] = mapped_column(Integer)
    pre_charge_delay: Mapped[int] = mapped_column(Integer)
    repeat: Mapped[bool]
    username: Mapped[str | None] = mapped_column(String(80))
    password_sealed: Mapped[str | None] = mapped_column(Text)
    autostart: Mapped[bool]
    is_on: Mapped[bool] = mapped_column(default=False)
    claimed_by: Mapped[str | None] = mapped_column(String(64))
    claimed_until: Mapped[datetime | None]
    detail: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime]

    @property
    def recipe(self) -> Recipe:
        return Recipe(**{name: getattr(self, name) for name in Recipe.__dataclass_fields__})

    @property
    def identity(self) -> str:
        return self.recipe.identity

    @property
    def has_password(self) -> bool:
        return self.password_sealed is not None

    @property
    def state(self) -> str:
        """off, starting (no process has taken it yet) or running."""
        if not self.is_on:
            return "off"
        return "running" if self.claimed_by else "starting"


def add(session: Session, recipe: Recipe, *, password_sealed: str | None, at: datetime) -> Simulator:
    """Set one up; it does not run yet. Raises Invalid, and Refused when its identity is another's."""
    row = Simulator(created_at=at, password_sealed=password_sealed)
    session.add(row)
    _write(session, row, recipe)
    return row


def change(session: Session, row: Simulator, recipe: Recipe, *, password_sealed: str | None) -> None:
    """Raises Invalid, and Refused while it runs."""
    _refuse_running(row)
    row.password_sealed = password_sealed
    _write(session, row, recipe)


def remove(session: Session, row: Simulator) -> None:
    """Forget it; the charger that it was stays. Raises Refused while it runs."""
    _refuse_running(row)
    session.delete(row)
    announce(session, TOPIC)


def find(session: Session, simulator_id: int) -> Simulator:
    """Raises NotFound."""
    row = session.get(Simulator, simulator_id)
    if row is None:
        raise NotFound("There is no such simulator.")
    return row


def listed(session: Session) -> Sequence[Simulator]:
    """All of them by name."""
    return session.scalars(select(Simulator).order_by(Simulator.name, Simulator.id)).all()


def start(session: Session, row: Simulator, *, at: datetime) -> None:
    """Let it run. One that dials this machine gets its charger here. Raises Refused for a real charger's identity."""
    if row.is_on:
        raise Refused("%(name)s is running already.", name=row.name)
    if row.host in OWN_HOSTS:  # at whatever port: this server may have several processes
        prepare(session, row.identity, at=at)
    row.is_on, row.detail, row.claimed_by, row.claimed_until = True, None, None, None
    announce(session, TOPIC)


def stop(session: Session, row: Simulator) -> None:
    """Whoever runs it ends it. Raises Refused for one that does not run."""
    if not row.is_on:
        raise Refused("%(name)s is not running.", name=row.name)
    row.is_on, row.detail = False, None
    announce(session, TOPIC)


def stop_all(session: Session) -> int:
    """Stop all that run. How many."""
    running = session.scalars(select(Simulator).where(Simulator.is_on)).all()
    for row in running:
        stop(session, row)
    return len(running)


def prepare(session: Session, identity: str, *, at: datetime) -> None:
    """The charger's row, so that it is let in and is marked as what it is. Raises Refused or Invalid."""
    if not 0 < len(identity) <= 48 or not all(x.isalnum() or x in "-_.~" for x in identity):
        raise Invalid("An identity has 1 to 48 letters, digits and - _ . ~", "identity")
    known = chargers.find(session, identity)
    if known is None:
        chargers.add(
            session,
            identity,
            admission=Admission.ACCEPTED,
            policy=AuthorizationPolicy.OPEN,
            at=at,
            is_simulated=True,
        )
    elif not known.is_simulated:
        raise Refused("%(identity)s is a real charger: choose another identity.", identity=identity)


# Who runs them.


def is_work_there(session: Session, node: str, at: datetime) -> bool:
    """Is there one for `node` to begin, to renew or to end?"""
    mine = Simulator.claimed_by == node
    due = Simulator.is_on & (Simulator.claimed_until.is_(None) | (Simulator.claimed_until <= at))
    ours = mine & (Simulator.is_on.is_(False) | (Simulator.claimed_until <= at + RENEWED_BEFORE))
    return session.scalar(select(Simulator.id).where(or_(due, ours)).limit(1)) is not None


def claim(session: Session, node: str, at: datetime, *, is_alone: bool) -> Sequence[Simulator]:
    """What `node` is to run from now on: what it runs already, and what nobody does.

    One whose process has gone runs again if that was wanted (`autostart`), and is off otherwise. `is_alone`: there is
    no other process, so its claim is what an earlier one left behind.
    """
    for row in session.scalars(select(Simulator).where(Simulator.claimed_by == node, ~Simulator.is_on)):
        row.claimed_by = row.claimed_until = None
    for row in session.scalars(select(Simulator).where(Simulator.is_on)).all():
        is_held = row.claimed_until is not None and row.claimed_until > at
        if row.claimed_by != node and is_held and not is_alone:
            continue
        if row.claimed_by not in (None, node) and not row.autostart:
            row.is_on, row.detail = False, told("Ended with the server that ran it.")
            row.claimed_by = row.claimed_until = None
        else:
            _take(session, row, node, at)
    session.flush()
    announce(session, "fleet")
    return session.scalars(select(Simulator).where(Simulator.is_on, Simulator.claimed_by == node)).all()


def _take(session: Session, row: Simulator, node: str, at: datetime) -> None:
    """Another process may be taking it in this moment: only one finds it as it was read."""
    as_read = (
        Simulator.claimed_by.is_(None) if row.claimed_by is None else Simulator.claimed_by == row.claimed_by
    )
    taking = update(Simulator).where(Simulator.id == row.id, as_read)
    taking = taking.values(claimed_by=node, claimed_until=at + CLAIMED_FOR)
    session.execute(taking.execution_options(synchronize_session=False))
    session.refresh(row)


def finish(session: Session, simulator_id: int, node: str, detail: str) -> None:
    """`node` runs it no more: it has done what it was to do, or cannot."""
    row = session.get(Simulator, simulator_id)
    if row is not None and row.claimed_by == node:
        row.is_on, row.detail = False, printable(detail, 255)
        row.claimed_by = row.claimed_until = None
        announce(session, "fleet")


def release(session: Session, node: str) -> None:
    """`node` ends: another process, or the next, goes on with those that are to start by themselves."""
    for row in session.scalars(select(Simulator).where(Simulator.claimed_by == node)):
        row.claimed_by = row.claimed_until = None
        row.is_on = row.is_on and row.autostart


def _write(session: Session, row: Simulator, recipe: Recipe) -> None:
    recipe.check()
    for name, value in asdict(recipe).items():
        setattr(row, name, value)
    row.identity_folded = recipe.identity.casefold()
    try:
        session.flush()
    except IntegrityError:
        raise Refused(
            "Another simulator is %(identity)s: choose another identity.", identity=recipe.identity
        ) from None
    announce(session, TOPIC)


def _refuse_running(row: Simulator) -> None:
    if row.is_on:
        raise Refused("%(name)s is running: stop it first.", name=row.name)
