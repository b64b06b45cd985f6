"""Traces: what went over a charger's wire as a file, without who it was if need be, and played back."""

from csms.ocpp.trace.anonymous import anonymous
from csms.ocpp.trace.recording import recorded
from csms.ocpp.trace.replay import replayed
from csms.ocpp.trace.shapes import Line, SessionLine, Unreadable, differences, read_lines

__all__ = [
    "Line",
    "SessionLine",
    "Unreadable",
    "anonymous",
    "differences",
    "read_lines",
    "recorded",
    "replayed",
]
