"""The yardstick for pages: the plainest there is. Flask on pywsgi, one query for fifty sessions, one template."""

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402  everything below must see the patched modules
import sqlite3  # noqa: E402

from flask import Flask, render_template_string  # noqa: E402
from gevent.pywsgi import WSGIServer  # noqa: E402

NEWEST = 'SELECT id, started_at, energy_wh, cost_cents FROM "transaction" ORDER BY started_at DESC LIMIT 50'
PAGE = """<!doctype html><title>Sessions</title><h1>Sessions</h1><table>{% for row in rows %}
<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}</table>"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", required=True)
    arguments = parser.parse_args()
    database = sqlite3.connect(arguments.database)
    app = Flask(__name__)

    @app.get("/")
    def show() -> str:
        return render_template_string(PAGE, rows=database.execute(NEWEST).fetchall())

    @app.get("/healthz")
    def alive() -> str:
        return "ok"

    WSGIServer(("127.0.0.1", arguments.port), app, log=None).serve_forever()


if __name__ == "__main__":
    main()
