"""Runs the server, and starts it again whenever its code changes: what `DEV_RELOAD=1` does.

The server ends as always, so its chargers are told, and come back.
"""

import os
import shlex
import sys
from pathlib import Path

from watchfiles import Change, DefaultFilter, run_process

ROOT = Path(__file__).parents[1]
WATCHED = ("csms", "settings", "templates", "config.py", "wsgi.py")
SUFFIXES = (".py", ".html", ".toml")


class Code(DefaultFilter):
    """What the server reads when it starts, or keeps once it has read it."""

    def __call__(self, change: Change, path: str) -> bool:
        return path.endswith(SUFFIXES) and super().__call__(change, path)


def main() -> None:
    os.environ["DEV_RELOAD"] = "0"  # for the child, which is to serve
    sys.stdout.write("Watching the code: the server starts again when it changes.\n")
    sys.stdout.flush()
    run_process(
        *(ROOT / name for name in WATCHED),
        target=shlex.join([sys.executable, "wsgi.py"]),
        target_type="command",
        watch_filter=Code(),
        sigint_timeout=15,
    )


if __name__ == "__main__":
    main()
