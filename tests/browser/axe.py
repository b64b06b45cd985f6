"""What axe-core finds on a page: violations of WCAG 2.2 A and AA, light and dark, wide and narrow."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

from tests.browser.conftest import PHONE, WIDE

AXE = (Path(__file__).parent / "vendor/axe-core-4.14.1/axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
EVERYTHING = {"type": "tag", "values": RULES}
COLOURS = {"type": "rule", "values": ["color-contrast"]}
RUN = """async (rules) => (await axe.run(document, {runOnly: rules, resultTypes: ["violations"]})).violations
    .map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).slice(0, 4).join(" | ")}`)"""
TWICE = """() => [...document.querySelectorAll("[id]")].map((one) => one.id)
    .filter((id, at, all) => all.indexOf(id) !== at).map((id) => `two elements are called ${id}`)"""
CUT_OFF = """() => [...document.querySelectorAll(".segmented")].filter((one) => one.scrollWidth > one.clientWidth)
    .map((one) => `cut off: ${one.textContent.trim()}`)"""


def violations(page: Page) -> list[str]:
    found = page.evaluate(TWICE)
    page.evaluate(AXE)
    for size in (WIDE, PHONE):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        for theme in ("light", "dark"):
            page.evaluate("(theme) => { document.documentElement.dataset.theme = theme }", theme)
            options = EVERYTHING if theme == "light" else COLOURS  # nothing but colours depends on the theme
            found += [f"{theme} {size['width']}: {words}" for words in page.evaluate(RUN, options)]
            wide = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            found += page.evaluate(CUT_OFF)
            if wide > 0:
                found.append(f"{size['width']}: {wide} px too wide")
    return found
