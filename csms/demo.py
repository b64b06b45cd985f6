"""A small town of simulated chargers, for people who want to see the product at work (`make demo`)."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from csms.domain import accounts, chargers, sites, tariffs
from csms.domain.accounts import LedgerKind
from csms.domain.chargers import Admission, AuthorizationPolicy
from csms.domain.tariffs import simple
from csms.simulator import ChargerOptions, Fleet
from csms.simulator.fleet import SUPPLIES


@dataclass(frozen=True)
class Place:
    """Where a demonstration charger stands: degrees north and east of the map's centre."""

    name: str
    location: str
    north: float
    east: float


# In the order of SUPPLIES: what is called DC gives it.
PLACES = (
    Place("Plaza AC-1", "Central plaza, level -1", -0.0165, 0.0062),
    Place("Plaza AC-2", "Central plaza, level -1", -0.0168, 0.0066),
    Place("Plaza AC-3", "Central plaza, level -2", -0.0171, 0.0059),
    Place("Station DC-1", "Railway station, east forecourt", 0.0011, -0.0268),
    Place("Station DC-2", "Railway station, east forecourt", 0.0013, -0.0261),
    Place("Depot A-01", "Bus depot north, hall A", 0.0443, 0.0105),
    Place("Depot A-02", "Bus depot north, hall A", 0.0446, 0.0109),
    Place("Depot A-03", "Bus depot north, hall A", 0.0449, 0.0113),
    Place("University DC-1", "University, main gate", 0.0394, 0.0031),
    Place("Airport DC-1", "Airport, short-stay car park", 0.0921, 0.2094),
    Place("Hotel 1", "Hotel by the river, garage", -0.0192, -0.0124),
    Place("Hospital AC-1", "University hospital, visitors' car park", -0.0010, -0.0341),
)
MAINS_V = 230
CARDS = ("04A2B39C", "04C1D27E", "04E5F618", "04F7A0B2", "0412C9D4")


def furnish(
    session: Session, count: int, center: tuple[float, float], currency: str, *, at: datetime
) -> list[str]:
    """Make sure that `count` demonstration chargers, a tariff and accounts with cards are there. Their identities."""
    if tariffs.applicable(session, None, at) is None:
        terms = simple(
            currency=currency,
            price_per_kwh=Decimal("0.49"),
            price_per_idle_minute=Decimal("0.10"),
            idle_grace_minutes=15,
            vat_percent=Decimal(16),
        )
        tariffs.create(session, "Standard", terms, at=at, is_default=True)
    for number, uid in enumerate(CARDS, start=1):
        if accounts.find_token(session, uid) is None:
            account = accounts.open_account(session, f"Demo account {number}", at=at)
            accounts.book(
                session, account, LedgerKind.TOP_UP, at=at, amount_cents=20_000, note="Demonstration"
            )
            accounts.add_token(session, uid, at=at, account_id=account.id, label=f"Demo card {number}")
    identities = [f"DEMO-{number:02}" for number in range(1, count + 1)]
    for number, identity in enumerate(identities):
        _furnish_charger(session, number, identity, center, at)
    return identities


def _furnish_charger(
    session: Session, number: int, identity: str, center: tuple[float, float], at: datetime
) -> None:
    if chargers.find(session, identity) is not None:
        return
    place, (supply, _) = PLACES[number % len(PLACES)], SUPPLIES[number % len(SUPPLIES)]
    charger = chargers.add(
        session,
        identity,
        admission=Admission.ACCEPTED,
        policy=AuthorizationPolicy.OPEN,
        at=at,
        name=place.name if number < len(PLACES) else f"{place.name} ({number + 1})",
        is_simulated=True,
    )
    charger.location = place.location
    latitude, longitude = round(center[0] + place.north, 6), round(center[1] + place.east, 6)
    chargers.place(session, charger, latitude, longitude)
    site, is_new = sites.named(session, place.location.partition(",")[0], at=at)
    if is_new:
        described = replace(sites.details_of(site), latitude=latitude, longitude=longitude, is_public=True)
        sites.change(session, site, described, at=at)
    charger.site = site
    for outlet in range(1, ChargerOptions.connectors + 1):
        if (connector := chargers.connector_of(session, charger.id, outlet)) is not None:
            connector.type = "CCS 2" if supply.is_dc else "Type 2"
            ac_w = supply.phases * MAINS_V * supply.max_current_a
            connector.max_power_w = round(supply.max_dc_w if supply.is_dc else ac_w)


def fleet(identities: list[str], url: str) -> Fleet:
    """The chargers in software, with drivers that come and go."""
    options = ChargerOptions(configuration={"MeterValueSampleInterval": "10"})
    return Fleet(len(identities), url, id_tags=CARDS, identities=identities, options=options)
