"""What an owner has set on the pages, as named texts. What nobody has set is not there: the environment decides."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain.accounts.models import Setting
from csms.domain.base import Invalid, announce

LAB_CLOSED = "lab_closed"  # "1": lab mode was ended on the pages, whatever the environment says
PAYMENTS_ACCOUNT = "payment_account_id"  # on which all that is paid by card is booked: ours, and no driver's
ORGANISATION = "organisation"
POSTAL_ADDRESS = "postal_address"  # "": there is none, whatever the environment says
TAX_NUMBER = "tax_number"  # "": as above
CURRENCY = "currency"
TIME_ZONE = "time_zone"
DISTANCE_UNIT = "distance_unit"
HELP_PHONE = "help_phone"  # "": there is none, whatever the environment says
MAP_CENTER = "map_center"
TILE_URL = "tile_url"  # "": no tiles, whatever the environment says
CO2_G_PER_KWH = "co2_g_per_kwh"  # "": nobody knows, whatever the environment says
FRAMES_KEPT_DAYS = "frames_kept_days"
READINGS_KEPT_DAYS = "readings_kept_days"
AUDIT_KEPT_DAYS = "audit_kept_days"
LOGS_KEPT_DAYS = "logs_kept_days"
LOG_DAYS = "log_days"
BACKUPS_KEPT = "backups_kept"
WRITES_PER_DAY = "configuration_writes_per_day"  # of one key at one charger, by templates
PROFILE_WRITES_PER_DAY = "profile_writes_per_day"  # charging profiles at one charger, sent by themselves
QUIET = "quiet"  # "1": nothing is sent to a charger by itself

LONGEST_VALUE = 2000
TOPIC = "settings"


def get(session: Session, name: str) -> str | None:
    """The value of a setting, or None."""
    return session.scalar(select(Setting.value).where(Setting.name == name))


def stored(session: Session) -> Mapping[str, str]:
    """Every setting that is there."""
    return {name: value for name, value in session.execute(select(Setting.name, Setting.value))}


def put(session: Session, name: str, value: str, *, at: datetime) -> None:
    """Set it. Raises Invalid for a value that is too long to be kept."""
    if len(value) > LONGEST_VALUE:
        raise Invalid("This is longer than %(longest_value)s characters.", name, longest_value=LONGEST_VALUE)
    setting = session.get(Setting, name)
    if setting is None:
        setting = Setting(name=name)
        session.add(setting)
    setting.value = value
    setting.changed_at = at
    announce(session, TOPIC)
