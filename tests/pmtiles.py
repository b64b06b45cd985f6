"""A PMTiles archive (version 3) of vector tiles: all land, in every tile of the first zooms."""

from __future__ import annotations

import struct
from itertools import accumulate
from pathlib import Path

EVERYWHERE = (-180.0, -85.0, 180.0, 85.0)
HEADER_BYTES = 127
NOT_COMPRESSED, VECTOR_TILES = 1, 1
EXTENT = 4096


def write(path: Path, bounds: tuple[float, float, float, float] = EVERYWHERE, *, nearest: int = 2) -> None:
    """`bounds`: west, south, east, north in degrees; there are tiles up to the zoom `nearest`."""
    tile, metadata = _tile(), b"{}"
    count = list(accumulate(4**zoom for zoom in range(nearest + 1)))[-1]
    # One entry: from tile 0 on the same bytes again and again. Numbers, run lengths, lengths, and offsets + 1.
    directory = b"".join(_varint(x) for x in (1, 0, count, len(tile), 1))
    places = [HEADER_BYTES]
    for part in (directory, metadata, b""):
        places.append(places[-1] + len(part))
    lengths = (len(directory), len(metadata), 0, len(tile))
    header = b"PMTiles\x03" + b"".join(struct.pack("<QQ", *x) for x in zip(places, lengths, strict=True))
    header += struct.pack("<QQQ", count, 1, 1)
    header += bytes((1, NOT_COMPRESSED, NOT_COMPRESSED, VECTOR_TILES, 0, nearest))
    header += struct.pack("<4i", *(round(x * 1e7) for x in bounds)) + struct.pack("<Bii", 0, 0, 0)
    assert len(header) == HEADER_BYTES
    path.write_bytes(header + directory + metadata + tile)


def _tile() -> bytes:
    """A Mapbox vector tile with the layer `earth`, which covers it."""
    corners = (9, 0, 0, 26, _zigzag(EXTENT), 0, 0, _zigzag(EXTENT), _zigzag(-EXTENT), 0, 15)
    shape = _field(4, b"".join(_varint(x) for x in corners))
    feature = bytes((3 << 3, 3)) + shape  # a polygon
    layer = (
        bytes((15 << 3, 2)) + _field(1, b"earth") + _field(2, feature) + bytes((5 << 3,)) + _varint(EXTENT)
    )
    return _field(3, layer)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _zigzag(number: int) -> int:
    return number * 2 if number >= 0 else -number * 2 - 1


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])
