"""What is kept for how long: where the owner sees it and sets it."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from csms import channels, checkup, clock, installation, mail, retention, webhooks
from csms.domain.payments import news
from csms.extensions import db
from csms.retention import Amount
from csms.web.security import put_on_record, requires
from csms.work import atomic

blueprint = Blueprint("retention", __name__, url_prefix="/settings/retention")

Page = str | Response | tuple[str, int]


@blueprint.get("")
@requires("own")
def index() -> str:
    return _page({}, {}, {})


@blueprint.post("")
@requires("own")
def change() -> Page:
    """Set the limits. What they would delete is told first, and its number must be typed (UX §1e)."""
    given = installation.written(request.form, retention.LIMITS)
    if problems := installation.problems(given):
        return _page(given, problems, {}), 422
    at = clock.now()
    lost = retention.lost(db.session(), {name: int(value) for name, value in given.items()}, at=at)
    count = sum(x.count for x in lost.values())
    if lost and request.form.get("typed", "").strip() != str(count):
        asked = gettext("Type %(count)s to confirm: that many are meant now.", count=count)
        return _page(given, {"typed": asked} if "typed" in request.form else {}, lost), 422
    with atomic() as session:
        installation.keep(session, given, at=at)
        put_on_record(session, "settings.retention", None, installation.told(given))
    installation.apply_stored(current_app._get_current_object())  # type: ignore[attr-defined]
    flash(gettext("Saved."), "success")
    return redirect(url_for(".index"))


def _page(given: Mapping[str, str], problems: Mapping[str, str], lost: Mapping[str, Amount]) -> str:
    """With what was typed, what is wrong with it, and what it would delete."""
    session, config = db.session(), current_app.extensions["settings"]
    return render_template(
        "settings/retention.html",
        config=config,
        given={name: str(value) for name, value in retention.limits().items()} | dict(given),
        problems=problems,
        lost=lost,
        held=retention.held(session, clock.now()),
        database_bytes=checkup.database_bytes(session),
        days={
            "mails": mail.KEPT_FOR.days,
            "told": webhooks.KEPT_FOR.days,
            "alerts": channels.KEPT_FOR.days,
            "payments": news.KEPT_FOR.days,
        },
    )
