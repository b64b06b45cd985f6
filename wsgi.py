"""The program: patch first, then the application, then the server."""

from gevent import monkey

monkey.patch_all()

import gc  # noqa: E402  everything below must see the patched modules

gc.disable()  # what is imported stays, and walking it again and again is a quarter of the start

import os  # noqa: E402
import sys  # noqa: E402

import psycopg  # noqa: E402, F401  chooses its waiting when it is first imported: now, patched
from flask import Flask  # noqa: E402

from config import Config  # noqa: E402
from csms import create_app  # noqa: E402
from csms.serve import serve  # noqa: E402
from settings import ConfigError  # noqa: E402

try:
    config = Config.from_environment()
except ConfigError as error:
    sys.stderr.write(f"{error}\n")
    sys.exit(2)

if __name__ == "__main__" and config.dev_reload:
    # The watcher must not be patched: this process becomes it, and the server its child.
    os.chdir(config.root)
    os.execv(sys.executable, [sys.executable, "-m", "tools.reload"])  # noqa: S606  our own program

app: Flask = create_app(config)
gc.enable()

if __name__ == "__main__":
    serve(app, config)
