"""The plan of a site, with its chargers on it."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from make import make_charger, store
from PIL import Image

from csms.domain import chargers, sites
from csms.domain.accounts import Role
from csms.domain.sites import Details, Site


def png(width: int, height: int) -> bytes:
    """A white picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    lines = (b"\x00" + b"\xff" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def garage(site) -> Site:
    """Where the charger stands."""
    made = sites.add(site.session, Details("Garage"), at=site.now)
    site.session.merge(site.charger).site_id = made.id
    store(site.session)
    return made


def upload(browser, page: str, picture: bytes) -> None:
    answer = browser.post(
        page, {"picture": (io.BytesIO(picture), "plan.svg")}, content_type="multipart/form-data"
    )
    assert answer.status_code == 302


def test_a_picture_is_uploaded_and_chargers_are_put_on_it(visitor, site, garage):
    site.status("Faulted")
    olga, page = visitor().log_in(), f"/sites/{garage.id}/plan"
    assert "No plan yet" in olga.text(page)
    upload(olga, page, png(400, 200))
    drawn = olga.text(page)
    assert 'viewBox="0 0 1000 500"' in drawn
    assert "not on the plan" in drawn
    shown = olga.get(f"{page}/picture")
    assert (shown.mimetype, shown.data) == ("image/png", png(400, 200))
    olga.post(f"{page}/place", {"charger": site.charger.id, "left": "25", "top": "50,5"})
    drawn = olga.text(f"{page}/drawn")
    assert 'transform="translate(250.0 252.5)"' in drawn
    assert 'aria-label="Plaza AC-2: Faulted"' in drawn
    olga.post(f"{page}/place", {"charger": site.charger.id, "left": "", "top": ""})
    assert "translate" not in olga.text(f"{page}/drawn")
    olga.post(f"{page}/remove")
    assert "No plan yet" in olga.text(page)


def test_what_is_no_picture_and_what_is_beside_it_is_refused(visitor, site, garage):
    olga, page = visitor().log_in(), f"/sites/{garage.id}/plan"
    upload(olga, page, b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    assert "Choose a picture: a PNG or a JPEG." in olga.text(page)
    photograph = io.BytesIO()
    Image.frombytes("L", (64, 64), bytes(range(256)) * 16).save(photograph, "JPEG")
    for whole in (png(400, 200), photograph.getvalue()):
        upload(olga, page, whole[:-20])
        assert "This picture ends in its middle" in olga.text(page)
        upload(olga, page, whole)
        assert olga.get(f"{page}/picture").data == whole
    upload(olga, page, png(4_100, 4_100))
    assert "4100 × 4100 pixels, more than a phone can show" in olga.text(page)
    upload(olga, page, png(10, 10))
    olga.post(f"{page}/place", {"charger": site.charger.id, "left": "125", "top": "50"})
    assert "between 0 and 100" in olga.text(page)
    other = make_charger(site.session, "CP-2", at=site.now).id
    assert olga.post(f"{page}/place", {"charger": other, "left": "5", "top": "5"}).status_code == 404
    support = visitor().log_in(Role.SUPPORT)
    for path in ("", "/remove", "/place"):
        assert support.post(page + path).status_code == 404
    assert "Put a charger" not in support.text(page)


def test_a_charger_that_moves_leaves_the_plan_and_a_site_goes_with_its_picture(visitor, site, garage):
    olga, page = visitor().log_in(), f"/sites/{garage.id}/plan"
    upload(olga, page, png(10, 10))
    olga.post(f"{page}/place", {"charger": site.charger.id, "left": "5", "top": "5"})
    olga.post(f"/chargers/{site.charger.id}/settings", {"policy": "open", "site": "Depot"})
    site.session.expire_all()
    assert chargers.get(site.session, site.charger.id).plan_x is None
    assert olga.post(f"/sites/{garage.id}/delete").location == "/sites"
