"""How the installation looks: its accent colour and its logo."""

from __future__ import annotations

from typing import Any

import gevent
from flask import Response, request
from pydantic import Field

from csms import clock
from csms.api import guard
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Out, answers
from csms.domain import branding
from csms.domain.base import NotFound
from csms.extensions import db
from csms.work import atomic

ACCENT = "the colour of links and buttons, as in #0b62c4; null: that of the house"


class BrandingChange(In):
    accent: str | None = Field(description=ACCENT)


class BrandingOut(Out):
    """`logo_width` and `logo_height`: px of the picture at `/branding/logo`; null where there is none."""

    accent: str | None = Field(description=ACCENT)
    logo_width: int | None
    logo_height: int | None


def _out() -> BrandingOut:
    look = branding.look(db.session())
    logo = look.logo
    return BrandingOut(
        accent=look.accent,
        logo_width=logo.width if logo else None,
        logo_height=logo.height if logo else None,
    )


@blueprint.get("/branding")
@spec.validate(resp=answers(200, BrandingOut), tags=["settings"], operation_id="getBranding")
@needs(Scope.READ)
def show_branding() -> BrandingOut:
    """The accent colour and the size of the logo."""
    return _out()


@blueprint.patch("/branding")
@spec.validate(resp=answers(200, BrandingOut), tags=["settings"], operation_id="changeBranding")
@needs(Scope.ADMIN)
def change_branding(json: BrandingChange) -> BrandingOut:
    """Another accent. One that would be hard to read is refused, and a shade near to it is named."""
    with atomic() as session:
        branding.set_accent(session, (json.accent or "").strip(), at=clock.now())
        guard.audit(session, "settings.accent", None, json.accent)
    return _out()


@blueprint.get("/branding/logo")
@spec.validate(
    resp=answers(200, None, "The logo, a PNG."),
    tags=["settings"],
    operation_id="getLogo",
    skip_validation=True,
)
@needs(Scope.READ)
def show_logo() -> Response:
    """The logo as a PNG; 404 where the house's own is shown."""
    logo = branding.look(db.session()).logo
    if logo is None:
        raise NotFound("There is no logo.")
    return Response(logo.png, mimetype="image/png")


@blueprint.put("/branding/logo")
@spec.validate(resp=answers(200, BrandingOut), tags=["settings"], operation_id="uploadLogo")
@guard.takes_bytes
@needs(Scope.ADMIN)
def upload_logo() -> BrandingOut:
    """A PNG, JPEG or WebP of at most 1 MB, as the body; it is made small and written anew."""
    content = request.get_data()
    db.session.remove()  # reading the picture may take a while
    logo = gevent.get_hub().threadpool.apply(branding.logo_of, (content,))
    with atomic() as session:
        branding.set_logo(session, logo, at=clock.now())
        guard.audit(session, "settings.logo", None)
    return _out()


@blueprint.delete("/branding/logo")
@spec.validate(resp=answers(204, None), tags=["settings"], operation_id="removeLogo")
@needs(Scope.ADMIN)
def remove_logo() -> Any:
    """Show the house's own again."""
    with atomic() as session:
        if branding.look(session).logo is None:
            raise NotFound("There is no logo.")
        branding.set_logo(session, None, at=clock.now())
        guard.audit(session, "settings.logo_removed", None)
    return "", 204
