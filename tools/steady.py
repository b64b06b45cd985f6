"""Run pytest, and what failed beside the others once more, alone: `python -m tools.steady [pytest's arguments]`.

A test that passes alone only depends on how quick the machine is. It is named UNSTEADY, to be mended, and does not hold
up the rest. One that fails alone too is a failure.
"""

import subprocess
import sys

SOME_FAILED = 1  # pytest's exit code; any other but 0 says that pytest itself was in trouble
ALONE = ("-n", "0", "--last-failed", "--last-failed-no-failures", "none", "--exitfirst", "-rp")


def main(arguments: list[str]) -> int:
    code = _pytest(arguments)
    if code != SOME_FAILED:
        return code
    print("== What failed, once more and alone", flush=True)
    code = _pytest([*arguments, *ALONE])
    if code == 0:
        print("== UNSTEADY: the tests named above passed alone only", flush=True)
    return code


def _pytest(arguments: list[str]) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode  # noqa: S603  ourselves


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
