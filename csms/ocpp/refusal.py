"""Why a connection is not upgraded."""

from dataclasses import dataclass

from csms.domain.chargers import RefusalCause


@dataclass
class Refusal(Exception):
    """The HTTP status, why, and what to change at the charger or here."""

    status: int
    cause: RefusalCause
    detail: str
    remedy: str
