"""Runs Autobahn's websocket fuzzing client (groups 1-7 and 10) against the charger's websocket.

    python -m tools.autobahn [--python PATH] [--cache DIR] [--cases '1.*,2.*'] [--reports DIR]

The suite, autobahntestsuite 0.8.2, runs under Python 2.7 only: given by --python, by AUTOBAHN_PYTHON, or
found as python2.7 on the PATH or among pyenv's versions (PYENV_ROOT). Its environment stays in the cache.
Exit status: 0 when no case failed, 1 when one did, 2 when there is no Python 2.7 (0 with --skip-missing).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
ECHO_SERVER = ROOT / "tests" / "ocpp" / "websocket" / "echo_server.py"
GROUPS = "1.*,2.*,3.*,4.*,5.*,6.*,7.*,10.*"
AGENT = "csms"
# Refused on purpose, with this close code: OCPP-J knows text only, Autobahn would have binary echoed.
REFUSED = {"1.2.": 1003}
# The last versions that run under Python 2.7.
VIRTUALENV = "virtualenv==16.7.12"
SUITE = [
    "autobahntestsuite==0.8.2",
    "autobahn==0.10.9",
    "twisted==20.3.0",
    "klein==20.6.0",
    "werkzeug==1.0.1",
    "jinja2==2.11.3",
    "markupsafe==1.1.1",
    "cryptography==3.3.2",
    "pyopenssl==21.0.0",
    "cffi==1.15.1",
    "zope.interface==5.5.2",
    "txaio==2.1.0",
    "ujson==2.0.3",
    "wsaccel==0.6.6",
]
_PYTHON_27 = "import sys; sys.exit(sys.version_info[:2] != (2, 7))"


def find_python(given: str | None) -> Path | None:
    """The first candidate that really is Python 2.7; None when there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [
        given,
        os.environ.get("AUTOBAHN_PYTHON"),
        shutil.which("python2.7"),
        *sorted((str(path) for path in pyenv.glob("versions/2.7*/bin/python")), reverse=True),
    ]
    for candidate in filter(None, candidates):
        try:
            # A shim of pyenv may be on the PATH and still refuse to run.
            found = subprocess.run([candidate, "-c", _PYTHON_27], capture_output=True, check=False)
        except OSError:
            continue
        if found.returncode == 0:
            return Path(candidate)
    return None


def install(python: Path, cache: Path) -> Path:
    """Make the suite's environment in `cache`, unless it is there; returns its wstest."""
    wstest = cache / "environment" / "bin" / "wstest"
    if not wstest.exists():
        pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        tool = cache / "virtualenv"
        _run([str(python), *pip, "--upgrade", "--target", str(tool), VIRTUALENV])
        environment = cache / "environment"
        _run([str(python), str(tool / "virtualenv.py"), "--quiet", "--no-download", str(environment)])
        _run([str(environment / "bin" / "python"), *pip, *SUITE])
    return wstest


def _run(command: list[str]) -> None:
    environ = {**os.environ, "PYTHONWARNINGS": "ignore"}
    subprocess.run(command, check=True, env=environ)


def fuzz(wstest: Path, cases: list[str], reports: Path) -> dict[str, dict[str, object]]:
    """Start the echo server, let the suite at it, and return its verdict of each case."""
    server = subprocess.Popen(
        [sys.executable, ECHO_SERVER],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        port = server.stdout.readline().strip() if server.stdout else ""
        specification = {
            "outdir": str(reports),
            # As large as the suite's largest message, in group 9.
            "servers": [{"agent": AGENT, "url": f"ws://127.0.0.1:{port}/echo?max_size=16777216"}],
            "cases": cases,
            "exclude-cases": [],
            "exclude-agent-cases": {},
        }
        path = reports / "specification.json"
        path.write_text(json.dumps(specification))
        log = (reports / "wstest.log").open("w")
        with log:
            subprocess.run(
                [wstest, "-m", "fuzzingclient", "-s", path], stdout=log, stderr=log, check=True, cwd=reports
            )
    finally:
        server.terminate()
        server.wait()
    verdicts: dict[str, dict[str, object]] = json.loads((reports / "index.json").read_text())[AGENT]
    return verdicts


def judge(case: str, verdict: dict[str, object]) -> tuple[str, bool]:
    """(what to call the outcome, whether it is acceptable)."""
    for prefix, code in REFUSED.items():
        if case.startswith(prefix):
            refused = verdict["remoteCloseCode"] == code
            return (f"REFUSED {code}" if refused else "NOT REFUSED"), refused
    behavior, close = str(verdict["behavior"]), str(verdict["behaviorClose"])
    fine = behavior in ("OK", "NON-STRICT", "INFORMATIONAL") and close in ("OK", "INFORMATIONAL")
    return (behavior if close in ("OK", behavior) else f"{behavior}, close {close}"), fine


def report(verdicts: dict[str, dict[str, object]]) -> bool:
    """Print a line for each group and for each case that is not OK; True when all are acceptable."""
    outcomes = {case: judge(case, verdicts[case]) for case in sorted(verdicts, key=_order)}
    for group in sorted({case.split(".")[0] for case in outcomes}, key=int):
        counts = Counter(what for case, (what, _) in outcomes.items() if case.split(".")[0] == group)
        print(f"group {group:>2}  " + "  ".join(f"{what} {count}" for what, count in counts.most_common()))
    for case, (what, fine) in outcomes.items():
        if what != "OK":
            print(f"  {case:<8} {what}{'' if fine else '  <-- FAILED'}")
    failed = [case for case, (_, fine) in outcomes.items() if not fine]
    print(f"{len(outcomes)} cases, {len(failed)} failed")
    return not failed


def _order(case: str) -> list[int]:
    return [int(part) for part in case.split(".")]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "csms-autobahn"
    parser.add_argument("--python", help="a Python 2.7")
    parser.add_argument("--cache", type=Path, default=cache, help="where the suite lives (%(default)s)")
    parser.add_argument("--cases", default=GROUPS, help="comma-separated (%(default)s)")
    parser.add_argument("--reports", type=Path, help="where the suite's own pages go (a temporary folder)")
    parser.add_argument("--skip-missing", action="store_true", help="succeed where there is no Python 2.7")
    options = parser.parse_args()
    python = find_python(options.python)
    if python is None:
        print("no Python 2.7 found: the Autobahn suite was not run", file=sys.stderr)
        return 0 if options.skip_missing else 2
    wstest = install(python, options.cache)
    with tempfile.TemporaryDirectory() as temporary:
        reports = options.reports or Path(temporary)
        reports.mkdir(parents=True, exist_ok=True)
        return 0 if report(fuzz(wstest, options.cases.split(","), reports.resolve())) else 1


if __name__ == "__main__":
    sys.exit(main())
