"""The description of the API, made from its views and models, and the page that shows it."""

from __future__ import annotations

from typing import Any, cast

from flask import Blueprint, render_template
from pydantic import ValidationError
from spectree import SecurityScheme, SecuritySchemeData, SpecTree
from spectree.model_adapter.protocol import ModelAdapter, SchemaMode
from spectree.model_adapter.pydantic_adapter import PydanticModelAdapter
from spectree.models import SecureType

from csms.api import errors
from csms.api.shapes import ProblemOut

DESCRIPTION = """Chargers, transactions, cards, tariffs and commands of this installation.

Get a token from `POST /api/v1/token`, or an API key from an owner, and give it as `Authorization: Bearer …`. Energy is
in Wh, times are RFC 3339 in UTC, money is an amount as text with its currency. What goes wrong is told as an RFC 9457
problem."""

blueprint = Blueprint("api_document", __name__, url_prefix="/api")


def _refuse(_request: Any, _response: Any, error: Exception | None, _instance: Any, _adapter: Any) -> None:
    """Called by SpecTree when it has looked at a request: our problem, not its list."""
    if isinstance(error, ValidationError):
        raise errors.of_validation(error)


class _Models(PydanticModelAdapter):
    """Pydantic's, with each schema made once: SpecTree asks for it at every route, a second of each start in all."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[tuple[type[Any], str, SchemaMode], dict[str, Any]] = {}

    def json_schema(
        self, model: type[Any], *, ref_template: str, mode: SchemaMode = "validation"
    ) -> dict[str, Any]:
        made = self._made.get((model, ref_template, mode))
        if made is None:
            made = super().json_schema(model, ref_template=ref_template, mode=mode)
            self._made[model, ref_template, mode] = made
        return made


def _child_name(_parent: str, child: str) -> str:
    return child


spec = SpecTree(
    "flask",
    before=_refuse,
    model_adapter=cast("ModelAdapter[Any, Exception, Any]", _Models()),
    validation_error_model=ProblemOut,
    naming_strategy=lambda model: model.__name__,
    nested_naming_strategy=_child_name,
    mode="strict",
    path="apidoc",  # SpecTree leaves out of its description whatever lies under its own path; ours are other routes
    openapi_version="3.1.0",
    title="Amberline API",
    version="1",
    description=DESCRIPTION,
    security_schemes=[
        SecurityScheme(
            name="jwtAuth",
            data=SecuritySchemeData(type=SecureType.HTTP, scheme="bearer", bearer_format="JWT"),
        ),
        SecurityScheme(
            name="apiKey",
            data=SecuritySchemeData(
                type=SecureType.HTTP, scheme="bearer", bearer_format="csms_live_… or csms_test_…"
            ),
        ),
    ],
    security=[{"jwtAuth": []}, {"apiKey": []}],
)


@blueprint.get("/openapi.json")
def openapi() -> dict[str, Any]:
    document: dict[str, Any] = spec.spec
    for methods in document["paths"].values():
        for operation in methods.values():
            _name_problems(operation["responses"])
    return document


def _name_problems(responses: dict[str, Any]) -> None:
    """SpecTree calls every answer application/json, and RFC 9457 has a name of its own for problems."""
    for answer in responses.values():
        content = answer.get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        if schema.get("$ref", "").endswith(f"/{ProblemOut.__name__}"):
            content[errors.MIMETYPE] = content.pop("application/json")


@blueprint.get("/", strict_slashes=False)
def show() -> str:
    return render_template("api/show.html")
