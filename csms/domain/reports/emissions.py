"""What was emitted for the energy that was delivered."""


def co2_kg(energy_wh: int, g_per_kwh: int | None) -> float | None:
    """kg of CO₂ of electricity of which a kWh stands for so many grams; None where nobody knows them."""
    return None if g_per_kwh is None else energy_wh * g_per_kwh / 1_000_000
