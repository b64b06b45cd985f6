"""Static files go out compressed, pages with their secrets do not."""

import gzip


def test_a_browser_that_can_gets_static_files_compressed(client):
    with client.get("/static/app.css", headers={"Accept-Encoding": "gzip"}) as packed:
        assert packed.headers["Content-Encoding"] == "gzip"
        small = packed.data
    with client.get("/static/app.css") as plain:
        assert "Content-Encoding" not in plain.headers
        assert gzip.decompress(small) == plain.data
        assert len(small) < len(plain.data) / 2


def test_pages_are_not_compressed(client):
    answer = client.get("/login", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
