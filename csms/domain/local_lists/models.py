"""Which cards each charger knows by heart, for the times when it cannot ask (1.6 §3.5.2)."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csms.domain.base import Base, choice
from csms.domain.chargers import Charger


class ListState(enum.StrEnum):
    """OFF: nobody wants one there. BEHIND: something is still to be sent. UNSUPPORTED: the charger keeps none."""

    OFF = "off"
    BEHIND = "behind"
    IN_STEP = "in_step"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"


class LocalList(Base):
    """The list of one charger as we know it: what it holds, under which version, and what is on its way.

    `held` maps card numbers to fingerprints of what the charger was told of them. `pending` is the update that has
    been sent and not been answered yet; `command_id` the order that carries it, or that asks for the version.
    """

    __tablename__ = "local_list"

    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"), primary_key=True, autoincrement=False)
    is_wanted: Mapped[bool | None]  # None: the templates decide
    is_on: Mapped[bool] = mapped_column(default=False, index=True)
    state: Mapped[ListState] = mapped_column(choice(ListState), default=ListState.OFF)
    detail: Mapped[str | None] = mapped_column(String(255))

    version: Mapped[int] = mapped_column(default=0)  # of the last update that the charger took; 0: none
    told_version: Mapped[int | None]  # what the charger said last
    held: Mapped[dict[str, str]] = mapped_column(JSON)
    pending: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    command_id: Mapped[str | None] = mapped_column(String(36))

    asks_version: Mapped[bool] = mapped_column(default=True)
    is_full_due: Mapped[bool] = mapped_column(default=False)
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    due_by: Mapped[str | None] = mapped_column(String(80))
    failures: Mapped[int] = mapped_column(Integer, default=0)
    synced_at: Mapped[datetime | None]

    is_enabled: Mapped[bool | None]  # as the charger told; None: it did not
    most_entries: Mapped[int | None] = mapped_column(Integer)
    most_per_message: Mapped[int | None] = mapped_column(Integer)
    left_out: Mapped[int] = mapped_column(Integer, default=0)  # cards for which there was no room

    charger: Mapped[Charger] = relationship()
