"""The process that forks servers for nursery.py: orders on standard input, each answered with a line.

It imports what the server imports, which takes seconds, and does nothing else: it has no connection, no greenlet and
no application, so that what is forked begins as if it were new.
"""

from gevent import monkey

monkey.patch_all()

import gc  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import runpy  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
import traceback  # noqa: E402

import psycopg  # noqa: E402, F401  chooses its waiting when it is first imported: now, patched
from sqlalchemy.orm import configure_mappers  # noqa: E402

import csms.api  # noqa: E402
import csms.cli  # noqa: E402
import csms.compat  # noqa: E402
import csms.jobs  # noqa: E402
import csms.ocpp.endpoint  # noqa: E402
import csms.serve  # noqa: E402
import csms.web  # noqa: E402, F401


def _fork(environment: dict[str, str], log: str, module: str, arguments: list[str]) -> int:
    pid: int = monkey.get_original("os", "fork")()  # nothing of gevent's runs here yet: a plain fork it is
    if pid:
        return pid
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.dup2(file, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [module, *arguments]
    code = 1
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _look(pid: int) -> int | None:
    """How a child has ended, as subprocess says it; None while it runs."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def main() -> None:
    alive: set[int] = set()
    configure_mappers()  # which the first query would do, in every child anew
    gc.freeze()  # no child looks through what it has from here, nor copies its pages by doing so
    for line in sys.stdin:
        order = json.loads(line)
        if "look" in order:
            answer = _look(order["look"])
            if answer is not None:
                alive.discard(order["look"])
        else:
            answer = _fork(**order)
            alive.add(answer)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
