"""What peers order for their drivers (OCPI 2.2.1 §13.2.1): taken or not at once, and how it ended to response_url."""

from __future__ import annotations

from typing import Any

from flask import Response

from csms import clock, roaming
from csms.domain.base import Invalid, NotFound, Refused
from csms.domain.roaming import orders
from csms.domain.roaming.orders import Ordered, UnknownSession
from csms.ocpi.door import BAD, GENERIC, OK, UNKNOWN_PLACE, Problem, again, answer, blueprint, body
from csms.roaming import VERSION
from csms.work import atomic


@blueprint.post(f"/{VERSION}/commands/<kind>", strict_slashes=False)
def order(kind: str) -> Response:
    """§13.2.1.1"""
    if kind not in orders.VERBS:
        raise Problem(404, GENERIC, "There is no such command.")
    told = body()
    if not roaming.is_address(told.get("response_url")):
        return answer(status_code=BAD, message="response_url is an address of a web server.")
    try:
        with atomic() as session:
            orders.give(session, kind, Ordered(again(session), told, clock.now()))
    except UnknownSession as error:
        return _response("UNKNOWN_SESSION", str(error))
    except NotFound as error:
        return _response("REJECTED", str(error), UNKNOWN_PLACE)
    except Invalid as error:
        return _response("REJECTED", str(error), BAD)
    except Refused as error:
        return _response("REJECTED", str(error))
    return _response("ACCEPTED")


def _response(result: str, words: str | None = None, status_code: int = OK) -> Response:
    """§13.3.1"""
    told: dict[str, Any] = {"result": result, "timeout": orders.TIMEOUT_S}
    if words is not None:
        told["message"] = [{"language": "en", "text": words}]
    return answer(told, status_code=status_code, message=words or "Success")
