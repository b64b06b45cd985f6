"""Other machines that run this program."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy import select

from csms import clock
from csms.api import guard
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Out, answers
from csms.domain import nodes
from csms.domain.nodes import Node
from csms.extensions import db


class NewNode(In):
    hostname: str = Field(min_length=1, max_length=120, examples=["depot-north"])
    address: str = Field(min_length=1, max_length=253, description="an IP address or a host name")
    port: int = Field(nodes.DEFAULT_PORT, ge=1, le=65535)


class NodeOut(Out):
    """`is_stale`: it has not registered for a day."""

    id: int
    hostname: str
    address: str
    port: int
    last_seen_at: datetime
    is_stale: bool


class NodeList(Out):
    data: list[NodeOut]
    next_cursor: str | None


@blueprint.get("/nodes")
@spec.validate(resp=answers(200, NodeList), tags=["nodes"], operation_id="listNodes")
@needs(Scope.READ)
def list_nodes(query: Listing) -> Any:
    """Nodes by name."""
    at = clock.now()
    found = page(db.session(), select(Node), (Node.hostname_folded,), query)
    data = [NodeOut.of(x, is_stale=x.is_stale(at)) for x in found.rows]
    return NodeList(data=data, next_cursor=found.next_cursor), found.headers


@blueprint.post("/nodes")
@spec.validate(resp=answers(200, NodeOut), tags=["nodes"], operation_id="registerNode")
@needs(Scope.OPERATE)
def register_node(json: NewNode) -> NodeOut:
    """Add a node, or tell that it is there still: nodes are known by their name."""
    at = clock.now()
    with unit() as session:
        node = nodes.register(session, hostname=json.hostname, address=json.address, port=json.port, at=at)
        guard.audit(session, "node.registered", node.hostname, f"{node.address} {node.port}")
        return NodeOut.of(node, is_stale=False)


@blueprint.delete("/nodes/<int:node_id>")
@spec.validate(resp=answers(204, None), tags=["nodes"], operation_id="removeNode")
@needs(Scope.OPERATE)
def delete_node(node_id: int) -> tuple[str, int]:
    """Forget a node; it comes back when it registers again."""
    with unit() as session:
        guard.audit(session, "node.removed", nodes.remove(session, node_id).hostname)
    return "", 204
