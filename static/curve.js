// Curves with zoom and cursor, in the place of those that the server has drawn, which stay until this file is loaded.
// <div class="plot" data-curve="address of the values" data-zone="Europe/Madrid" id="…" data-words='{"label": "…", "time": "Time", "power_w": "Power", …}'></div>
"use strict";
(() => {
  const SERIES = [                                            // the names of the answer's lists, and how each is drawn
    { key: "power_w", unit: "kW", by: 1000, places: 1, colour: "--active" },
    { key: "energy_wh", unit: "kWh", by: 1000, places: 2, colour: "--ready" },
    { key: "soc_percent", unit: "%", by: 1, places: 0, colour: "--held" },
  ];
  const plots = new Map();                                    // by the element's id: swaps replace the element, not its plot
  const probe = document.createElement("i");                 // asks the page for a colour: a canvas knows no variables
  probe.hidden = true;
  document.body.append(probe);
  const colour = (name) => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
  const language = document.documentElement.lang;
  const months = Array.from({ length: 12 }, (_, month) => new Date(2026, month).toLocaleDateString(language, { month: "short" }));
  const dated = (form) => uPlot.fmtDate(form, { MMM: months });
  const clock = uPlot.fmtDate("{HH}:{mm}"), day = dated("{DD} {MMM}\n{HH}:{mm}"), moment = dated("{DD} {MMM} {HH}:{mm}:{ss}");
  const written = (value, places) => value.toLocaleString(language, { minimumFractionDigits: places, maximumFractionDigits: places, useGrouping: false });
  const fixed = (series) => (plot, value) => value == null ? "–" : `${written(value, series.places)}\u00a0${series.unit}`;

  function shape(answer) {                                    // {at: [s], power_w: [W], …}: lists without a value are left out
    const shown = SERIES.filter((series) => answer[series.key].some((value) => value != null));
    const lists = shown.map((series) => answer[series.key].map((value) => value == null ? null : value / series.by));
    return { shown, data: [answer.at, ...lists] };
  }
  function axis(series, side) {
    return { scale: series.key, side, stroke: () => colour("--soft"), grid: { show: side === 3, stroke: () => colour("--line"), width: 1 },
      ticks: { show: false }, size: 44, values: (plot, ticks) => ticks.map((tick) => written(tick, tick % 1 ? 1 : 0)), label: series.unit, labelSize: 18, labelFont: "12px system-ui" };
  }
  function make(box, { shown, data }) {
    const scales = Object.fromEntries(shown.map((series) => [series.key, { range: (plot, low, high) => [0, series.unit === "%" ? 100 : Math.max(high * 1.08, 0.1)] }]));
    const tzDate = (seconds) => uPlot.tzDate(new Date(seconds * 1000), box.dataset.zone);
    const hours = (plot, ticks) => ticks.map((tick) => (plot.scales.x.max - plot.scales.x.min > 86400 ? day : clock)(tzDate(tick)));
    const words = JSON.parse(box.dataset.words);
    return new uPlot({
      width: box.clientWidth, height: 260, tzDate,
      scales: { x: { time: true }, ...scales },
      axes: [{ values: hours, stroke: () => colour("--soft"), grid: { stroke: () => colour("--line"), width: 1 }, ticks: { show: false } }, ...shown.slice(0, 2).map((series, at) => axis(series, at ? 1 : 3))],
      series: [{ label: words.time, value: (plot, at) => at == null ? "–" : moment(tzDate(at)) }, ...shown.map((series) => ({ label: words[series.key], scale: series.key, stroke: () => colour(series.colour), width: 2, value: fixed(series), points: { show: false }, spanGaps: false }))],
      cursor: { drag: { x: true, y: false }, focus: { prox: 24 } },
      legend: { live: true },
    }, data, box);
  }

  function move(plot, steps) {
    const last = plot.data[0].length - 1, at = Math.min(last, Math.max(0, (plot.cursor.idx ?? 0) + steps));
    plot.setCursor({ left: plot.valToPos(plot.data[0][at], "x"), top: 0 });
  }
  function zoom(plot, by) {
    const { min, max } = plot.scales.x, middle = plot.cursor.idx == null ? (min + max) / 2 : plot.data[0][plot.cursor.idx];
    plot.setScale("x", { min: middle - (middle - min) * by, max: middle + (max - middle) * by });
  }
  function whole(plot) { plot.setScale("x", { min: plot.data[0][0], max: plot.data[0].at(-1) }); }
  function press(event, plot) {
    const keys = { ArrowLeft: () => move(plot, -1), ArrowRight: () => move(plot, 1), "+": () => zoom(plot, 0.5), "-": () => zoom(plot, 2), 0: () => whole(plot) };
    if (!keys[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  }

  async function read(box) {
    const response = await fetch(box.dataset.curve, { headers: { Accept: "application/json" } });
    if (!response.ok) return null;
    const shaped = shape(await response.json());
    return shaped.shown.length && shaped.data[0].length > 1 ? shaped : null;
  }
  async function begin(box) {
    const kept = { root: null, plot: null, series: "", read_at: Date.now() };
    plots.set(box.id, kept);
    const shaped = await read(box);
    if (!shaped) { plots.delete(box.id); return; }            // the drawn one stays
    const here = document.getElementById(box.id);
    if (!here) return;
    const isFocused = here.nextElementSibling?.contains(document.activeElement);
    kept.plot = make(here, shaped);
    kept.root = kept.plot.root;
    kept.series = shaped.shown.map((series) => series.key).join();
    kept.root.tabIndex = 0;
    kept.root.setAttribute("role", "group");
    kept.root.setAttribute("aria-label", JSON.parse(here.dataset.words).label);
    kept.root.addEventListener("keydown", (event) => press(event, kept.plot));
    if (isFocused) kept.root.focus();                         // the drawn one had it, and is gone
  }
  async function renew(box, kept) {                           // what runs goes on; who has zoomed in stays where they are
    if (Date.now() - kept.read_at < 10000) return;
    kept.read_at = Date.now();
    const shaped = await read(box);
    const times = kept.plot.data[0], { min, max } = kept.plot.scales.x;
    const same = shaped && shaped.shown.map((series) => series.key).join() === kept.series;
    if (same) kept.plot.setData(shaped.data, min <= times[0] && max >= times.at(-1));
  }
  function look() {
    for (const box of document.querySelectorAll("[data-curve]")) {
      const kept = plots.get(box.id);
      if (!kept) begin(box);
      else if (kept.root) {
        if (!box.contains(kept.root)) box.append(kept.root);
        if (box.hasAttribute("data-runs")) renew(box, kept);
      }
    }
  }
  function fit() {
    for (const [id, kept] of plots) {
      const width = document.getElementById(id)?.clientWidth;
      if (kept.plot && width && Math.abs(width - kept.plot.width) > 1) kept.plot.setSize({ width, height: 260 });
    }
  }
  document.addEventListener("htmx:after:swap", look);
  addEventListener("resize", fit);
  new MutationObserver(() => { for (const kept of plots.values()) kept.plot?.redraw(false, true); }).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { for (const kept of plots.values()) kept.plot?.redraw(false, true); });
  look();
})();
