"""The description of the API with the old addresses in it: one document, one Swagger page."""

from __future__ import annotations

import copy
import inspect
import re
from typing import Any

from flask import Response, current_app, jsonify, redirect, url_for
from pydantic import BaseModel, Field
from werkzeug.routing import Rule
from werkzeug.wrappers import Response as WerkzeugResponse

from csms.api.document import spec
from csms.api.tokens import Credentials
from csms.compat.ov2xmp.blueprint import blueprint

Document = dict[str, Any]


class _Refresh(BaseModel):
    refresh: str


class _Verify(BaseModel):
    token: str = Field(description="an access token")


_OPEN: dict[str, type[BaseModel]] = {
    "/api/token/": Credentials,
    "/api/token/refresh/": _Refresh,
    "/api/token/verify/": _Verify,
    "/api/auth/register/": Credentials,
    "/api/auth/login/": Credentials,
    "/api/auth/refresh/": _Refresh,
}


@blueprint.get("/api/schema/", strict_slashes=False)
def schema() -> Response:
    """OpenAPI, as JSON."""
    document: Document = copy.deepcopy(spec.spec)
    tags = set()
    for rule in current_app.url_map.iter_rules():
        view = current_app.view_functions[rule.endpoint]
        is_old = view.__module__.startswith("csms.compat.") and view.__module__ != __name__
        if is_old and rule.rule.startswith("/api/"):
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            tags.add(tag := rule.rule.split("/")[2])
            operations = document["paths"].setdefault(path, {})
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                operations[method.lower()] = _operation(document, rule, method, tag, view)
    named = {x["name"] for x in document["tags"]}
    document["tags"] += [{"name": x} for x in sorted(tags - named)]
    return jsonify(document)


@blueprint.get("/api/redoc/", strict_slashes=False)
def redoc() -> WerkzeugResponse:
    """The same description is shown by Swagger."""
    return redirect(url_for("api_document.show"))


def _operation(document: Document, rule: Rule, method: str, tag: str, view: Any) -> Document:
    shape = _OPEN.get(rule.rule) or getattr(view, "shape", None)
    parameters = [_parameter(x, "path") for x in sorted(rule.arguments)]
    if method == "GET" and view.__module__.startswith("csms.compat.ov2xmp."):
        parameters += [_parameter(x, "query") for x in ("fields", "paginate", "limit", "offset")]
    told: Document = {
        "tags": [tag],
        "operationId": f"{rule.endpoint.replace('.', '_')}_{method.lower()}",
        "summary": (inspect.getdoc(view) or rule.endpoint).splitlines()[0],
        "parameters": parameters,
        "responses": {"200": {"description": "OK"}, "400": {"description": "What is wrong, by field"}},
        "security": [] if rule.rule in _OPEN else [{"jwtAuth": []}],
    }
    if shape is not None and method != "GET" and method != "DELETE":
        told["requestBody"] = {"content": {"application/json": {"schema": _schema(document, shape)}}}
    return told


def _parameter(name: str, place: str) -> Document:
    return {"name": name, "in": place, "required": place == "path", "schema": {"type": "string"}}


def _schema(document: Document, shape: type[BaseModel]) -> Document:
    """The shape's schema; what it consists of goes to the components, where this system's names are apart."""
    made = shape.model_json_schema(ref_template="#/components/schemas/ov2xmp_{model}")
    for name, part in made.pop("$defs", {}).items():
        document["components"]["schemas"][f"ov2xmp_{name}"] = part
    return made
