"""The program: patch first, then the application, then the server."""

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402  everything below must see the patched modules

import psycopg  # noqa: E402, F401  chooses its waiting when it is first imported: now, patched
from flask import Flask  # noqa: E402

from config import Config, ConfigError  # noqa: E402
from csms import create_app  # noqa: E402
from csms.serve import serve  # noqa: E402

try:
    config = Config.from_environment()
except ConfigError as error:
    sys.stderr.write(f"{error}\n")
    sys.exit(2)

app: Flask = create_app(config)

if __name__ == "__main__":
    serve(app, config)
