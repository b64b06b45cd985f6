"""Turn a TopoJSON world into a small GeoJSON that the offline map draws.

Arcs are simplified before the polygons are put together, so that neighbours keep one common border.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Point = tuple[float, float]


def simplify(topology_file: Path, *, tolerance_deg: float) -> str:
    """GeoJSON of the file's countries, without the points that move a border by less than `tolerance_deg`."""
    topology = json.loads(topology_file.read_text())
    arcs = [thin(points, tolerance_deg) for points in decode(topology)]
    features = [
        {"type": "Feature", "properties": {}, "geometry": geometry}
        for country in topology["objects"]["countries"]["geometries"]
        if (geometry := shape(country, arcs))
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, separators=(",", ":"))


def decode(topology: dict[str, Any]) -> list[list[Point]]:
    """The arcs in degrees: TopoJSON stores whole-number steps from point to point."""
    scale_x, scale_y = topology["transform"]["scale"]
    left, bottom = topology["transform"]["translate"]
    arcs = []
    for steps in topology["arcs"]:
        x = y = 0
        points = []
        for step_x, step_y in steps:
            x, y = x + step_x, y + step_y
            points.append((x * scale_x + left, y * scale_y + bottom))
        arcs.append(points)
    return arcs


def thin(points: list[Point], tolerance: float) -> list[Point]:
    """Douglas-Peucker: keep the ends, and whatever lies further than `tolerance` from the line between."""
    keep = {0, len(points) - 1}
    spans = [(0, len(points) - 1)]
    while spans:
        first, last = spans.pop()
        between = range(first + 1, last)
        if not between:
            continue
        furthest = max(between, key=lambda index: distance(points[index], points[first], points[last]))
        if distance(points[furthest], points[first], points[last]) > tolerance:
            keep.add(furthest)
            spans += [(first, furthest), (furthest, last)]
    return [(round(points[index][0], 2), round(points[index][1], 2)) for index in sorted(keep)]


def distance(point: Point, start: Point, end: Point) -> float:
    """From a point to the segment between two others, in degrees."""
    (x, y), (x1, y1), (x2, y2) = point, start, end
    length = (x2 - x1) ** 2 + (y2 - y1) ** 2
    along = 0.0 if length == 0 else max(0.0, min(1.0, ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length))
    return float(((x - x1 - along * (x2 - x1)) ** 2 + (y - y1 - along * (y2 - y1)) ** 2) ** 0.5)


def shape(country: dict[str, Any], arcs: list[list[Point]]) -> dict[str, Any] | None:
    """One country's polygons; None when simplifying left nothing of it but a line."""
    polygons = country["arcs"] if country["type"] == "MultiPolygon" else [country["arcs"]]
    joined = [[ring(parts, arcs) for parts in polygon] for polygon in polygons]
    solid = [[line for line in polygon if len(line) >= 4] for polygon in joined]
    solid = [polygon for polygon in solid if polygon]
    return {"type": "MultiPolygon", "coordinates": solid} if solid else None


def ring(parts: list[int], arcs: list[list[Point]]) -> list[Point]:
    """Arcs end to end; a negative index (its complement) means the arc backwards."""
    line: list[Point] = []
    for part in parts:
        points = arcs[part] if part >= 0 else arcs[~part][::-1]
        line += points[1:] if line else points
    return line
