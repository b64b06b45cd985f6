"""The documents that come with the program: which of them are shown, and how Markdown becomes harmless HTML."""

import posixpath
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

BASE = "README.base.md"
MODULES = ("ocpp", "web", "api", "compat", "simulator")
"""Parts of `csms` whose README.md makes the second half of the README, in this order."""

_TAGS = nh3.ALLOWED_TAGS - {"area", "map"}


def joined(root: Path) -> str:
    """The README: its base, and then that of each module, a level down."""
    parts = [(root / BASE).read_text(encoding="utf-8").strip()]
    for module in MODULES:
        text = (root / "csms" / module / "README.md").read_text(encoding="utf-8").strip()
        parts.append(re.sub(r"^(#+ )", r"#\1", text, flags=re.MULTILINE))
    return "\n\n".join(parts) + "\n"


def version(root: Path) -> str:
    """The program's version: the newest in the changelog."""
    found = re.search(r"^## (\S+)", (root / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else ""


def shown(root: Path) -> Mapping[str, Path]:
    """Every document and picture that is shown, by its path in the program's directory."""
    found = [
        root / "README.md",
        root / "CHANGELOG.md",
        *root.glob("docs/**/*.md"),
        *root.glob("docs/images/*.*"),
    ]
    found += [root / "csms" / module / "README.md" for module in MODULES]
    return {x.relative_to(root).as_posix(): x for x in found if x.is_file()}


def rendered(path: Path, name: str, known: frozenset[str], base: str) -> str:
    """A document as HTML without scripts, styles or forms. Links to what is not in `known` are dropped.

    `name` is its path in the program's directory, `base` what stands before such paths in addresses.
    """
    return _rendered(path.read_text(encoding="utf-8"), name, known, base)


@lru_cache(maxsize=64)
def _rendered(text: str, name: str, known: frozenset[str], base: str) -> str:
    markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    tokens = markdown.parse(text)
    for before, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", _slug(tokens[before + 1].content))
        for child in token.children or ():
            _lead(child, name, known, base)
        if token.type in ("fence", "code_block", "table_open"):
            token.attrSet("tabindex", "0")  # what scrolls must be reached by keyboard
    dirty: str = markdown.renderer.render(tokens, markdown.options, {})
    attributes = {tag: set(names) for tag, names in nh3.ALLOWED_ATTRIBUTES.items()}
    for heading in ("h1", "h2", "h3", "h4", "h5", "h6"):
        attributes.setdefault(heading, set()).add("id")
    attributes["code"] = attributes["pre"] = attributes["table"] = {"tabindex"}
    return nh3.clean(dirty, tags=_TAGS, attributes=attributes, link_rel="noopener noreferrer")


def _lead(token: Token, name: str, known: frozenset[str], base: str) -> None:
    """Make a link or a picture of one document lead where its page is."""
    attribute = {"link_open": "href", "image": "src"}.get(token.type)
    target = str(token.attrGet(attribute) or "") if attribute else ""
    if attribute is None or target.startswith("#") or urlsplit(target).scheme:
        return
    path, _, anchor = target.partition("#")
    meant = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
    if meant in known:
        token.attrSet(attribute, f"{base}{meant}{'#' if anchor else ''}{anchor}")
    else:
        del token.attrs[attribute]


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
