// The map of /map. The list beside it says the same without any of this.
// The ground is ground.js's; chargers come from data-points, again at every change.
"use strict";
(() => {
  const view = document.getElementById("map-view");
  const { points: url, place: placing, center, several } = view.dataset;
  const kinds = new Map([...document.querySelectorAll("template[data-status]")].map((one) => [one.dataset.status, {
    family: one.dataset.family, badge: one.content.firstElementChild, words: one.content.textContent.trim(),
  }]));
  const families = ["fault", "out", "wait", "held", "active", "ready"];
  const FITTED = 15;
  const map = groundMap(view);
  map.setView(center.split(",").map(Number), 11);

  const make = (name, attributes = {}, ...inside) => {
    const element = document.createElementNS(name === "svg" || name === "circle" || name === "text" ? "http://www.w3.org/2000/svg" : "http://www.w3.org/1999/xhtml", name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    element.append(...inside);
    return element;
  };

  // ---- Chargers ----
  const index = new Supercluster({
    radius: 60, extent: 256, maxZoom: NEAREST - 1,             // a donut is 56 wide, and a tile 256: none covers another
    map: ({ status }) => ({ [status]: 1 }),
    reduce: (sum, more) => { for (const status in more) sum[status] = (sum[status] ?? 0) + more[status]; },
  });
  index.load([]);
  const shown = new Map();                                    // by charger or cluster: { marker, drawn }
  let spots = new Map(), isFitted = false, moving = null;

  const entry = ({ id, title, place, status }) => make("li", {}, make("a", { href: `/chargers/${id}` }, title), ...(place ? [make("span", { class: "soft small" }, place)] : []), kinds.get(status).badge.cloneNode(true));
  const popup = (...found) => make("ul", {}, ...found.map(entry));
  function together(cluster) {                                // in the order of the list
    const ids = new Set(index.getLeaves(cluster, Infinity).map((leaf) => leaf.properties.id));
    return popup(...[...spots.values()].filter(({ id }) => ids.has(id)));
  }
  function retell(list, fresh) {                              // only rows that changed: whoever reads the others is not moved
    const told = [...list.children], rows = [...fresh.children];
    if (told.length === rows.length) told.forEach((row, at) => row.isEqualNode(rows[at]) || row.replaceWith(rows[at]));
    else list.replaceChildren(...rows);
  }

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
    return { label: several.replace("#", total).replace("*", () => words.join(", ")), icon: L.divIcon({ className: "donut", iconSize: [size, size], html: svg }) };
  }
  function open(marker, cluster) {
    const zoom = index.getClusterExpansionZoom(cluster);
    marker.unbindPopup();
    return zoom < NEAREST ? map.setView(marker.getLatLng(), zoom) : marker.bindPopup(together(cluster)).openPopup();   // all in one place
  }
  function put(feature) {
    const { properties: what, geometry: { coordinates: [x, y] } } = feature;
    const key = what.cluster ? `cluster ${feature.id}` : what.id, drawn = JSON.stringify([what, x, y]);
    const known = shown.get(key);
    if (what.cluster && known?.marker.isPopupOpen()) retell(known.marker.getPopup().getContent(), together(feature.id));
    if (known?.drawn === drawn) return key;
    const { label, icon } = what.cluster ? donut(what) : pin(what);
    const marker = known?.marker ?? L.marker([y, x], { icon, riseOnHover: true }).addTo(map);
    if (known) marker.setLatLng([y, x]).setIcon(icon);
    else if (what.cluster) marker.on("click", () => open(marker, feature.id)).on("keypress", ({ originalEvent: { key: pressed } }) => pressed === "Enter" && open(marker, feature.id));
    if (!what.cluster && !known) marker.on("dragend", () => moving.drop(what.id, marker.getLatLng().wrap()));
    if (!what.cluster) known ? retell(marker.getPopup().getContent(), popup(what)) : marker.bindPopup(popup(what));
    if (!known) marker.on("popupopen popupclose", ({ type }) => marker.setZIndexOffset(type === "popupopen" ? 9999 : 0));   // before those in its place
    marker.getElement().setAttribute("aria-label", label);
    if (!what.cluster) marker.dragging[moving?.isOn ? "enable" : "disable"]();
    shown.set(key, { marker, drawn });
    return key;
  }
  function draw() {
    if (view.querySelector(".leaflet-drag-target")) return;   // somebody holds a pin
    const bounds = map.getBounds().pad(0.2);
    const found = index.getClusters([bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()], Math.round(map.getZoom()));
    const kept = new Set(found.map(put));
    for (const [key, { marker }] of shown) {
      if (kept.has(key)) continue;
      if (marker.getElement() === document.activeElement) view.focus({ preventScroll: true });   // a key goes on from here
      marker.remove();
      shown.delete(key);
    }
    view.classList.toggle("map-named", map.getZoom() >= 12 && found.length < 30);
  }
  function fit() {
    if (isFitted || !spots.size || !view.clientWidth) return;
    isFitted = true;
    map.fitBounds([...spots.values()].map(({ at }) => at), { padding: [48, 48], maxZoom: FITTED, animate: false });
  }
  let isThere;
  const there = new Promise((resolve) => { isThere = resolve; });
  async function read() {
    const answer = await fetch(url);
    if (!answer.ok || answer.redirected) return;              // the log-in has ended: the page's live layer says so
    spots = new Map((await answer.json()).map(([id, latitude, longitude, status, title, place, isOwn]) => [id, { id, status, title, place, isOwn, at: [latitude, longitude] }]));
    index.load([...spots.values()].map(({ at: [y, x], ...properties }) => ({ type: "Feature", properties, geometry: { type: "Point", coordinates: [x, y] } })));
    fit();
    draw();
    isThere();
  }

  // ---- Moving chargers: what that takes is loaded by whoever does it ----
  const mover = document.getElementById("map-move");
  mover?.addEventListener("click", async () => {
    moving ??= (await import(mover.dataset.script)).start({ view, mover, placing, shown, read, spot: (id) => spots.get(id) });
    moving.toggle();
  });
  if (mover) mover.hidden = false;

  // ---- Again at every change, at most once a second (rarer where there are thousands), and without news twice a minute ----
  let due = 0, readAt = 0;
  function soon() {
    if (due || document.hidden) return;
    due = setTimeout(() => { due = 0; readAt = Date.now(); read().catch(() => {}); }, Math.max(0, readAt + Math.max(1000, 2 * spots.size) - Date.now()));
  }
  for (const news of ["fleet", "resync"]) document.getElementById("live").addEventListener(news, soon);
  document.addEventListener("visibilitychange", soon);
  setInterval(soon, 30000);
  map.on("moveend", draw);
  soon();

  // ---- The list and the map, side by side or one at a time ----
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("[data-spot]");
    if (!link) return;
    if (view.clientWidth) event.preventDefault();
    await there;                                              // somebody may be quicker than what the map draws
    const spot = spots.get(+link.dataset.spot);
    if (!spot) return;
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
