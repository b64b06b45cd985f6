"""The addresses of ov2xmp-django: commands of 1.6 and their tasks, records, and the description of it all."""

from csms.compat.ov2xmp import (  # noqa: F401  importing hangs their views on the blueprint
    cdrs,
    chargepoints,
    commands,
    connectors,
    document,
    dso,
    id_tags,
    locations,
    profiles,
    records,
    tariffs,
    tasks,
    users,
)
from csms.compat.ov2xmp.blueprint import blueprint

__all__ = ["blueprint"]
