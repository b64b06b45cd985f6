"""Sites: where chargers stand, in the shape of OCPI 2.2.1's Location (§8.3.1). They know nothing of chargers."""

from csms.domain.sites.models import ParkingType, Site
from csms.domain.sites.plans import SitePlan, drop_plan, keep_plan, plan_of
from csms.domain.sites.rules import MOST_W, check_position
from csms.domain.sites.service import (
    Details,
    add,
    by_uuid,
    change,
    details_of,
    find,
    get,
    listed,
    named,
)

__all__ = [
    "MOST_W",
    "Details",
    "ParkingType",
    "Site",
    "SitePlan",
    "add",
    "by_uuid",
    "change",
    "check_position",
    "details_of",
    "drop_plan",
    "find",
    "get",
    "keep_plan",
    "listed",
    "named",
    "plan_of",
]
