// A plan looked at closely: two fingers, the wheel with Ctrl, buttons, and the keys + - 0. It is moved by scrolling.
"use strict";
(() => {
  const view = document.getElementById("plan-view");
  if (!view) return;
  const MOST = 6;
  let zoom = 1, pinch = null;

  // What lies at (x, y) of the window stays there.
  function zoomTo(wanted, x, y) {
    const { left, top } = view.getBoundingClientRect();
    const before = zoom, inX = x - left, inY = y - top;
    zoom = Math.min(MOST, Math.max(1, wanted));
    view.style.setProperty("--zoom", zoom.toFixed(3));
    const by = zoom / before;
    view.scrollTo({ left: (view.scrollLeft + inX) * by - inX, top: (view.scrollTop + inY) * by - inY, behavior: "instant" });
    for (const button of document.querySelectorAll("[data-zoom]")) {
      const by = Number(button.dataset.zoom);
      button.disabled = by > 1 ? zoom >= MOST : zoom <= 1;
    }
  }
  function zoomBy(by) {
    const { left, top, width, height } = view.getBoundingClientRect();
    zoomTo(by ? zoom * by : 1, left + width / 2, top + height / 2);
  }

  const spread = ([one, other]) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
  view.addEventListener("touchstart", (event) => {
    if (event.touches.length === 2) pinch = { apart: spread(event.touches), zoom };
  }, { passive: true });
  view.addEventListener("touchmove", (event) => {
    if (!pinch || event.touches.length !== 2) return;
    event.preventDefault();
    const [one, other] = event.touches;
    zoomTo(pinch.zoom * spread(event.touches) / pinch.apart, (one.clientX + other.clientX) / 2, (one.clientY + other.clientY) / 2);
  }, { passive: false });
  for (const name of ["touchend", "touchcancel"]) view.addEventListener(name, () => { pinch = null; });
  view.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;                               // else it scrolls
    event.preventDefault();
    zoomTo(zoom * Math.exp(-event.deltaY / 300), event.clientX, event.clientY);
  }, { passive: false });
  view.addEventListener("keydown", (event) => {
    const by = { "+": 1.5, "=": 1.5, "-": 1 / 1.5, 0: 0 }[event.key];
    if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    zoomBy(by);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-zoom]");
    if (button) zoomBy(Number(button.dataset.zoom));
  });
  document.getElementById("plan-zoom").hidden = false;
  zoomBy(1);
})();
