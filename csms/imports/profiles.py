"""Charging profiles as systems of 1.6 keep them: one schedule each, under the specification's words (1.6 §7.13)."""

from csms.domain.base import Invalid
from csms.domain.energy import Period, Profile, ProfileKind, Purpose, RateUnit, Recurrency, Schedule
from csms.imports.values import Item, moment

_PURPOSES = {
    "ChargePointMaxProfile": Purpose.CHARGER_MAX,
    "TxDefaultProfile": Purpose.TX_DEFAULT,
    "TxProfile": Purpose.TX,
}


def profile_of(
    item: Item,
    purpose: str,
    kind: ProfileKind,
    unit: RateUnit,
    periods: tuple[Period, ...],
    *,
    duration_s: int | None,
) -> Profile:
    """The columns that all of them share, beside what each calls otherwise. Raises Invalid."""
    starts_at = moment(item.given("start_schedule")) or moment(item.given("valid_from"))
    if kind is not ProfileKind.RELATIVE and starts_at is None:
        raise Invalid("It does not say from when its schedule counts.")
    rate, recurrency = item.given("min_charging_rate"), item.text("recurrency_kind")
    schedule = Schedule(
        unit,
        periods,
        None if kind is ProfileKind.RELATIVE else starts_at,
        duration_s,
        float(rate) if rate is not None else None,
    )
    return Profile(
        _PURPOSES[purpose],
        kind,
        (schedule,),
        int(item.needed("stack_level")),
        Recurrency(recurrency) if recurrency and kind is ProfileKind.RECURRING else None,
        moment(item.given("valid_from")),
        moment(item.given("valid_to")),
    )
