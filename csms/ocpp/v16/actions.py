"""The registry of 1.6: handlers and orders hang themselves on it. Its spelling of errors is Table 7 of OCPP-J 1.6."""

from csms.ocpp.dispatch import Actions
from csms.ocpp.v16.fallback import last_resort
from csms.ocpp.v16.values import outcome
from csms.schemas import FaultKind

# OCPP-J 1.6 Table 7, whose misspelling is normative (errata 5.1); the right spelling is what many chargers write.
ERROR_CODES = frozenset(
    {
        "NotImplemented",
        "NotSupported",
        "InternalError",
        "ProtocolError",
        "SecurityError",
        "FormationViolation",
        "PropertyConstraintViolation",
        "OccurenceConstraintViolation",
        "OccurrenceConstraintViolation",
        "TypeConstraintViolation",
        "GenericError",
    }
)

actions = Actions(
    protocol="ocpp1.6",
    error_codes={
        FaultKind.MISSING: "OccurenceConstraintViolation",  # sic: the misspelling is normative (OCPP-J errata 5.1)
        FaultKind.TYPE: "TypeConstraintViolation",
        FaultKind.VALUE: "PropertyConstraintViolation",
        FaultKind.SHAPE: "FormationViolation",
    },
    unreadable_code="FormationViolation",
    read_outcome=outcome,
    last_resort=last_resort,
    known_errors=ERROR_CODES,
)
