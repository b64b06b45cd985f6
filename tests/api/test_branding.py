"""The installation's look, through the API."""

from __future__ import annotations

import io

from PIL import Image

from tests.api.caller import Api


def picture(size: tuple[int, int] = (600, 200)) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, "#ff6600").save(written, "PNG")
    return written.getvalue()


def send(owner: Api, content: bytes):
    return owner.call("PUT", "/branding/logo", data=content, headers={"Content-Type": "image/png"})


def test_the_accent_is_set_and_one_that_nobody_could_read_is_refused_with_a_shade_near_to_it(
    owner: Api,
) -> None:
    assert owner.get("/branding").json == {"accent": None, "logo_width": None, "logo_height": None}
    assert owner.patch("/branding", {"accent": "#0a6b3d"}).json["accent"] == "#0a6b3d"
    refused = owner.patch("/branding", {"accent": "#ffee00"})
    assert (refused.status_code, "is near to it" in refused.text) == (422, True)
    assert owner.get("/branding").json["accent"] == "#0a6b3d"
    assert owner.patch("/branding", {"accent": None}).json["accent"] is None


def test_the_logo_comes_as_bytes_goes_as_a_png_and_is_taken_away(owner: Api) -> None:
    assert owner.get("/branding/logo").status_code == 404
    assert send(owner, picture()).json["logo_width"] == 288
    logo = owner.get("/branding/logo")
    assert (logo.mimetype, Image.open(io.BytesIO(logo.data)).size) == ("image/png", (288, 96))
    refused = send(owner, b"<svg/>")
    assert (refused.status_code, "Choose a picture" in refused.text) == (422, True)
    assert [owner.delete("/branding/logo").status_code for _ in range(2)] == [204, 404]
    assert owner.get("/branding").json["logo_width"] is None
