"""Is the server up, and can it do its work? For whoever watches over it."""

from flask import Blueprint, Response, current_app
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from csms.extensions import db, limiter

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@limiter.exempt
def alive() -> Response:
    """The process answers."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
@limiter.exempt
def ready() -> Response:
    """The process answers, and its database does too and takes what chargers say; 503 otherwise."""
    door = current_app.extensions.get("door")
    if door is not None and door.lane.is_down:
        return Response("the database takes nothing\n", 503, mimetype="text/plain")
    try:
        db.session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return Response("the database does not answer\n", 503, mimetype="text/plain")
    return Response("ok\n", mimetype="text/plain")
