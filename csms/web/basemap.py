"""What every map of ours is drawn on: where it begins, streets from a file of the operator's, and tiles, if any.

Streets need no internet: `basemap.pmtiles` in the instance directory is a PMTiles archive of vector tiles in the
Protomaps schema. Browsers read the pieces of it that they show.
"""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, current_app, url_for
from flask_babel import gettext

from csms.files import in_pieces
from csms.shelf import Reader, apart
from csms.web.assets import asset

blueprint = Blueprint("basemap", __name__)

NAME = "basemap.pmtiles"
# PMTiles 3 §3: 127 bytes begin every archive. The kind of its tiles, the nearest zoom, and its bounds in 10⁻⁷ degrees.
HEADER_BYTES = 127
MAGIC = b"PMTiles\x03"
VECTOR_TILES = 1
KIND_AT, NEAREST_AT, BOUNDS_AT = 99, 101, 102


@dataclass(frozen=True, slots=True)
class Streets:
    """An archive of vector tiles. `bounds`: west, south, east and north in degrees."""

    size_bytes: int
    version: str
    nearest: int
    bounds: tuple[float, float, float, float]

    @property
    def url(self) -> str:
        return url_for("basemap.streets_file", v=self.version)


class Basemap(TypedDict):
    """`center`: "latitude,longitude" · `ground`: the attributes of an element that ground.js draws a map in."""

    center: str
    ground: dict[str, str]
    has_tiles: bool


def basemap() -> Basemap:
    settings = current_app.extensions["settings"]
    ground = {
        "data-zoom-in": gettext("Zoom in"),
        "data-zoom-out": gettext("Zoom out"),
        "data-close": gettext("Close"),
        "data-land": asset("vendor/world-atlas-2.0.2/countries.geojson"),
    }
    found = streets()
    if found is not None:
        ground |= {
            "data-streets": found.url,
            "data-streets-nearest": str(found.nearest),
            "data-streets-bounds": " ".join(map(str, found.bounds)),
            "data-streets-painter": asset("vendor/protomaps-leaflet-5.1.0/protomaps-leaflet.js"),
        }
    if settings.tile_url:
        ground["data-tiles"] = settings.tile_url
        ground["data-tile-host"] = urlsplit(settings.tile_url).netloc.replace("{s}.", "")
    if found is not None or settings.tile_url:
        ground["data-cover"] = asset("cover.js")
    return {
        "center": f"{settings.map_center.latitude},{settings.map_center.longitude}",
        "ground": ground,
        "has_tiles": bool(settings.tile_url),
    }


def path() -> Path:
    """Where the archive lies, or would."""
    directory: Path = current_app.extensions["settings"].instance_dir
    return directory / NAME


def streets() -> Streets | None:
    """What is known of the archive; None: there is none, or it is no archive of vector tiles."""
    try:
        found = path().stat()
    except OSError:
        return None
    return _read(path(), found.st_size, found.st_mtime_ns)


@functools.lru_cache(maxsize=2)
def _read(path: Path, size_bytes: int, changed_ns: int) -> Streets | None:
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES or not header.startswith(MAGIC) or header[KIND_AT] != VECTOR_TILES:
        return None
    west, south, east, north = (x / 1e7 for x in struct.unpack_from("<4i", header, BOUNDS_AT))
    return Streets(
        size_bytes, f"{changed_ns:x}-{size_bytes:x}", header[NEAREST_AT], (west, south, east, north)
    )


@blueprint.get(f"/{NAME}")
def streets_file() -> Response:
    """The archive, in the pieces that a browser asks for."""
    found = streets()
    if found is None:
        abort(404)
    content = Reader(apart(open, path(), "rb"))
    response = in_pieces(content, found.size_bytes, found.version, "application/vnd.pmtiles")
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response
