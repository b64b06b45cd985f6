"""Whether an Odoo server lets us in."""

from __future__ import annotations

from flask import Response, jsonify

from csms.api import odoo
from csms.api.errors import Problem
from csms.api.scopes import Scope
from csms.compat.arthexis.door import blueprint
from csms.compat.door import Wrong, needs
from csms.odoo import Verdict


@blueprint.route("/odoo/test/<int:instance_id>/", methods=["GET", "POST"], strict_slashes=False)
@needs(Scope.ADMIN)
def test_odoo(instance_id: int) -> Response:
    """200 for success, 401 for a wrong log-in, 400 for anything else, with the reason; 404 for no such instance."""
    try:
        outcome = odoo.tested(instance_id)
    except Problem as problem:
        raise Wrong(problem.status, {"detail": problem.detail}) from None
    if outcome.verdict is Verdict.SUCCESS:
        return jsonify(detail="success")
    if outcome.verdict is Verdict.INVALID_CREDENTIALS:
        raise Wrong(401, {"detail": "invalid credentials"})
    raise Wrong(400, {"detail": outcome.detail})
