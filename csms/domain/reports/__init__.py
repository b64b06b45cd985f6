"""What a period brought: energy, revenue, use, how many starts succeeded, and how much of the time chargers were up."""

from csms.domain.reports.audit import breaches
from csms.domain.reports.counting import count_sessions, recount_sessions
from csms.domain.reports.emissions import co2_kg
from csms.domain.reports.figures import Figures, Line, figures
from csms.domain.reports.models import UptimeRegister
from csms.domain.reports.nearest import nearest_end
from csms.domain.reports.schedules import (
    Every,
    Format,
    ReportSchedule,
    due_schedules,
    go_on,
    next_due,
    pause,
    postpone_schedule,
    reschedule,
    schedule,
    schedule_of,
    schedules_of,
    take_schedule,
)
from csms.domain.reports.uptime import Share, fleet, fleet_uptime, reckon_days
from csms.domain.reports.wanted import Grouping, Wanted

__all__ = [
    "Every",
    "Figures",
    "Format",
    "Grouping",
    "Line",
    "ReportSchedule",
    "Share",
    "UptimeRegister",
    "Wanted",
    "breaches",
    "co2_kg",
    "count_sessions",
    "due_schedules",
    "figures",
    "fleet",
    "fleet_uptime",
    "go_on",
    "nearest_end",
    "next_due",
    "pause",
    "postpone_schedule",
    "reschedule",
    "reckon_days",
    "recount_sessions",
    "schedule",
    "schedule_of",
    "schedules_of",
    "take_schedule",
]
