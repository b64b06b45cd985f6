"""The installation's own logo and accent colour: set by the owner, seen by drivers."""

from __future__ import annotations

import io
import re
from email import message_from_bytes, policy

import pytest
from PIL import Image, ImageDraw
from pypdf import PdfReader

from csms import mail
from csms.domain.accounts import Role
from csms.domain.mail import Mail
from tests.web.visitor import told

GREEN = "#0a6b3d"


def picture(kind: str = "PNG", size: tuple[int, int] = (800, 200)) -> bytes:
    """An orange disk."""
    drawn = Image.new("RGB", size, "white")
    ImageDraw.Draw(drawn).ellipse((4, 4, size[1] - 4, size[1] - 4), fill="#ff6600")
    written = io.BytesIO()
    drawn.save(written, kind, comment=b"where I live") if kind == "JPEG" else drawn.save(written, kind)
    return written.getvalue()


def upload(browser, content: bytes, name: str = "logo.png"):
    form = {"logo": (io.BytesIO(content), name)}
    return browser.post("/settings/logo", form, content_type="multipart/form-data")


def branded(visitor):
    """The owner, who has set both."""
    olga = visitor().log_in()
    assert upload(olga, picture()).status_code == 302
    assert olga.post("/settings/accent", {"accent": GREEN}).status_code == 302
    return olga


def logo_at(page: str) -> str:
    found = re.search(r'class="(?:label-)?logo" src="(/brand/\w+\.png)"', page)
    assert found, page[:3000]
    return found[1]


def test_without_branding_nothing_of_it_is_on_a_page(visitor, site):
    olga = visitor().log_in()
    for page in ("/settings", "/labels", f"/c/{site.slug}", "/find", "/login"):
        assert "/brand/" not in olga.text(page)


def test_logo_and_accent_are_on_every_page_that_people_see(visitor, site):
    olga, driver = branded(visitor), visitor()
    running = site.begin(at=site.now)
    for who, page in (
        (olga, "/sessions"),
        (olga, "/labels"),
        (driver, "/login"),
        (driver, f"/c/{site.slug}"),
        (driver, f"/s/{running.secret}"),
    ):
        shown = who.text(page)
        logo = who.get(logo_at(shown))
        assert (logo.mimetype, logo.data[:4]) == ("image/png", b"\x89PNG")
        assert "immutable" in logo.headers["Cache-Control"]
        sheet = re.search(r'<link rel="stylesheet" href="(/brand/\w+\.css)">', shown)
        assert f"--accent:{GREEN}" in who.text(sheet[1])


def test_a_picture_is_made_small_and_loses_what_came_with_it(visitor, site):
    olga = visitor().log_in()
    for kind in ("JPEG", "WEBP", "PNG"):
        assert upload(olga, picture(kind, (2400, 1200))).status_code == 302
        kept = olga.get(logo_at(olga.text("/settings"))).data
        assert Image.open(io.BytesIO(kept)).size == (192, 96)
        assert len(kept) < 5_000
        assert b"where I live" not in kept


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "Choose a picture"),
        (b"", "Choose a picture"),
        (picture()[:90], "Choose a picture"),
        (picture("GIF"), "Choose a picture"),
        (picture(size=(8, 8)), "between 16 and 4000 pixels"),
        (picture(size=(4001, 20)), "between 16 and 4000 pixels"),
    ],
)
def test_what_is_no_logo_is_refused_with_the_reason(visitor, site, content, why):
    olga = visitor().log_in()
    answer = upload(olga, content, "logo.svg")
    assert answer.status_code == 422
    assert why in told(answer)
    assert "/brand/" not in olga.text("/settings")


def test_a_colour_that_cannot_be_read_is_refused_and_a_near_one_offered(visitor, site):
    olga = visitor().log_in()
    answer = olga.post("/settings/accent", {"accent": "#ffd400"})
    assert answer.status_code == 422
    assert "below 4.5 to 1" in told(answer)
    offered = re.search(r'type="color" value="(#\w{6})"', told(answer))
    assert offered
    assert offered[1] in told(answer).split("is near to it")[0]
    assert olga.post("/settings/accent", {"accent": offered[1]}).status_code == 302
    assert olga.post("/settings/accent", {"accent": "red;}"}).status_code == 422


def test_an_owner_goes_back_to_the_usual_look(visitor, site):
    olga = branded(visitor)
    olga.post("/settings/logo/remove")
    olga.post("/settings/accent", {"accent": ""})
    assert "/brand/" not in olga.text("/settings")
    audit = olga.text("/settings/audit")
    for action in ("settings.logo", "settings.accent", "settings.logo_removed"):
        assert action in audit


def test_the_landing_page_stays_within_its_30_kb(visitor, site):
    branded(visitor)
    site.status("Available")
    driver, total = visitor(), 0
    page = driver.get(f"/c/{site.slug}")
    files = set(re.findall(r'(?:href|src)="(/(?:static|brand)/[^"#]+)', page.get_data(as_text=True)))
    assert len([x for x in files if x.startswith("/brand/")]) == 3
    for file in files:
        with driver.get(file, headers={"Accept-Encoding": "gzip"}) as answer:
            total += len(answer.data)
    assert len(page.data) + total <= 30_000


def test_receipts_carry_the_logo(visitor, site):
    branded(visitor)
    ended = site.end(site.begin(at=site.now), 9_000)
    driver = visitor()
    pdf = PdfReader(io.BytesIO(driver.get(f"/s/{ended.secret}/receipt.pdf").data))
    assert len(pdf.pages[0].images) == 1
    assert logo_at(driver.text(f"/s/{ended.secret}/receipt"))


def test_mails_carry_the_logo_and_load_nothing(visitor, app, site):
    branded(visitor)
    with app.app_context():
        queued = Mail(
            recipient="dora@example.org",
            subject="Hello",
            text="One.\n\nhttps://example.org/x",
            message_id="x",
            language="en",
            created_at=site.now,
            attachments=[],
        )
        sent = message_from_bytes(mail.message(queued).as_bytes(), policy=policy.default)
    html = sent.get_body(("html",)).get_content()
    assert GREEN in html
    cid = re.search(r'src="cid:([^"]+)"', html)[1]
    [logo] = [x for x in sent.walk() if x["Content-ID"] == f"<{cid}>"]
    assert logo.get_content()[:4] == b"\x89PNG"
    assert "One." in sent.get_body(("plain",)).get_content()


@pytest.mark.parametrize("role", [x for x in Role if x is not Role.OWNER])
def test_others_do_not_change_the_look(visitor, site, role):
    other = visitor().log_in(role)
    assert other.post("/settings/accent", {"accent": GREEN}).status_code == 404
    assert upload(other, picture()).status_code == 404


def icons(page: str) -> tuple[str, str, str]:
    """(shown now, while nothing is wrong, while something is)."""
    [found] = re.findall(r'rel="icon"[^>]* href="([^"]+)" data-calm="([^"]+)" data-fault="([^"]+)"', page)
    return found


def test_the_icon_of_the_tab_follows_the_accent_and_is_red_on_faults(visitor, site):
    olga = visitor().log_in()
    olga.post("/settings/accent", {"accent": GREEN})
    shown, calm, fault = icons(olga.text("/sessions"))
    assert (shown, "favicon-fault" in fault) == (calm, True)
    icon = olga.get(calm)
    assert (icon.mimetype, GREEN in icon.text) == ("image/svg+xml", True)
    site.status("Faulted")
    assert icons(olga.text("/sessions")) == (fault, calm, fault)
    for page in ("/login", f"/c/{site.slug}"):
        assert f'href="{calm}"' in visitor().text(page)


@pytest.mark.parametrize(("size", "is_shown"), [((300, 300), True), ((300, 210), True), ((800, 200), False)])
def test_a_logo_that_is_nearly_a_square_is_the_icon(visitor, site, size, is_shown):
    olga = visitor().log_in()
    upload(olga, picture(size=size))
    calm = icons(olga.text("/sessions"))[1]
    assert ("/brand/" in calm) is is_shown
    if is_shown:
        assert olga.get(calm).mimetype == "image/png"
