"""What other systems' rows are in our words, and what of them is left out.

`key` is what the row is called there. Rows name one another by those keys; whatever is named comes first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from csms.domain import accounts, sites
from csms.domain.accounts import LedgerKind, Role
from csms.domain.chargers import AuthorizationPolicy, BootReport
from csms.domain.chargers.editing import Plug
from csms.domain.energy import Profile
from csms.domain.tariffs import Terms
from csms.domain.transactions import Past


@dataclass(frozen=True, slots=True)
class Site:
    """`uuid`: what programs knew it by, and go on to."""

    key: str
    details: sites.Details
    uuid: str | None = None


@dataclass(frozen=True, slots=True)
class Tariff:
    key: str
    name: str
    terms: Terms


@dataclass(frozen=True, slots=True)
class Account:
    key: str
    name: str
    email: str | None = None
    is_service: bool = False


@dataclass(frozen=True, slots=True)
class Credit:
    """A change of an account's credit."""

    key: str
    account: str
    kind: LedgerKind
    at: datetime
    amount_cents: int = 0
    energy_wh: int = 0
    note: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who logs in. `password_hash` None: they need a new password."""

    key: str
    username: str
    password_hash: str | None
    role: Role
    email: str | None = None
    is_enabled: bool = True
    account: str | None = None
    profile: accounts.Profile | None = None


@dataclass(frozen=True, slots=True)
class Card:
    key: str
    uid: str
    label: str | None = None
    parent_uid: str | None = None
    expires_at: datetime | None = None
    is_allowed: bool = True
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Vehicle:
    key: str
    account: str
    brand: str
    model: str
    vin: str | None


@dataclass(frozen=True, slots=True)
class Outlet:
    """What is known of a connector. `uuid`: what programs knew it by, and go on to."""

    number: int
    uuid: str | None
    plug: Plug


@dataclass(frozen=True, slots=True)
class Charger:
    """`connectors`: their numbers; `outlets`: more of some. `own_tag`: a tag that is good at this charger alone."""

    key: str
    identity: str
    boot: BootReport
    policy: AuthorizationPolicy
    connectors: tuple[int, ...] = ()
    name: str | None = None
    location: str | None = None
    site: str | None = None
    tariff: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    own_tag: str | None = None
    outlets: tuple[Outlet, ...] = ()


@dataclass(frozen=True, slots=True)
class ChargingProfile:
    key: str
    name: str
    description: str | None
    profile: Profile


@dataclass(frozen=True, slots=True)
class Session:
    """`debits`: its energy is taken from the kWh credit of its account, that of its card unless `account` names one."""

    key: str
    charger: str
    past: Past
    account: str | None = None
    debits: bool = False


@dataclass(frozen=True, slots=True)
class Reservation:
    key: str
    charger: str
    evse: int
    id_tag: str
    number: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that is not taken over, and why, for whoever must decide whether it matters."""

    kind: str
    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """A whole table that is not taken over."""

    kind: str
    count: int
    reason: str


Record = (
    Site
    | Tariff
    | Account
    | Credit
    | User
    | Card
    | Vehicle
    | Charger
    | ChargingProfile
    | Session
    | Reservation
)
Row = Record | LeftOut | Ignored

KINDS: dict[type[Record], str] = {
    Site: "site",
    Tariff: "tariff",
    Account: "account",
    Credit: "credit",
    User: "user",
    Card: "card",
    Vehicle: "vehicle",
    Charger: "charger",
    ChargingProfile: "charging profile",
    Session: "session",
    Reservation: "reservation",
}
