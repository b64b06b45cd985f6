"""Fetch, pin and verify the front-end files that are served from `static/vendor`.

    tools/vendor.py            fetch every package through the npm client and write `vendor.lock`
    tools/vendor.py --check    verify the committed files against `vendor.lock`, without the network

Nothing here runs in production: the fetched files are committed, so no page ever loads from another host.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "tools"
LOCK = ROOT / "static/vendor/vendor.lock"
SPRITE = ROOT / "static/icons.svg"
LETTERS = "U+0020-052F,U+1E00-1FFF,U+2000-206F,U+20A0-20CF,U+2100-2122,U+2190-2193,U+2212,U+FFFD"


@dataclass(frozen=True)
class Package:
    """One npm package and the files that we keep of it: path in the package -> name in our folder."""

    name: str
    version: str
    files: dict[str, str]
    parent: str = "static/vendor"

    @property
    def folder(self) -> Path:
        return ROOT / self.parent / f"{self.name}-{self.version}"


class Entry(TypedDict):
    """What `vendor.lock` says of one file: its path from the root, and where its bytes come from."""

    path: str
    name: str
    version: str
    source: str
    sha384: str


PACKAGES = (
    Package("htmx.org", "4.0.1", {"LICENSE": "LICENSE"}),
    Package(
        "swagger-ui-dist",
        "5.35.0",
        {
            "swagger-ui-bundle.js": "swagger-ui-bundle.js",
            "swagger-ui-bundle.js.LICENSE.txt": "swagger-ui-bundle.js.LICENSE.txt",
            "swagger-ui.css": "swagger-ui.css",
            "LICENSE": "LICENSE",
            "NOTICE": "NOTICE",
        },
    ),
    Package(
        "leaflet",
        "1.9.4",
        {
            "dist/leaflet.js": "leaflet.js",
            "dist/leaflet.css": "leaflet.css",
            "dist/images/layers.png": "images/layers.png",
            "dist/images/layers-2x.png": "images/layers-2x.png",
            "dist/images/marker-icon.png": "images/marker-icon.png",
            "dist/images/marker-icon-2x.png": "images/marker-icon-2x.png",
            "dist/images/marker-shadow.png": "images/marker-shadow.png",
            "LICENSE": "LICENSE",
        },
    ),
    Package(
        "supercluster", "9.1.0", {"dist/supercluster.min.js": "supercluster.min.js", "LICENSE": "LICENSE"}
    ),
    Package(
        "uplot",
        "1.6.32",
        {
            "dist/uPlot.iife.min.js": "uPlot.iife.min.js",
            "dist/uPlot.min.css": "uPlot.min.css",
            "LICENSE": "LICENSE",
        },
    ),
    Package(
        "protomaps-leaflet",
        "5.1.0",
        {"dist/protomaps-leaflet.js": "protomaps-leaflet.js", "LICENSE": "LICENSE"},
    ),
    Package("world-atlas", "2.0.2", {"LICENSE": "LICENSE"}),
    Package("lucide-static", "1.62.0", {"LICENSE": "LICENSE"}),
    Package("dejavu-fonts-ttf", "2.37.3", {"LICENSE": "LICENSE"}),
    Package(
        "axe-core",
        "4.14.1",
        {"axe.min.js": "axe.min.js", "LICENSE": "LICENSE", "LICENSE-3RD-PARTY.txt": "LICENSE-3RD-PARTY.txt"},
        parent="tests/browser/vendor",
    ),
)

# What the script that draws streets brings along, each under its maker's terms; pmtiles and @protomaps/basemaps have
# those of protomaps-leaflet itself.
IN_STREETS = (
    ("@mapbox/point-geometry", "1.1.0", "LICENSE"),
    ("@mapbox/vector-tile", "2.0.5", "LICENSE.txt"),
    ("color2k", "2.0.4", "LICENSE"),
    ("fflate", "0.8.3", "LICENSE"),
    ("pbf", "4.0.2", "LICENSE"),
    ("potpack", "1.0.2", "LICENSE"),
    ("quickselect", "2.0.0", "LICENSE"),
    ("rbush", "3.0.1", "LICENSE"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true", help="verify the committed files, offline")
    if not parser.parse_args().check:
        fetch_all()
    faults = check()
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def fetch_all() -> None:
    """Replace every vendored folder, draw the sprite and the base map, and write the lock."""
    entries: list[Entry] = []
    with tempfile.TemporaryDirectory() as scratch:
        for package in PACKAGES:
            unpacked = fetch(package, Path(scratch) / package.name)
            shutil.rmtree(package.folder, ignore_errors=True)
            for source, name in package.files.items():
                target = package.folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(unpacked / source, target)
                entries.append(entry(package, target, source))
            entries += derive(package, unpacked)
    LOCK.write_text(json.dumps(entries, indent=1) + "\n")


def fetch(package: Package, scratch: Path) -> Path:
    """Download one package with the npm client and unpack it; returns the folder of its files."""
    scratch.mkdir()
    order = ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
    subprocess.run(order, cwd=scratch, check=True, capture_output=True)
    (archive,) = scratch.glob("*.tgz")
    subprocess.run(["tar", "--extract", "--file", archive.name], cwd=scratch, check=True)
    return scratch / "package"


def derive(package: Package, unpacked: Path) -> list[Entry]:
    """Make the files that we compute from a package instead of copying them."""
    if package.name == "htmx.org":
        # One file, because htmx starts as soon as it may: an extension that arrives in a second deferred
        # script is now and then registered too late, and the page then has no stream.
        sources = ["dist/htmx.min.js", "dist/ext/hx-sse.min.js"]
        target = package.folder / "htmx-sse.min.js"
        target.write_text("\n".join((unpacked / source).read_text() for source in sources))
        return [entry(package, target, " + ".join(sources))]
    if package.name == "lucide-static":
        SPRITE.write_text(draw_sprite(unpacked / "icons"))
        return [entry(package, SPRITE, "icons/*.svg, tools/icons.txt, tools/glyphs.svg")]
    if package.name == "dejavu-fonts-ttf":
        return [subset(package, unpacked, name) for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")]
    if package.name == "protomaps-leaflet":
        target = package.folder / "LICENSE-3RD-PARTY.txt"
        target.write_text("\n".join(licences(IN_STREETS, unpacked.parent)))
        return [entry(package, target, "dependencies: " + ", ".join(name for name, _, _ in IN_STREETS))]
    if package.name == "world-atlas":
        from tools.natural_earth import simplify

        target = package.folder / "countries.geojson"
        target.write_text(simplify(unpacked / "countries-50m.json", tolerance_deg=0.05))
        return [entry(package, target, "countries-50m.json, simplified to 0.05 degrees")]
    return []


def licences(bundled: Sequence[tuple[str, str, str]], scratch: Path) -> Iterator[str]:
    """The terms of packages that another one brings along: each one's name, and its file."""
    for name, version, file in bundled:
        unpacked = fetch(Package(name, version, {}), scratch / name.replace("/", "-"))
        yield f"{name}\n\n{(unpacked / file).read_text()}"


def subset(package: Package, unpacked: Path, name: str) -> Entry:
    """A font with the letters of Latin, Greek and Cyrillic, signs of currencies, and no more."""
    from fontTools.subset import main as make

    target = package.folder / name
    make(
        [
            str(unpacked / "ttf" / name),
            f"--output-file={target}",
            f"--unicodes={LETTERS}",
            "--layout-features=",
        ]
    )
    return entry(package, target, f"ttf/{name}, of it {LETTERS}")


def draw_sprite(icons: Path) -> str:
    """One `<symbol>` per name in `icons.txt`, then our own glyphs (connectors, logo)."""
    symbols = []
    for name in (TOOLS / "icons.txt").read_text().split():
        body = re.sub(r"<!--.*?-->|</?svg[^>]*>", "", (icons / f"{name}.svg").read_text(), flags=re.DOTALL)
        body = re.sub(r"\s+", " ", body).replace(" />", "/>").replace("> <", "><").strip()
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{body}</symbol>')
    symbols.append((TOOLS / "glyphs.svg").read_text().strip())
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def entry(package: Package, path: Path, source: str) -> Entry:
    return Entry(
        path=str(path.relative_to(ROOT)),
        name=package.name,
        version=package.version,
        source=f"npm:{package.name}@{package.version}/{source}",
        sha384=sha384(path),
    )


def sha384(path: Path) -> str:
    """The hash in the notation of subresource integrity, so that it can be pasted into a page."""
    return "sha384-" + base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()


def check() -> list[str]:
    """Every difference between the lock and the files, as sentences; empty when all is well."""
    entries: list[Entry] = json.loads(LOCK.read_text())
    locked = {ROOT / item["path"]: item["sha384"] for item in entries}
    faults = [f"{path.relative_to(ROOT)} is missing" for path in locked if not path.exists()]
    faults += [
        f"{path.relative_to(ROOT)} differs from vendor.lock"
        for path, expected in locked.items()
        if path.exists() and sha384(path) != expected
    ]
    for folder in {ROOT / package.parent for package in PACKAGES}:
        present = {path for path in folder.rglob("*") if path.is_file()} - {LOCK}
        faults += [
            f"{path.relative_to(ROOT)} is not in vendor.lock" for path in sorted(present - set(locked))
        ]
    return faults


if __name__ == "__main__":
    sys.exit(main())
