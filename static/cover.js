// What lies over the land where there is something: streets from a file of the operator's, and tiles from elsewhere above them.
export function draw(map, given) {
  if (given.streets) drawStreets(map, given);
  if (given.tiles) drawTiles(map, given);
}

function drawTiles(map, { tiles, tileHost }) {
  const missing = document.getElementById("map-tiles");
  const credit = /openstreetmap\.org$/.test(tileHost) ? "© OpenStreetMap contributors" : `Tiles: ${tileHost}`;
  L.tileLayer(tiles, { maxZoom: NEAREST, className: "map-tile", attribution: credit, referrerPolicy: "strict-origin-when-cross-origin" })
    .on("tileerror", () => { missing.hidden = false; }).on("tileload", () => { missing.hidden = true; }).addTo(map);
}

function drawStreets(map, { streets, streetsNearest, streetsBounds, streetsPainter }) {
  const [west, south, east, north] = streetsBounds.split(" ").map(Number);
  const root = document.documentElement, night = matchMedia("(prefers-color-scheme: dark)"), painter = document.createElement("script");
  let layer;
  function paint() {
    const isDark = root.dataset.theme === "dark" || (root.dataset.theme !== "light" && night.matches);
    layer?.remove();
    layer = protomapsL.leafletLayer({
      url: streets, flavor: isDark ? "dark" : "light", lang: root.lang.slice(0, 2), pane: "streets", maxZoom: NEAREST, maxDataZoom: +streetsNearest,
      bounds: [[south, west], [north, east]], attribution: "© OpenStreetMap contributors, Protomaps",
    });
    layer.backgroundColor = "";                               // where the file has nothing the land is seen
    layer.addTo(map);
  }
  map.createPane("streets").style.zIndex = 170;
  painter.onload = () => {
    paint();
    night.addEventListener("change", paint);
    new MutationObserver(paint).observe(root, { attributeFilter: ["data-theme"] });
  };
  painter.src = streetsPainter;
  document.head.append(painter);
}
