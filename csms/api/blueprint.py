"""Where the views of version 1 are hung, with what stands before and after each of them."""

from flask import Blueprint

from csms.api import errors, guard, replay

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
errors.translate(blueprint)
guard.protect(blueprint)
replay.offer(blueprint)
