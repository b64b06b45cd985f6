"""What every map of ours is drawn on: where it begins, and the tiles, if any."""

from __future__ import annotations

from typing import TypedDict
from urllib.parse import urlsplit

from flask import current_app


class Basemap(TypedDict):
    """`center`: "latitude,longitude" · `tile_url`, `tile_host`: empty where there are no tiles."""

    center: str
    tile_url: str
    tile_host: str


def basemap() -> Basemap:
    settings = current_app.extensions["settings"]
    return {
        "center": f"{settings.map_center.latitude},{settings.map_center.longitude}",
        "tile_url": settings.tile_url,
        "tile_host": urlsplit(settings.tile_url).netloc.replace("{s}.", ""),
    }
