"""What axe-core finds on a page: violations of WCAG 2.2 A and AA, light and dark, wide and narrow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.browser.conftest import PHONE, WIDE

AXE = (Path(__file__).parent / "vendor/axe-core-4.14.1/axe.min.js").read_text()
EVERYTHING = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
COLOURS = {"type": "rule", "values": ["color-contrast"]}
RULES = {"light": EVERYTHING, "dark": COLOURS}  # nothing but colours depends on the theme
TWICE = """() => [...document.querySelectorAll("[id]")].map((one) => one.id)
    .filter((id, at, all) => all.indexOf(id) !== at).map((id) => `two elements are called ${id}`)"""
# All that is asked at one size is asked at once: a question of its own costs as much as what it asks.
LOOK = """async (rules) => {
  const found = [], root = document.documentElement;
  const folded = document.querySelectorAll("main details:not([open], [data-menu])");
  for (const one of folded) one.open = true;  // what is folded away is read as well
  for (const [theme, runOnly] of Object.entries(rules)) {
    root.dataset.theme = theme;
    const { violations } = await axe.run(document, { runOnly, resultTypes: ["violations"] });
    for (const { id, nodes } of violations)
      found.push(`${theme}: ${id}: ${nodes.map((node) => node.target.join(" ")).slice(0, 4).join(" | ")}`);
    for (const one of document.querySelectorAll(".segmented"))
      if (one.scrollWidth > one.clientWidth) found.push(`cut off: ${one.textContent.trim()}`);
    const wide = root.scrollWidth - root.clientWidth;
    const past = [...document.querySelectorAll("main *")].filter((one) =>
      one.getBoundingClientRect().right > root.clientWidth + 1 && !one.closest(".table-wrap")).at(-1);
    if (wide > 0) found.push(`${wide} px too wide: ${past?.outerHTML.slice(0, 120)}`);
  }
  for (const one of folded) one.open = false;
  return found;
}"""


def violations(page: Page) -> list[str]:
    found: list[Any] = page.evaluate(TWICE)
    page.evaluate(AXE)
    for size in (WIDE, PHONE):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        found += [f"{size['width']}: {words}" for words in page.evaluate(LOOK, RULES)]
    return found
