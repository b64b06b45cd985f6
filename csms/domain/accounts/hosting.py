"""The sites of site hosts, beyond which they see nothing."""

from collections.abc import Collection, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from csms.domain import sites
from csms.domain.accounts.models import User, UserSite


def site_ids(session: Session, user_id: int) -> Sequence[int]:
    """The sites of a site host; none is nothing to see."""
    return session.scalars(
        select(UserSite.site_id).where(UserSite.user_id == user_id).order_by(UserSite.site_id)
    ).all()


def set_sites(session: Session, user: User, wanted: Collection[int]) -> None:
    """From now on these, and no others. Raises NotFound for a site that is not there."""
    for site_id in wanted:
        sites.get(session, site_id)
    session.execute(delete(UserSite).where(UserSite.user_id == user.id))
    session.add_all(UserSite(user_id=user.id, site_id=x) for x in sorted(set(wanted)))
    session.flush()
