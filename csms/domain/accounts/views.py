"""Lists of chargers that somebody looks at again and again, each under a name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from csms.domain.base import Base, BigId, Invalid, NotFound, Refused

LONGEST_NAME = 60
LONGEST_QUERY = 1000
MOST = 30  # of one person


class SavedView(Base):
    """What the list of chargers shows, as the query of its address. Shared: others may look at it as well."""

    __tablename__ = "saved_view"
    __table_args__ = (UniqueConstraint("user_id", "name_folded"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_.id"))
    name: Mapped[str] = mapped_column(String(60))
    name_folded: Mapped[str] = mapped_column(String(60))
    query: Mapped[str] = mapped_column(String(1000))
    is_shared: Mapped[bool] = mapped_column(default=False)
    is_default: Mapped[bool] = mapped_column(default=False)  # its owner's list begins with it
    created_at: Mapped[datetime]


def listed(session: Session, user_id: int) -> Sequence[SavedView]:
    """Somebody's own views and those that all may use, by name."""
    query = select(SavedView).where(or_(SavedView.user_id == user_id, SavedView.is_shared))
    return session.scalars(query.order_by(SavedView.name_folded, SavedView.id)).all()


def save(
    session: Session,
    user_id: int,
    name: str,
    query: str,
    *,
    is_shared: bool,
    is_default: bool,
    at: datetime,
) -> SavedView:
    """Keep what the list shows; a view of one's own with this name becomes this one. Raises Invalid, Refused."""
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise Invalid(
            "Give it a name of at most %(longest_name)s characters.", "name", longest_name=LONGEST_NAME
        )
    if len(query) > LONGEST_QUERY:
        raise Invalid("That are too many filters to keep: choose fewer.", "name")
    own = session.scalars(select(SavedView).where(SavedView.user_id == user_id)).all()
    view = next((x for x in own if x.name_folded == name.casefold()), None)
    if view is None:
        if len(own) >= MOST:
            raise Refused("You have %(most)s views already: delete one first.", most=MOST)
        view = SavedView(user_id=user_id, created_at=at)
        session.add(view)
    view.name, view.name_folded, view.query, view.is_shared = name, name.casefold(), query, is_shared
    view.is_default = is_default
    session.flush()
    if is_default:
        _alone(session, view)
    return view


def _alone(session: Session, view: SavedView) -> None:
    """Nobody begins with two views."""
    session.execute(
        update(SavedView)
        .where(SavedView.user_id == view.user_id, SavedView.id != view.id)
        .values(is_default=False)
    )


def default_of(session: Session, user_id: int) -> SavedView | None:
    """The view that somebody's list begins with."""
    return session.scalar(select(SavedView).where(SavedView.user_id == user_id, SavedView.is_default))


def remove(session: Session, user_id: int, view_id: int) -> SavedView:
    """Forget a view of one's own. Raises NotFound, also for somebody else's."""
    view = session.get(SavedView, view_id)
    if view is None or view.user_id != user_id:
        raise NotFound("There is no such view of yours.")
    session.delete(view)
    return view
