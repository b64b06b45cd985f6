"""The product as `wsgi.py` starts it; each answer tells how many queries it took, in its head."""

# isort: off
from wsgi import app, config  # first of all: it patches what everything else imports
# isort: on

from typing import Any

from flask import Response, g, has_request_context
from sqlalchemy import Engine, event

from bench.server import QUERIES
from csms.serve import serve


def count(_connection: object, _cursor: object, statement: str, *_: Any) -> None:
    if has_request_context() and statement != "BEGIN":
        g.queries = g.get("queries", 0) + 1


def tell(response: Response) -> Response:
    response.headers[QUERIES] = str(g.get("queries", 0))
    return response


if __name__ == "__main__":
    event.listen(Engine, "before_cursor_execute", count)
    app.after_request(tell)
    serve(app, config)
