"""The installation's own logo and accent colour: where the owner sets them, and where pages load them from.

Pages allow nothing inline, so the accent comes as a small stylesheet. Both addresses change with what they hold.
"""

from __future__ import annotations

from dataclasses import dataclass

import gevent
from flask import Blueprint, Flask, Response, abort, current_app, flash, redirect, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock
from csms.domain import branding
from csms.domain.base import Invalid
from csms.domain.branding import Look, Shades
from csms.extensions import limiter
from csms.installation import apply_stored
from csms.web.languages import said
from csms.web.security import put_on_record, requires
from csms.web.settings import Page, installation
from csms.work import atomic

blueprint = Blueprint("branding", __name__)

# On dark grounds a logo stands on a white plate: most are drawn for paper.
PLATE = "background:#fff;padding:4px 6px;border-radius:6px"
LOGO = """.logo{display:block;width:auto;height:auto;max-width:200px;max-height:40px}
.brand .logo{width:auto;height:auto;max-width:170px;max-height:34px}
.topbar .brand .logo{max-width:96px;max-height:28px}
.land .logo{margin-bottom:8px}
"""

NEARLY_SQUARE = 1.5  # one side to the other: longer logos are not made out at 16 px
# As favicon.svg.
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="{ground}"/>'
    '<path d="M17.4 4.6 8.2 17.2h5.9l-1.5 10.2 11.2-13.6h-6.9z" fill="#fff"/></svg>'
)


@dataclass(frozen=True, slots=True)
class Brand:
    """`brand` of every template. Addresses are empty where the house's own are shown."""

    logo: str = ""
    width: int = 0  # px of the picture
    height: int = 0
    stylesheet: str = ""
    icon: str = ""  # of the browser's tab while nothing is wrong


def register(app: Flask) -> None:
    """Give every template `brand`. What is stored is put over the house's look where the server starts."""
    app.extensions["look"] = Look()

    @app.context_processor
    def _brand() -> dict[str, Brand]:
        return {"brand": brand()}


def look() -> Look:
    """What this process shows now."""
    shown: Look = current_app.extensions["look"]
    return shown


def brand() -> Brand:
    """Where pages find it."""
    shown = look()
    if not shown.digest:
        return Brand()
    stylesheet = url_for("branding.stylesheet", digest=shown.digest)
    sign = url_for("branding.icon", digest=shown.digest) if shown.accent else ""
    logo = shown.logo
    if logo is None:
        return Brand(stylesheet=stylesheet, icon=sign)
    picture = url_for("branding.picture", digest=shown.digest)
    is_square = max(logo.width, logo.height) <= NEARLY_SQUARE * min(logo.width, logo.height)
    return Brand(picture, logo.width, logo.height, stylesheet, picture if is_square else sign)


@blueprint.get("/brand/<digest>.css")
@limiter.exempt
def stylesheet(digest: str) -> Response:
    """What the look changes in app.css and land.css."""
    shown = look()
    return _kept(Response(style_of(shown), mimetype="text/css"), digest == shown.digest)


@blueprint.get("/brand/<digest>.png")
@limiter.exempt
def picture(digest: str) -> Response:
    """The logo."""
    shown = look()
    if shown.logo is None:
        abort(404)
    return _kept(Response(shown.logo.png, mimetype="image/png"), digest == shown.digest)


@blueprint.get("/brand/<digest>.svg")
@limiter.exempt
def icon(digest: str) -> Response:
    """The house's sign on the accent, for the browser's tab."""
    shown = look()
    if shown.accent is None:
        abort(404)
    drawn = ICON.format(ground=shown.accent)
    return _kept(Response(drawn, mimetype="image/svg+xml"), digest == shown.digest)


@blueprint.post("/settings/accent")
@requires("own")
def change_accent() -> Page:
    """Take a colour that can be read; for one that cannot, offer the nearest one."""
    given = request.form.get("accent", "").strip()
    try:
        with atomic() as session:
            branding.set_accent(session, given, at=clock.now())
            put_on_record(session, "settings.accent", None, given or None)
    except Invalid as error:
        offered = str(error.values.get("near", given))
        return installation({"accent": offered}, {"accent": said(error)}), 422
    return _saved()


@blueprint.post("/settings/logo")
@requires("own")
def change_logo() -> Page:
    """Take a picture, written anew. More than a request may bring is refused with 413 before this."""
    sent = request.files.get("logo")
    content = sent.read() if sent else b""
    try:
        logo = gevent.get_hub().threadpool.apply(branding.logo_of, (content,))
    except Invalid as error:
        return installation({}, {"logo": said(error)}), 422
    with atomic() as session:
        branding.set_logo(session, logo, at=clock.now())
        put_on_record(session, "settings.logo", None)
    return _saved()


@blueprint.post("/settings/logo/remove")
@requires("own")
def remove_logo() -> WerkzeugResponse:
    with atomic() as session:
        branding.set_logo(session, None, at=clock.now())
        put_on_record(session, "settings.logo_removed", None)
    return _saved()


def style_of(shown: Look) -> str:
    """The stylesheet of a look: plain rules, as drivers' pages are read on old phones too."""
    style = ""
    if shades := shown.shades:
        style += f":root{{{_day(shades)}}}\n{_in_the_dark('', _dark(shades))}"
        style += f".label header{{padding-bottom:1mm;border-bottom:.8mm solid {shades.day}}}\n"
    if shown.logo:
        style += LOGO + _in_the_dark(" .logo", PLATE)
    return style


def _day(shades: Shades) -> str:
    pressed = f"--accent-deep:{shades.day_pressed};--press:{shades.day_pressed}"
    return f"--accent:{shades.day};--on-accent:#fff;{pressed}"


def _dark(shades: Shades) -> str:
    pressed = f"--accent-deep:{shades.dark_pressed};--press:{shades.dark_pressed}"
    return f"--accent:{shades.dark};--on-accent:#0a1626;{pressed}"


def _in_the_dark(where: str, rules: str) -> str:
    """For those whose system is dark and who have not chosen light, and who have chosen dark. Not on paper."""
    return (
        f'@media screen and (prefers-color-scheme:dark){{:root:not([data-theme="light"]){where}{{{rules}}}}}\n'
        f'@media screen{{:root[data-theme="dark"]{where}{{{rules}}}}}\n'
    )


def _kept(response: Response, is_current: bool) -> Response:
    """By browsers, for ever; not by those that ask with an address of another look."""
    kept = "public, max-age=31536000, immutable" if is_current else "no-store"
    response.headers["Cache-Control"] = kept
    return response


def _saved() -> WerkzeugResponse:
    apply_stored(current_app._get_current_object())  # type: ignore[attr-defined]
    flash(gettext("Saved."), "success")
    return redirect(url_for("settings.index"))
