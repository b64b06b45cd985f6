"""The first steps with the API, in commands for this very host; what can go wrong, and what webhooks tell."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask_babel import lazy_gettext

from csms.files import settings
from csms.web.webhooks import WORDS

blueprint = Blueprint("developers", __name__, url_prefix="/developers")

SAMPLES = (("Python", "verify_webhook.py"), ("JavaScript (Node.js)", "verify_webhook.mjs"))
# What `code` of a problem says: its status, and what to do. A test looks that every code is here.
PROBLEMS = (
    ("bad_json", "400", lazy_gettext("The body is no JSON. Send an object.")),
    ("bad_request", "400", lazy_gettext("A header or an address is not as it should be; detail says which.")),
    ("bad_card", "401", lazy_gettext("The card opens no driver’s account.")),
    ("bad_code", "401", lazy_gettext("The code of the authenticator is wrong, or was used before.")),
    ("bad_credentials", "401", lazy_gettext("The user name or the password is wrong.")),
    ("bad_key", "401", lazy_gettext("The API key is not known here, has expired, or was revoked.")),
    ("bad_link", "401, 422", lazy_gettext("The link was used, or has ended. Ask for another one.")),
    ("bad_refresh", "401", lazy_gettext("The refresh token was used, or has ended. Log in again.")),
    ("second_factor", "401, 403", lazy_gettext("Give code too, from the authenticator.")),
    ("token_expired", "401", lazy_gettext("The access token is over. Refresh it.")),
    ("unauthorized", "401", lazy_gettext("There is no token, or it is not good.")),
    ("forbidden", "403", lazy_gettext("The role, or the scopes of the key, do not allow it.")),
    ("second_factor_missing", "403", lazy_gettext("The role needs a second factor. Set it up on the pages.")),
    ("not_found", "404", lazy_gettext("There is no such thing, or none that you may see.")),
    (
        "method_not_allowed",
        "405",
        lazy_gettext("The address is right, the method is not; Allow says which are."),
    ),
    ("conflict", "409", lazy_gettext("The state of things does not allow it; detail says why.")),
    ("idempotency_conflict", "422", lazy_gettext("The Idempotency-Key was used for another request.")),
    (
        "idempotency_in_progress",
        "409",
        lazy_gettext("The same request is being done. Look again in a moment."),
    ),
    ("idempotency_secret", "409", lazy_gettext("It was done before, and its answer held a secret.")),
    ("request_entity_too_large", "413", lazy_gettext("The body is too large.")),
    ("unsupported_media_type", "415", lazy_gettext("Send Content-Type: application/json.")),
    ("invalid", "422", lazy_gettext("Something in the request makes no sense; errors points at each fault.")),
    ("too_many_requests", "429", lazy_gettext("Too many, too fast. Wait for Retry-After seconds.")),
    ("internal", "500", lazy_gettext("A fault of ours; it stands in the server’s log under request_id.")),
    (
        "unavailable",
        "503",
        lazy_gettext("The database is away; nothing was changed. Come back after Retry-After seconds."),
    ),
)


@blueprint.get("", strict_slashes=False)
def show() -> str:
    folder = settings().root / "static" / "samples"
    return render_template(
        "developers/show.html",
        host=request.host_url.rstrip("/"),
        problems=PROBLEMS,
        events=[(x.value, words) for x, words in WORDS.items()],
        samples=[(words, name, (folder / name).read_text(encoding="utf-8")) for words, name in SAMPLES],
    )
