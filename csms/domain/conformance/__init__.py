"""How well chargers keep to the specification: what is counted against them, and what it comes to."""

from csms.domain.conformance.models import DeviationCount, Subject
from csms.domain.conformance.queries import Evidence, Standing, fleet, of_charger, report
from csms.domain.conformance.service import tally
from csms.domain.conformance.suggestions import Suggestion, suggestions

__all__ = [
    "DeviationCount",
    "Evidence",
    "Standing",
    "Subject",
    "Suggestion",
    "fleet",
    "of_charger",
    "report",
    "suggestions",
    "tally",
]
