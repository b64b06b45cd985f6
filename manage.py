"""`python manage.py …`, as earlier systems' documents have it: `migrate`, `runserver`, `create_chargers` and so on.

Anything else is a command of `flask --app wsgi`, with hyphens or without.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parent


def command(arguments: list[str], environ: dict[str, str]) -> list[str]:
    """What to run instead; `environ` gets the variables that it wants."""
    if "DJANGO_DEV_RELOAD" in environ:
        environ["DEV_RELOAD"] = environ.pop("DJANGO_DEV_RELOAD")
    match arguments:
        case ["runserver", *address]:
            environ.setdefault("CSMS_LAB", "1")  # there, too, it was for development
            if address:
                host, _, environ["PORT"] = address[0].rpartition(":")
                environ |= {"HOST": host} if host else {}
            return [str(ROOT / "wsgi.py")]
        case ["migrate"]:
            return ["-m", "flask", "--app", "wsgi", "db", "upgrade"]
        case _:
            return ["-m", "flask", "--app", "wsgi", *arguments]


def main() -> None:
    environ = dict(os.environ)
    os.chdir(ROOT)
    os.execve(sys.executable, [sys.executable, *command(sys.argv[1:], environ)], environ)  # noqa: S606


if __name__ == "__main__":
    main()
