"""Streets without the internet: a file that the operator puts beside the database."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests import pmtiles
from tests.web.browser import Browser
from tests.web.visitor import Visitor


@pytest.fixture
def streets(app: Flask) -> Iterator[Path]:
    """Where the file goes; it is not there yet."""
    path: Path = app.extensions["settings"].instance_dir / "basemap.pmtiles"
    yield path
    path.unlink(missing_ok=True)


def test_maps_draw_streets_from_the_operators_file(olga: Browser, streets: Path) -> None:
    assert "data-streets" not in olga.read("/map")
    assert olga.open("/basemap.pmtiles").status_code == 404
    pmtiles.write(streets, (2.0, 41.2, 2.3, 41.5), nearest=3)
    for page in ("/map", "/sites/new"):
        shown = olga.read(page)
        assert 'data-streets="/basemap.pmtiles?v=' in shown, page
        assert 'data-streets-nearest="3" data-streets-bounds="2.0 41.2 2.3 41.5"' in shown


def test_whoever_sees_a_map_reads_the_pieces_that_it_shows(
    visitor: Callable[[], Visitor], streets: Path
) -> None:
    pmtiles.write(streets)
    whole = streets.read_bytes()
    with visitor().client.get("/basemap.pmtiles", headers={"Range": "bytes=0-126"}) as piece:
        assert (piece.status_code, piece.data) == (206, whole[:127])
        assert piece.headers["Content-Range"] == f"bytes 0-126/{len(whole)}"
    with visitor().client.get("/basemap.pmtiles") as answer:
        assert answer.data == whole


def test_a_file_that_is_replaced_is_read_anew(olga: Browser, streets: Path) -> None:
    versions = set()
    for nearest in (2, 14):
        pmtiles.write(streets, nearest=nearest)
        page = olga.read("/map")
        assert f'data-streets-nearest="{nearest}"' in page
        versions.add(re.search(r"pmtiles\?v=([^\"]+)", page)[1])
    assert len(versions) == 2


def test_settings_say_whether_there_are_streets(olga: Browser, streets: Path) -> None:
    assert "It is not there yet:" in olga.read("/settings")
    assert f"<code>{streets}</code>" in olga.read("/settings")
    pmtiles.write(streets, nearest=5)
    assert f"from your file, {streets.stat().st_size} Bytes, to zoom 5." in olga.read("/settings")
    streets.write_bytes(b"<html>404 Not found</html>" * 20)
    assert "your file is not an archive of vector tiles" in olga.read("/settings")
    assert "data-streets" not in olga.read("/map")
