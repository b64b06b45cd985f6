"""Names under which this server is reached, and what each shows first."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from csms import clock
from csms.api import guard
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Out, answers
from csms.domain import hostnames
from csms.domain.hostnames import Module
from csms.extensions import db


class NewHostname(In):
    hostname: str = Field(min_length=1, max_length=253, examples=["accounts.example.org"])
    module: Module


class HostnameOut(Out):
    id: int
    hostname: str
    module: Module
    created_at: datetime


class HostnameList(Out):
    data: list[HostnameOut]


@blueprint.get("/hostnames")
@spec.validate(resp=answers(200, HostnameList), tags=["hostnames"], operation_id="listHostnames")
@needs(Scope.READ)
def list_hostnames() -> HostnameList:
    """All of them by name."""
    return HostnameList(data=[HostnameOut.of(x) for x in hostnames.listed(db.session())])


@blueprint.post("/hostnames")
@spec.validate(resp=answers(200, HostnameOut), tags=["hostnames"], operation_id="putHostname")
@needs(Scope.ADMIN)
def put_hostname(json: NewHostname) -> HostnameOut:
    """Let a name show a module at `/`; a name that is there already shows it from now on."""
    with unit() as session:
        row = hostnames.put(session, json.hostname, json.module, at=clock.now())
        guard.audit(session, "hostname.put", row.hostname, row.module.value)
        return HostnameOut.of(row)


@blueprint.delete("/hostnames/<int:hostname_id>")
@spec.validate(resp=answers(204, None), tags=["hostnames"], operation_id="removeHostname")
@needs(Scope.ADMIN)
def delete_hostname(hostname_id: int) -> tuple[str, int]:
    """From now on it is a name like any other."""
    with unit() as session:
        guard.audit(session, "hostname.removed", hostnames.remove(session, hostname_id).hostname)
    return "", 204
