"""Geometry of the charts that pages draw as SVG on the server. Pure arithmetic: values in, path data out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Plot:
    """Path data of a line and of the area under it, in a box of `width` x `height`, y downwards."""

    line: str
    area: str
    width: int
    height: int
    top: float


@dataclass(frozen=True)
class Column:
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Period:
    """A stretch of time in one status; `ended_at` None means that it still lasts."""

    family: str
    words: str
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class Part:
    """A period cut to the strip's window, in per cent of its width."""

    family: str
    words: str
    left: float
    width: float


def plot(
    values: Sequence[float | None], width: int = 600, height: int = 120, top: float | None = None
) -> Plot:
    """Evenly spaced values as a line; None breaks it.

    `top` is the value at the upper edge; without it that is the largest.
    """
    ceiling = top or max((value for value in values if value is not None), default=0) or 1
    step = width / max(1, len(values) - 1)
    runs: list[list[str]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            y = height - min(value, ceiling) / ceiling * (height - 4) - 1
            runs[-1].append(f"{index * step:.1f} {y:.1f}")
    drawn = [run for run in runs if len(run) > 1]
    line = "".join("M" + "L".join(run) for run in drawn)
    area = "".join(f"M{run[0].split()[0]} {height}L{'L'.join(run)}V{height}Z" for run in drawn)
    return Plot(line, area, width, height, ceiling)


def stairs(
    points: Sequence[tuple[float, float | None]],
    width: int = 600,
    height: int = 120,
    top: float | None = None,
) -> Plot:
    """Values that hold from one share of the width (0 to 1) to that of the next point; None leaves a gap.

    `top` is the value at the upper edge; without it that is the largest.
    """
    ceiling = top or max((value for _, value in points if value is not None), default=0) or 1
    runs: list[list[tuple[float, float]]] = [[]]
    for (begin, value), (end, _) in zip(points, [*points[1:], (1.0, None)], strict=True):
        if value is None:
            runs.append([])
        else:
            y = height - min(value, ceiling) / ceiling * (height - 4) - 1
            runs[-1] += [(begin * width, y), (end * width, y)]
    drawn = [run for run in runs if run]
    paths = ["L".join(f"{x:.1f} {y:.1f}" for x, y in run) for run in drawn]
    line = "".join(f"M{path}" for path in paths)
    area = "".join(
        f"M{run[0][0]:.1f} {height}L{path}V{height}Z" for run, path in zip(drawn, paths, strict=True)
    )
    return Plot(line, area, width, height, ceiling)


def columns(
    values: Sequence[float], width: int = 600, height: int = 120, top: float | None = None
) -> list[Column]:
    """Bars of even width with a fifth of their pitch between them; a value above zero is never invisible."""
    ceiling = top or max(values, default=0) or 1
    pitch = width / max(1, len(values))
    tall = [max(2.0 if value > 0 else 0.0, min(value, ceiling) / ceiling * height) for value in values]
    return [
        Column(
            round(index * pitch + pitch * 0.1, 1),
            round(height - high, 1),
            round(pitch * 0.8, 1),
            round(high, 1),
        )
        for index, high in enumerate(tall)
    ]


def strip_parts(periods: Iterable[Period], started_at: datetime, ended_at: datetime) -> list[Part]:
    """The periods that touch the window, cut to it. What nobody reported stays a gap."""
    whole_s = (ended_at - started_at).total_seconds()
    parts = []
    for period in periods:
        begin = max(period.started_at, started_at)
        end = min(period.ended_at or ended_at, ended_at)
        if begin < end:
            left = (begin - started_at).total_seconds() / whole_s * 100
            width = (end - begin).total_seconds() / whole_s * 100
            parts.append(Part(period.family, period.words, round(left, 2), round(width, 2)))
    return parts
