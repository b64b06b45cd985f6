// What every map is drawn on. No tiles are needed: land is drawn from a file of ours, with a grid that tells the scale.
"use strict";
const NEAREST = 19;
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

// A map in `view`, whose data-… say what it is drawn on and what its buttons are called (web/basemap.py); it must still be
// given a place.
function groundMap(view) {
  const { land, cover, zoomIn, zoomOut, close } = view.dataset;
  const map = L.map(view, { zoomControl: false, zoomAnimation: !calm, fadeAnimation: !calm, markerZoomAnimation: !calm, minZoom: 0, maxZoom: NEAREST });
  map.attributionControl.setPrefix(false);
  L.control.zoom({ zoomInTitle: zoomIn, zoomOutTitle: zoomOut }).addTo(map);
  L.control.scale().addTo(map);
  map.on("popupopen", ({ popup }) => popup.getElement().querySelector(".leaflet-popup-close-button")?.setAttribute("aria-label", close));
  map.createPane("land").style.zIndex = 150;                  // under the tiles, which may be missing
  map.createPane("grid").style.zIndex = 160;
  map.attributionControl.addAttribution("Natural Earth");
  const whole = (ring) => {                                   // over the date line in one piece; Antarctica is no ring there
    const isCut = ring.some(([x], at) => at && Math.abs(x - ring[at - 1][0]) > 180) && ring[0][1] > -60;
    if (isCut) for (const point of ring) if (point[0] < 0) point[0] += 360;
  };
  fetch(land).then((answer) => answer.json()).then((world) => {
    for (const { geometry: { type, coordinates } } of world.features) (type === "Polygon" ? [coordinates] : coordinates).flat().forEach(whole);
    L.geoJSON(world, { style: { pane: "land", interactive: false, className: "map-land" } }).addTo(map);
  });
  const grid = L.layerGroup().addTo(map);
  const drawing = L.svg({ pane: "grid", padding: 0.3 });
  map.on("moveend", () => {                                   // so that one sees the scale where there is only land
    const bounds = map.getBounds().pad(0.3), across = bounds.getEast() - bounds.getWest();
    const step = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001].find((x) => across / x > 9) ?? 0.001;
    const line = (...ends) => L.polyline(ends, { pane: "grid", renderer: drawing, interactive: false, className: "map-grid" }).addTo(grid);
    const south = Math.max(-85, bounds.getSouth()), north = Math.min(85, bounds.getNorth());
    grid.clearLayers();
    for (let x = Math.ceil(bounds.getWest() / step) * step; x < bounds.getEast(); x += step) line([south, x], [north, x]);
    for (let y = Math.ceil(south / step) * step; y < north; y += step) line([y, bounds.getWest()], [y, bounds.getEast()]);
  });
  if (cover) import(cover).then(({ draw }) => draw(map, view.dataset));
  return map;
}
