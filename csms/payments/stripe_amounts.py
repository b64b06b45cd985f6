"""Money as Stripe counts it, and the other way round. Pure."""

from typing import Any

# Currencies that have no hundredths (Stripe: zero-decimal currencies).
WHOLE = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA")
    + ("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF")
)


def minor(cents: int, currency: str) -> int:
    """Hundredths as Stripe counts the currency: never more than was meant."""
    return cents // 100 if currency.upper() in WHOLE else cents


def cents(amount: Any, currency: str) -> int:
    """What Stripe counts, in hundredths; nothing where it says nothing."""
    units: int = amount if isinstance(amount, int) else 0
    return units * 100 if currency.upper() in WHOLE else units
