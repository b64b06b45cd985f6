"""Does whoever pays still stand at the station? The money may come half an hour after the button was pressed.

A payer who has driven off would pay for the next car. So what proved that they were there must still hold.
"""

from datetime import datetime, timedelta

from csms.domain.chargers import Connector, ConnectorStatus
from csms.domain.payments.models import Payment
from csms.sentences import gettext_noop

CODE_FOR = timedelta(minutes=10)  # so long the code of a label, once typed, speaks for whoever typed it
UNPLUGGED = gettext_noop("The car that was plugged in when you began is not plugged in any more. Begin anew.")
LATE = gettext_noop("More than ten minutes have passed since you typed the station's code. Begin anew.")


def prove(payment: Payment, connector: Connector, *, has_code: bool, at: datetime) -> None:
    """Keep what speaks for the payer at `at`: the car that is plugged in, and the code where it was typed."""
    payment.plugged_at = connector.plugged_at if connector.status is ConnectorStatus.PREPARING else None
    payment.code_at = at if has_code else None


def absence(payment: Payment, connector: Connector, at: datetime) -> str | None:
    """Why the payer cannot be taken to be there any more, in a driver's words; None where they can."""
    if payment.code_at is not None and at - payment.code_at <= CODE_FOR:
        return None
    is_plugged = payment.plugged_at is not None and connector.status is ConnectorStatus.PREPARING
    if is_plugged and connector.plugged_at == payment.plugged_at:
        return None
    return UNPLUGGED if payment.code_at is None else LATE
