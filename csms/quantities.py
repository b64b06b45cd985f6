"""Pure arithmetic of units. No tables, no business."""

from decimal import ROUND_HALF_UP, Decimal

# What a measured unit is worth in the unit that we store (Wh, varh, VAh, W, A, V, °C, %, Hz, rpm).
_SCALE: dict[str, tuple[str, int]] = {
    "Wh": ("Wh", 1),
    "kWh": ("Wh", 1000),
    "varh": ("varh", 1),
    "kvarh": ("varh", 1000),
    "VAh": ("VAh", 1),
    "kVAh": ("VAh", 1000),
    "W": ("W", 1),
    "kW": ("W", 1000),
    "VA": ("VA", 1),
    "kVA": ("VA", 1000),
    "var": ("var", 1),
    "kvar": ("var", 1000),
    "A": ("A", 1),
    "V": ("V", 1),
    "Percent": ("%", 1),
    "Celsius": ("°C", 1),
    "Celcius": ("°C", 1),  # 1.6 §7.45 spells it so; OCPP-J errata 2.1: both MUST be supported
    "Hertz": ("Hz", 1),
}


def to_stored_unit(value: float, unit: str) -> tuple[float, str]:
    """`value` in Wh, W, A, V, °C or %; Fahrenheit and Kelvin become °C, an unknown unit stays as it is."""
    known = _SCALE.get(unit)
    if known is not None:
        return value * known[1], known[0]
    if unit == "Fahrenheit":
        return (value - 32) / 1.8, "°C"
    return (value - 273.15, "°C") if unit in ("K", "Kelvin") else (value, unit)


def cents(amount: Decimal) -> int:
    """`amount` of a currency in its hundredths, half rounded up, as receipts are."""
    return int((amount * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def kwh(energy_wh: int) -> Decimal:
    """Exact kWh of whole Wh."""
    return Decimal(energy_wh) / 1000


def watts(current_a: float, voltage_v: float, phases: int) -> float:
    """The power of `current_a` on each of `phases`, at `voltage_v` between phase and neutral (1.6 errata 3.68)."""
    return current_a * voltage_v * phases


def amperes(power_w: float, voltage_v: float, phases: int) -> float:
    """The current per phase of `power_w` shared evenly by `phases`, at `voltage_v` between phase and neutral."""
    return power_w / (voltage_v * phases)
