"""Ask the package registry for known vulnerabilities in what is pinned, and say how many packages it knew.

pip-audit alone ends well when it could look at nothing. Here a package that the registry does not know is a
failure, unless it knows nothing of any: a mirror without advisories, which is said aloud.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def main(requirements: list[str]) -> int:
    """Audit the files; 1 when something is vulnerable or was skipped, 2 when pip-audit itself failed."""
    command = [str(Path(sys.executable).with_name("pip-audit")), "--disable-pip", "--require-hashes"]
    command += ["--format", "json", "--progress-spinner", "off"]
    command += [word for file in requirements for word in ("--requirement", file)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  fixed words and our files
    try:
        packages = json.loads(run.stdout)["dependencies"]
    except ValueError:
        print(run.stderr.strip().splitlines()[-1] if run.stderr.strip() else "pip-audit said nothing")
        return 2
    return judge(packages)


def judge(packages: list[dict[str, Any]]) -> int:
    """Print what was found in pip-audit's list of packages; the exit status."""
    skipped = [package for package in packages if "skip_reason" in package]
    vulnerable = [package for package in packages if package.get("vulns")]
    for package in vulnerable:
        print(f"{package['name']} {package['version']}: {_advisories(package)}")
    if skipped and len(skipped) == len(packages):
        print(f"NOT AUDITED: this registry has no advisories ({len(packages)} packages)")
        return 0
    for package in skipped:
        print(f"{package['name']}: {package['skip_reason']}")
    print(f"{len(packages) - len(skipped)} audited, {len(vulnerable)} vulnerable, {len(skipped)} skipped")
    return 1 if vulnerable or skipped else 0


def _advisories(package: dict[str, Any]) -> str:
    return ", ".join(
        f"{each['id']} (fixed in {', '.join(each['fix_versions']) or 'no version'})"
        for each in package["vulns"]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
