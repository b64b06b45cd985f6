"""Coming in with a card."""

from __future__ import annotations

from flask import Response, jsonify, request

from csms.api import tokens
from csms.api.errors import Problem
from csms.compat.arthexis.door import blueprint
from csms.compat.door import Wrong, body
from csms.web import auth, security

LONGEST_UID = 36


@blueprint.route(
    "/accounts/rfid-login/", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], strict_slashes=False
)
def rfid_login() -> Response:
    """A session for the driver whose card it is: to their own account, never to what operators do."""
    if request.method != "POST":
        raise Wrong(400, {"detail": "POST required"})
    security.refuse_foreign()  # no other site may log somebody in as somebody else
    rfid = str(body().get("rfid") or "").strip()
    if not rfid:
        raise Wrong(400, {"detail": "rfid required"})
    try:
        driver = tokens.driver_of_card(rfid[:LONGEST_UID])
    except Problem as problem:
        detail = "invalid RFID" if problem.status == 401 else problem.detail
        raise Wrong(problem.status, {"detail": detail}) from None
    known = {"id": driver.id, "username": driver.username}
    auth.begin(driver, "log_in.card")
    return jsonify(known)
