"""The outbox, for the owner: what was sent to whom, what waits, and why."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from csms import clock, mail
from csms.domain import mail as outbox
from csms.domain.base import Invalid, Refused
from csms.domain.mail import Mail, MailState
from csms.extensions import db
from csms.web.languages import said
from csms.web.security import actor, put_on_record, requires
from csms.work import atomic

blueprint = Blueprint("mails", __name__, url_prefix="/settings/mail")

Page = str | tuple[str, int] | Response

PAGE = 50


@blueprint.get("")
@requires("own")
def index() -> str:
    return _page({})


def _page(problems: Mapping[str, str]) -> str:
    state = request.args.get("state", "")
    before_id = request.args.get("before", type=int)
    query = outbox.listed(
        words=request.args.get("q", ""), state=MailState(state) if state in set(MailState) else None
    )
    if before_id is not None:
        query = query.where(Mail.id < before_id)
    rows = db.session.scalars(query.order_by(Mail.id.desc()).limit(PAGE + 1)).all()
    settings = current_app.extensions["settings"]
    return render_template(
        "settings/mail.html",
        mails=rows[:PAGE],
        next_url=url_for(".index", state=state or None, before=rows[PAGE - 1].id) if rows[PAGE:] else None,
        is_first=before_id is None,
        state=state,
        waiting=outbox.waiting(db.session()),
        server=settings.mail_server,
        sender=mail.sender(settings),
        may_read=current_app.config["LAB"] and settings.mail_server is None,
        given=request.form,
        problems=problems,
        now=clock.now(),
    )


@blueprint.post("/test")
@requires("own")
def send_test() -> Page:
    """A mail to whoever asks, to see whether the server is set up well."""
    try:
        with atomic() as session:
            queued = mail.write(
                session, "test", request.form.get("email", ""), at=clock.now(), username=actor()
            )
            put_on_record(session, "mail.test", queued.recipient)
    except (Invalid, Refused) as error:
        return _page({"email": said(error)}), 422
    flash(gettext("A test to %(address)s is on its way.", address=queued.recipient), "success")
    return redirect(url_for(".index"))


@blueprint.post("/<int:mail_id>/retry")
@requires("own")
def retry(mail_id: int) -> Response:
    try:
        with atomic() as session:
            queued = outbox.find(session, mail_id)
            outbox.retry(session, queued, at=clock.now())
            put_on_record(session, "mail.retried", queued.recipient)
    except Refused as error:
        flash(said(error), "error")
    else:
        flash(gettext("It is tried again."), "success")
    return redirect(url_for(".index"))
