"""What a period brought: energy, revenue, use, how many starts succeeded, and how much of the time chargers were up."""

from csms.domain.reports.audit import breaches
from csms.domain.reports.figures import Figures, Grouping, Line, Wanted, figures
from csms.domain.reports.models import UptimeRegister
from csms.domain.reports.nearest import nearest_end
from csms.domain.reports.uptime import Share, fleet_uptime, reckon_days

__all__ = [
    "Figures",
    "Grouping",
    "Line",
    "Share",
    "UptimeRegister",
    "Wanted",
    "breaches",
    "figures",
    "fleet_uptime",
    "nearest_end",
    "reckon_days",
]
