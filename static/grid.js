// Arrow keys go through the cells of a grid: <table data-grid>. Without this file, Tab does.
"use strict";
(() => {
  function walk(event) {
    const cell = event.target.closest?.("[data-grid] td"), ways = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!cell || !ways) return;
    event.preventDefault();
    const cells = [...cell.closest("tbody").querySelectorAll("td a")], places = cells.map((link) => link.getBoundingClientRect()), from = event.target.closest("td").getBoundingClientRect();
    const [down, right] = ways, x = from.left + from.width / 2, y = from.top + from.height / 2;
    const away = (place) => {                                 // only what lies that way; across the row or column counts most
      const dx = place.left + place.width / 2 - x, dy = place.top + place.height / 2 - y;
      if (right ? dx * right <= 2 || Math.abs(dy) > from.height / 2 : dy * down <= 2) return Infinity;
      return Math.abs(dy) * (down ? 1 : 1000) + Math.abs(dx) * (down ? 10 : 1);
    };
    const best = places.map(away), least = Math.min(...best);
    if (least < Infinity) cells[best.indexOf(least)].focus();
  }
  document.addEventListener("keydown", walk);
})();
