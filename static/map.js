// The map of /map. The list beside it says the same without any of this.
// No tiles are needed: land is drawn from a file of ours, and chargers come from data-points, again at every change.
"use strict";
(() => {
  const view = document.getElementById("map-view");
  const { points: url, land, center, tiles, tileHost } = view.dataset;
  const kinds = new Map([...document.querySelectorAll("template[data-status]")].map((one) => [one.dataset.status, {
    family: one.dataset.family, badge: one.content.firstElementChild, words: one.content.textContent.trim(),
  }]));
  const families = ["fault", "out", "wait", "held", "active", "ready"];
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const NEAREST = 19, FITTED = 15;
  const map = L.map(view, { zoomAnimation: !calm, fadeAnimation: !calm, markerZoomAnimation: !calm, minZoom: 2, maxZoom: NEAREST });
  map.attributionControl.setPrefix(false);
  map.setView(center.split(",").map(Number), 11);
  L.control.scale().addTo(map);

  const make = (name, attributes = {}, ...inside) => {
    const element = document.createElementNS(name === "svg" || name === "circle" || name === "text" ? "http://www.w3.org/2000/svg" : "http://www.w3.org/1999/xhtml", name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    element.append(...inside);
    return element;
  };

  // ---- The ground ----
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
  function drawGrid() {                                       // so that one sees the scale where there is only land
    const bounds = map.getBounds().pad(0.3), across = bounds.getEast() - bounds.getWest();
    const step = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001].find((x) => across / x > 9) ?? 0.001;
    const line = (...ends) => L.polyline(ends, { pane: "grid", renderer: drawing, interactive: false, className: "map-grid" }).addTo(grid);
    const south = Math.max(-85, bounds.getSouth()), north = Math.min(85, bounds.getNorth());
    grid.clearLayers();
    for (let x = Math.ceil(bounds.getWest() / step) * step; x < bounds.getEast(); x += step) line([south, x], [north, x]);
    for (let y = Math.ceil(south / step) * step; y < north; y += step) line([y, bounds.getWest()], [y, bounds.getEast()]);
  }
  if (tiles) {
    const missing = document.getElementById("map-tiles");
    const credit = /openstreetmap\.org$/.test(tileHost) ? "© OpenStreetMap contributors" : `Tiles: ${tileHost}`;
    L.tileLayer(tiles, { maxZoom: NEAREST, className: "map-tile", attribution: credit, referrerPolicy: "strict-origin-when-cross-origin" })
      .on("tileerror", () => { missing.hidden = false; }).on("tileload", () => { missing.hidden = true; }).addTo(map);
  }

  // ---- Chargers ----
  const index = new Supercluster({
    radius: 56, maxZoom: NEAREST - 1,
    map: ({ status }) => ({ [status]: 1 }),
    reduce: (sum, more) => { for (const status in more) sum[status] = (sum[status] ?? 0) + more[status]; },
  });
  index.load([]);
  const shown = new Map();                                    // by charger or cluster: { marker, drawn }
  let spots = new Map(), isFitted = false;

  const entry = ({ id, title, place, status }) => make("li", {}, make("a", { href: `/chargers/${id}` }, title), ...(place ? [make("span", { class: "soft small" }, place)] : []), kinds.get(status).badge.cloneNode(true));
  const popup = (...found) => make("ul", {}, ...found.map(entry));

  function pin({ title, status }) {
    const { family, badge, words } = kinds.get(status);
    const glyph = badge.querySelector("svg").cloneNode(true);
    const hollow = status === "Offline" || status === "Unknown" ? " pin-hollow" : "";
    return { label: `${title}: ${words}`, icon: L.divIcon({ className: "", iconSize: [32, 32], popupAnchor: [0, -14], html: make("div", {}, make("div", { class: `pin is-${family}${hollow}` }, glyph), make("span", { class: "pin-name" }, title)) }) };
  }
  function donut({ point_count: total, ...counts }) {
    const size = total < 10 ? 42 : total < 100 ? 48 : 56, half = size / 2, radius = half - 5, round = 2 * Math.PI * radius;
    const svg = make("svg", { width: size, height: size, "aria-hidden": "true" }, make("circle", { class: "hole", cx: half, cy: half, r: half - 1 }));
    const words = [...kinds].filter(([status]) => counts[status]).map(([status, kind]) => `${counts[status]} ${kind.words}`);
    let before = 0;
    for (const family of families) {
      const part = [...kinds].reduce((sum, [status, kind]) => sum + (kind.family === family ? counts[status] ?? 0 : 0), 0) / total;
      if (!part) continue;
      const gap = part < 1 ? 2 : 0;
      svg.append(make("circle", { class: `is-${family}`, cx: half, cy: half, r: radius, "stroke-width": 7, "stroke-dasharray": `${Math.max(2, part * round - gap)} ${round}`, transform: `rotate(${before * 360 - 90} ${half} ${half})` }));
      before += part;
    }
    svg.append(make("text", { x: half, y: half }, total));
    return { label: `${total} chargers: ${words.join(", ")}`, icon: L.divIcon({ className: "donut", iconSize: [size, size], html: svg }) };
  }
  function open(marker, cluster) {
    const zoom = index.getClusterExpansionZoom(cluster);
    if (zoom < NEAREST) return map.setView(marker.getLatLng(), zoom);
    const found = index.getLeaves(cluster, 50).map((leaf) => leaf.properties);   // all in one place
    return marker.unbindPopup().bindPopup(popup(...found)).openPopup();
  }
  function put(feature) {
    const { properties: what, geometry: { coordinates: [x, y] } } = feature;
    const key = what.cluster ? `cluster ${feature.id}` : what.id, drawn = JSON.stringify([what, x, y]);
    const known = shown.get(key);
    if (known?.drawn === drawn) return key;
    const { label, icon } = what.cluster ? donut(what) : pin(what);
    const marker = known?.marker ?? L.marker([y, x], { icon, riseOnHover: true }).addTo(map);
    if (known) marker.setLatLng([y, x]).setIcon(icon);
    else if (what.cluster) marker.on("click", () => open(marker, feature.id)).on("keypress", ({ originalEvent: { key: pressed } }) => pressed === "Enter" && open(marker, feature.id));
    if (!what.cluster) marker.getPopup() ? marker.setPopupContent(popup(what)) : marker.bindPopup(popup(what));
    marker.getElement().setAttribute("aria-label", label);
    shown.set(key, { marker, drawn });
    return key;
  }
  function draw() {
    const bounds = map.getBounds().pad(0.2);
    const found = index.getClusters([bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()], Math.round(map.getZoom()));
    const kept = new Set(found.map(put));
    for (const [key, { marker }] of shown) if (!kept.has(key)) { marker.remove(); shown.delete(key); }
    view.classList.toggle("map-named", map.getZoom() >= 12 && found.length < 30);
  }
  function fit() {
    if (isFitted || !spots.size || !view.clientWidth) return;
    isFitted = true;
    map.fitBounds([...spots.values()].map(({ at }) => at), { padding: [48, 48], maxZoom: FITTED, animate: false });
  }
  async function read() {
    const answer = await fetch(url);
    if (!answer.ok || answer.redirected) return;              // the log-in has ended: the page's live layer says so
    spots = new Map((await answer.json()).map(([id, latitude, longitude, status, title, place]) => [id, { id, status, title, place, at: [latitude, longitude] }]));
    index.load([...spots.values()].map(({ at: [y, x], ...properties }) => ({ type: "Feature", properties, geometry: { type: "Point", coordinates: [x, y] } })));
    shown.forEach(({ marker }, key) => { if (!spots.has(key)) { marker.remove(); shown.delete(key); } });   // clusters are numbered anew
    fit();
    draw();
  }

  // ---- Again at every change, at most once a second (rarer where there are thousands), and without news twice a minute ----
  let due = 0, readAt = 0;
  function soon() {
    if (due || document.hidden) return;
    due = setTimeout(() => { due = 0; readAt = Date.now(); read().catch(() => {}); }, Math.max(0, readAt + Math.max(1000, 2 * spots.size) - Date.now()));
  }
  for (const news of ["fleet", "resync"]) document.getElementById("live").addEventListener(news, soon);
  document.addEventListener("visibilitychange", soon);
  setInterval(soon, 30000);
  map.on("moveend", () => { drawGrid(); draw(); });
  drawGrid();
  soon();

  // ---- The list and the map, side by side or one at a time ----
  document.addEventListener("click", (event) => {
    const spot = spots.get(+event.target.closest("[data-spot]")?.dataset.spot);
    if (!spot) return;
    if (view.clientWidth) event.preventDefault();
    setTimeout(() => {                                        // on a phone the map has to be on the screen first
      map.invalidateSize();
      for (const zoom of [Math.max(17, map.getZoom()), NEAREST]) {  // nothing is clustered any more at the nearest
        if (zoom === NEAREST || !shown.has(spot.id)) map.setView(spot.at, zoom, { animate: false });
        draw();
        if (shown.has(spot.id)) break;
      }
      shown.get(spot.id).marker.openPopup();
    }, 60);
  });
  const told = () => { for (const link of document.querySelectorAll("[data-view]")) link.dataset.view === (location.hash === "#map" ? "map" : "list") ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current"); };
  addEventListener("hashchange", told);
  told();
  new ResizeObserver(() => { map.invalidateSize(); fit(); draw(); }).observe(view);
})();
