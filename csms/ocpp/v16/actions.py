"""The registry of 1.6: handlers hang themselves on `actions`. Its spelling of errors is Table 7 of OCPP-J 1.6."""

from csms.ocpp.dispatch import Actions
from csms.ocpp.v16 import commands
from csms.ocpp.v16.fallback import last_resort
from csms.schemas import FaultKind

actions = Actions(
    protocol="ocpp1.6",
    error_codes={
        FaultKind.MISSING: "OccurenceConstraintViolation",  # sic: the misspelling is normative (OCPP-J errata 5.1)
        FaultKind.TYPE: "TypeConstraintViolation",
        FaultKind.VALUE: "PropertyConstraintViolation",
        FaultKind.SHAPE: "FormationViolation",
    },
    unreadable_code="FormationViolation",
    to_order=commands.to_order,
    read_outcome=commands.read_outcome,
    after_answer=commands.after_answer,
    last_resort=last_resort,
)
