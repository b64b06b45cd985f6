"""The chart of a site's power today: what it draws, what the grid allows, what the grid asks for a kWh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from csms.domain import dso
from csms.domain.dso import Band, SignalKind
from csms.domain.sites import Site
from csms.domain.transactions import figures
from csms.extensions import db
from csms.web import filters
from csms.web.charts import Plot, plot, stairs
from csms.web.shell import zone

QUARTERS = 97
SHADES = 3


@dataclass(frozen=True, slots=True)
class PriceBand:
    """A price's stretch of the chart: `x` and `width` in its units, `shade` from 1, the cheapest, to SHADES."""

    x: float
    width: float
    shade: int
    row: tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class SitePower:
    """A site's power today by quarter hour, under the grid's limits and prices, with the same as tables."""

    site: Site
    drawn: Plot
    limit: Plot
    top_w: float
    limits: list[tuple[str, str, str]]
    prices: list[PriceBand]
    quarters: list[tuple[str, str]]  # from when, and the average power, where there was some


def power_at(site: Site, at: datetime) -> SitePower:
    """A site's power since midnight on the reader's clocks, with the grid's signals for the whole day as bands."""
    midnight = at.astimezone(ZoneInfo(zone())).replace(hour=0, minute=0, second=0, microsecond=0)
    begins_at = midnight.astimezone(UTC)
    ends_at = (midnight + timedelta(days=1)).astimezone(UTC)
    session, substation_id = db.session(), site.substation_id
    drawn = figures.power_by_quarter_w(session, since=begins_at, at=at, site_id=site.id)[:QUARTERS]
    limits = dso.bands(session, substation_id, SignalKind.CAPACITY, begins_at, ends_at)
    prices = dso.bands(session, substation_id, SignalKind.TARIFF, begins_at, ends_at)
    top = max([1.0, *drawn, float(site.grid_limit_w or 0), *(float(x.value) for x in limits)]) * 1.12
    power = plot([*drawn, *([None] * (QUARTERS - len(drawn)))], top=top)
    return SitePower(
        site,
        power,
        stairs(_points(limits, begins_at, ends_at), top=top),
        top,
        [(*_clocks(x), filters.kw(float(x.value))) for x in limits],
        _priced(prices, begins_at, ends_at, power.width),
        [
            (_clock(begins_at + timedelta(seconds=figures.QUARTER_S * n)), filters.kw(x))
            for n, x in enumerate(drawn)
            if x
        ],
    )


def _clock(moment: datetime) -> str:
    return filters.localtime(moment, zone(), "clock")


def _clocks(band: Band) -> tuple[str, str]:
    return _clock(band.begins_at), _clock(band.ends_at)


def _priced(
    bands: Sequence[Band], begins_at: datetime, ends_at: datetime, chart_width: int
) -> list[PriceBand]:
    """Prices as they lie on the chart; the dearer, the stronger."""
    whole_s = (ends_at - begins_at).total_seconds()
    least, most = (f((x.value for x in bands), default=0) for f in (min, max))
    found = []
    for band in bands:
        share = (band.value - least) / (most - least) if most > least else 0
        found.append(
            PriceBand(
                x=round((band.begins_at - begins_at).total_seconds() / whole_s * chart_width, 1),
                width=round((band.ends_at - band.begins_at).total_seconds() / whole_s * chart_width, 1),
                shade=1 + round(float(share) * (SHADES - 1)),
                row=(*_clocks(band), f"{band.value.normalize():f} {band.currency or ''}/kWh"),
            )
        )
    return found


def _points(
    bands: Sequence[Band], begins_at: datetime, ends_at: datetime
) -> list[tuple[float, float | None]]:
    """The lowest limit from moment to moment, by its share of the day; None where there is none."""
    whole_s = (ends_at - begins_at).total_seconds()
    ends = {y for x in bands for y in (x.begins_at, x.ends_at) if y < ends_at}
    points: list[tuple[float, float | None]] = []
    for moment in sorted({begins_at} | ends):
        holding = [float(x.value) for x in bands if x.begins_at <= moment < x.ends_at]
        points.append(((moment - begins_at).total_seconds() / whole_s, min(holding, default=None)))
    return points
