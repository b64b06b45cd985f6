"""Static files go out compressed, pages with their secrets do not."""

import gzip
import re
from pathlib import Path

STATIC = Path(__file__).resolve().parents[2] / "static"


def test_a_browser_that_can_gets_static_files_compressed(client):
    with client.get("/static/app.css", headers={"Accept-Encoding": "gzip"}) as packed:
        assert packed.headers["Content-Encoding"] == "gzip"
        small = packed.data
    with client.get("/static/app.css") as plain:
        assert "Content-Encoding" not in plain.headers
        assert len(small) < len(plain.data) / 2
        rules = gzip.decompress(small).decode()
        assert "body{font:14px/1.45" in rules
        assert "}\n" not in rules
        assert ";}" not in rules
        assert "/*" in plain.text
        assert "/*" not in rules


def test_a_script_goes_out_without_what_is_written_for_those_who_change_it(client):
    with client.get("/static/app.js", headers={"Accept-Encoding": "gzip"}) as packed:
        script = gzip.decompress(packed.data).decode()
    assert "// " not in script
    assert script.startswith('\n\n"use strict";') or script.startswith('\n"use strict";')


def test_no_script_has_text_over_several_lines_or_that_looks_like_a_comment():
    for path in STATIC.glob("*.js"):
        for line in path.read_text().splitlines():
            code = re.split(r"(?:^|[ \t]+)// ", line)[0]
            assert [x for x in '`"' if code.count(x) % 2] == [], line


def test_no_style_says_in_quotes_what_is_packed_outside_of_them():
    for path in STATIC.glob("*.css"):
        for said in re.findall(r'"[^"\n]*"', re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)):
            assert not re.search(r" [{};]|[{};:] ", said), said


def test_what_others_have_written_goes_out_as_it_is(client):
    name = next(STATIC.glob("vendor/leaflet-*/leaflet.js"))
    with client.get(f"/static/{name.relative_to(STATIC)}", headers={"Accept-Encoding": "gzip"}) as packed:
        assert gzip.decompress(packed.data) == name.read_bytes()


def test_pages_are_not_compressed(client):
    answer = client.get("/login", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
