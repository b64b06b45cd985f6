"""Nodes: machines that register, by an operator's log-in or by the token that all of them share."""

from __future__ import annotations

import hmac

from flask import Response, current_app, jsonify, request
from limits import RateLimitItemPerMinute

from csms import clock
from csms.api import guard
from csms.api.scopes import Scope
from csms.compat.arthexis.door import blueprint
from csms.compat.door import Wrong, body, needs
from csms.domain import accounts, nodes
from csms.extensions import db
from csms.work import atomic

REGISTRATIONS = RateLimitItemPerMinute(60)  # by address


@blueprint.route("/nodes/register/", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], strict_slashes=False)
def register_node() -> Response:
    """Add a node, or tell that it is there still."""
    if request.method != "POST":
        raise Wrong(400, {"detail": "POST required"})
    address = request.remote_addr or ""
    if not guard.hit(REGISTRATIONS, "node", address):
        raise Wrong(429, {"detail": "Too many registrations: wait a minute."})
    actor = "node" if _has_token() else _operator()
    given = body()
    if not given.get("hostname") or not given.get("address"):
        raise Wrong(400, {"detail": "hostname and address required"})
    at = clock.now()
    with atomic() as session:
        node = nodes.register(
            session,
            hostname=str(given["hostname"]),
            address=str(given["address"]),
            port=nodes.DEFAULT_PORT if given.get("port") in (None, "") else given["port"],
            at=at,
        )
        told = f"{node.address} {node.port}"
        accounts.audit(
            session, actor, "node.registered", at=at, address=address, subject=node.hostname, detail=told
        )
        return jsonify(id=node.id)


@blueprint.get("/nodes/list/", strict_slashes=False)
@needs(Scope.READ, open_in_lab=True)
def list_nodes() -> Response:
    """All nodes by name."""
    at = clock.now()
    told = [
        {
            "hostname": x.hostname,
            "address": x.address,
            "port": x.port,
            "last_seen": x.last_seen_at.isoformat().replace("+00:00", "Z"),
            "is_stale": x.is_stale(at),
        }
        for x in nodes.listed(db.session())
    ]
    return jsonify(nodes=told)


@needs(Scope.OPERATE, open_in_lab=True)
def _operator() -> str:
    return guard.caller().username


def _has_token() -> bool:
    """Whether the request shows the installation's token of nodes, if there is one."""
    token = str(current_app.extensions["settings"].node_token)
    shown = request.headers.get("X-Node-Token", "")
    return bool(token) and hmac.compare_digest(token.encode(), shown.encode())
