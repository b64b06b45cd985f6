"""Pure arithmetic of units. No tables, no business."""

from decimal import ROUND_HALF_UP, Decimal

# What a measured unit is worth in the unit that we store (Wh, varh, VAh, W, A, V, °C, %, Hz, rpm).
_SCALE: dict[str, tuple[str, Decimal]] = {
    "Wh": ("Wh", Decimal(1)),
    "kWh": ("Wh", Decimal(1000)),
    "varh": ("varh", Decimal(1)),
    "kvarh": ("varh", Decimal(1000)),
    "VAh": ("VAh", Decimal(1)),
    "kVAh": ("VAh", Decimal(1000)),
    "W": ("W", Decimal(1)),
    "kW": ("W", Decimal(1000)),
    "VA": ("VA", Decimal(1)),
    "kVA": ("VA", Decimal(1000)),
    "var": ("var", Decimal(1)),
    "kvar": ("var", Decimal(1000)),
    "A": ("A", Decimal(1)),
    "V": ("V", Decimal(1)),
    "Percent": ("%", Decimal(1)),
    "Celsius": ("°C", Decimal(1)),
    "Celcius": ("°C", Decimal(1)),  # 1.6 §7.43 spells it so; OCPP-J errata 2.1: both MUST be supported
    "Hertz": ("Hz", Decimal(1)),
}


def to_stored_unit(value: float, unit: str) -> tuple[float, str]:
    """`value` in Wh, W, A, V, °C or %; Fahrenheit and Kelvin become °C, an unknown unit stays as it is."""
    if unit in ("Fahrenheit", "K", "Kelvin"):
        return ((value - 32) / 1.8 if unit == "Fahrenheit" else value - 273.15), "°C"
    name, factor = _SCALE.get(unit, (unit, Decimal(1)))
    return (value if factor == 1 else value * float(factor)), name


def cents(amount: Decimal) -> int:
    """`amount` of a currency in its hundredths, half rounded up, as receipts are."""
    return int((amount * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def kwh(energy_wh: int) -> Decimal:
    """Exact kWh of whole Wh."""
    return Decimal(energy_wh) / 1000
