"""Documents that tools write from the program, and that tests hold against it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]


def keep(document: Path, told: str, module: str, arguments: Sequence[str]) -> int:
    """Write it; with `--check`, only say whether it is up to date. The exit status: 1 when it is not."""
    if "--check" not in arguments:
        document.write_text(told)
    elif not document.exists() or document.read_text() != told:
        print(f"{document.relative_to(ROOT)} is not up to date: python -m {module}", file=sys.stderr)
        return 1
    return 0
