"""What the schemas of OCPP 1.6 say of a payload: the files of the `ocpp` package, and none of our code."""

import functools
import json
from decimal import Decimal
from importlib.resources import files
from typing import Any

from jsonschema import Draft4Validator
from ocpp.messages import MessageType


def complaints(kind: int, action: str, payload: dict[str, Any]) -> list[str]:
    """What is wrong with it; empty: nothing. Only as a Decimal is 0.3 a multiple of 0.1, here and in the schema."""
    exact = json.loads(json.dumps(payload), parse_float=Decimal)
    return [error.message for error in _validator(kind, action).iter_errors(exact)]


@functools.cache
def _validator(kind: int, action: str) -> Draft4Validator:
    """Not the package's own, which keeps one for each schema with the numbers that its first asker wanted."""
    name = f"{action}Response.json" if kind == MessageType.CallResult else f"{action}.json"
    text = (files("ocpp") / "v16" / "schemas" / name).read_text("utf-8-sig")
    return Draft4Validator(json.loads(text, parse_float=Decimal))
