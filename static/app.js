// Behaviour of the operators' pages. Everything here is a convenience: pages work without it.
// No eval, no inline handlers: elements say what they want in data- attributes, one listener on the document does it.
"use strict";
(() => {
  const root = document.documentElement;
  const one = (selector, from = document) => from.querySelector(selector);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const keep = (name, value) => { document.cookie = `${name}=${value};path=/;max-age=31536000;samesite=lax`; };
  const kept = (name) => document.cookie.split("; ").find((pair) => pair.startsWith(name + "="))?.split("=")[1];

  // ---- Time: the server's clock rules, so ages are right on a computer that is not ----
  const clock = one("[data-clock]");
  const ahead_ms = clock ? Date.parse(clock.dateTime) - Date.now() : 0;
  const now = () => Date.now() + ahead_ms;
  const wall = clock && new Intl.DateTimeFormat("en-GB", { timeZone: clock.dataset.zone, hour: "2-digit", minute: "2-digit", second: "2-digit" });

  function written(age_s) {                                  // the same steps as filters.ago
    if (age_s < 90) return `${age_s}\u00a0s`;
    if (age_s < 5400) return `${Math.floor(age_s / 60)}\u00a0min`;
    if (age_s < 129600) return `${Math.floor(age_s / 3600)}\u00a0h`;
    const days = Math.floor(age_s / 86400), hours = Math.floor(age_s / 3600) % 24;
    return days < 7 && hours ? `${days}\u00a0d ${hours}\u00a0h` : `${days}\u00a0d`;
  }
  const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };

  function tellTime() {
    if (clock && !live.frozen) put(clock, wall.format(now()));
    for (const time of all("time[data-age]")) {
      const age_s = Math.max(0, Math.floor((now() - Date.parse(time.dateTime)) / 1000));
      put(time, time.dataset.age.replace("#", written(age_s)));
      if (time.dataset.stale) {
        const region = time.closest("[data-live]");          // data-live="stale": the server knows better
        region?.classList.toggle("stale", age_s > +time.dataset.stale || region.dataset.live === "stale");
      }
    }
    for (const time of all("time[data-elapsed]")) {
      const seconds = Math.max(0, Math.floor((now() - Date.parse(time.dateTime)) / 1000)), minutes = Math.floor(seconds / 60);
      put(time, seconds && !minutes ? `${seconds}\u00a0s` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`);
    }
  }

  // ---- Honesty: say so when the stream is lost, and how old the page is ----
  const stream = one("#live"), state = one("#live-state"), banner = one("#live-lost");
  const live = { began: false, open: false, proof: Date.now(), tried: Date.now(), frozen: false };

  function proven() { live.open = true; live.proof = Date.now(); }
  function watch() {
    if (!stream || document.hidden) return;
    const silent_s = (Date.now() - live.proof) / 1000;
    const lost = (!live.open && silent_s > 3) || silent_s > 45 || !navigator.onLine;   // something is told every 15 s
    live.frozen = lost;
    state.dataset.state = lost ? "lost" : "live";
    put(one("span", state), lost ? state.dataset.wordsLost : state.dataset.wordsLive);
    if (lost && silent_s > 45 && banner.hidden) put(one("b", banner), wall.format(live.proof + ahead_ms));
    banner.hidden = !(lost && silent_s > 45);
    if (!live.open && Date.now() - live.tried > 15000) {      // the extension retries streams it once had; we retry the first
      live.tried = Date.now();
      window.htmx.trigger(stream, "reconnect");
    }
  }
  if (stream) {
    stream.addEventListener("htmx:sse:after:connection", (event) => {
      // Begun out of sight: the extension, which lets go of a stream when its page is hidden, has not seen that happen.
      if (document.hidden) setTimeout(event.detail.connection.visibilityHandler);
      const away_s = (Date.now() - live.proof) / 1000;
      proven();
      if (away_s > 5 || !live.began) window.htmx.trigger(stream, "resync");  // whatever happened meanwhile, or before it: read again
      live.began = true;
    });
    stream.addEventListener("htmx:sse:before:message", proven);
    for (const name of ["htmx:sse:error", "htmx:sse:close", "htmx:response:error"]) stream.addEventListener(name, () => { live.open = false; });
    stream.addEventListener("htmx:sse:before:connection", (event) => { if (event.detail.connection.attempt > 0) live.open = false; });
    document.addEventListener("visibilitychange", () => { if (!document.hidden) live.proof = Math.max(live.proof, Date.now() - 6000); });
  }

  // ---- What a swap changes: numbers blink once, title and favicon count what needs a human ----
  const seen = new Map();
  function blink() {
    for (const element of all("[data-flash]")) {
      const before = seen.get(element.dataset.flash), text = element.textContent;
      seen.set(element.dataset.flash, text);
      if (before === undefined || before === text) continue;
      element.classList.remove("flash");
      void element.offsetWidth;                               // restarts the animation
      element.classList.add("flash");
    }
  }
  function count() {
    const bell = one("[data-attention]"), icon = one("link[rel=icon]");
    if (!bell) return;
    const things = +bell.dataset.attention, faults = +bell.dataset.faults;
    document.title = (things ? `(${things}) ` : "") + document.title.replace(/^\(\d+\) /, "");
    const href = faults ? icon.dataset.fault : icon.dataset.calm;
    if (icon.getAttribute("href") !== href) icon.href = href;
  }
  const refresh = () => { tellTime(); blink(); count(); };
  document.addEventListener("htmx:after:swap", refresh);

  // ---- What somebody has opened stays open when its region is renewed ----
  document.addEventListener("htmx:before:swap", (event) => {
    for (const { fragment } of event.detail.tasks ?? [])
      for (const fold of fragment ? all("details[id]", fragment) : []) if (document.getElementById(fold.id)?.open) fold.open = true;
  });

  // ---- A tail waits while one of its messages is read: it would carry it away ----
  document.addEventListener("htmx:before:swap", (event) => {
    const tail = event.detail.ctx?.target;
    if (tail?.querySelector?.("[data-tail] > details[open]")) event.preventDefault();
  });

  // ---- A list that somebody is in keeps its order and its ticks: only the cells of its rows are renewed ----
  document.addEventListener("htmx:before:swap", (event) => {
    const { ctx, tasks } = event.detail, list = ctx.target;
    if (!list?.matches?.("[data-steady]") || !(list.matches(":hover, :focus-within") || one(":checked, .cursor", list))) return;
    event.preventDefault();
    for (const cell of all("[data-cell]", tasks[0].fragment)) {
      const here = document.getElementById(cell.id);
      if (here && here.innerHTML !== cell.innerHTML) here.replaceChildren(...cell.childNodes);
    }
    refresh();
  });
  function tick(event) {
    const name = event.target.dataset.all, box = one("[data-picked]");
    if (name) for (const each of all(`[name=${name}]`)) each.checked = event.target.checked;
    const count = box && all(`[name=${box.dataset.picked}]:checked`).length;
    if (box) put(box, count ? box.dataset.say.replace("#", count) : "");
  }
  document.addEventListener("htmx:after:request", (event) => {
    const dialog = event.target.closest?.("dialog[open]");
    const { target, response } = event.detail.ctx ?? {};
    if (dialog && (response?.status < 400 || !dialog.contains(target))) dialog.close();
  });

  // ---- A press is never lost: nothing is swapped away from under a finger or a key that is down ----
  const held = new Map();                                     // the newest answer of each element that asked
  let pressed = 0;
  function lift() {
    const answers = [...held.values()];
    clearTimeout(pressed);
    pressed = 0;
    held.clear();
    for (const answer of answers) if (answer.target?.isConnected !== false) window.htmx.swap(answer);
  }
  function hold(at_most_ms) {
    clearTimeout(pressed);
    pressed = setTimeout(lift, at_most_ms);
  }
  const release = () => { if (pressed) hold(150); };           // a finger's click comes a little after it was lifted
  const presses = (event) => event.key === " " && event.target.closest?.("button,summary");
  document.addEventListener("pointerdown", (event) => { if (event.isPrimary && event.button === 0) hold(3000); }, true);
  document.addEventListener("keydown", (event) => { if (presses(event)) hold(3000); }, true);
  document.addEventListener("keyup", (event) => { if (presses(event)) release(); }, true);
  for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, release, true);
  document.addEventListener("click", () => { if (pressed) hold(0); }, true);
  document.addEventListener("htmx:before:swap", (event) => {
    const { ctx } = event.detail;
    if (!pressed || !ctx) return;
    event.preventDefault();
    held.set(ctx.sourceElement, ctx);
  });

  // ---- A form is sent once, however impatient the finger: again when its page is back, or ten seconds later ----
  const sent = new WeakMap();
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.getAttribute("method") !== "post") return;
    if (Date.now() - (sent.get(form) ?? 0) < 10000) event.preventDefault();
    else sent.set(form, Date.now());
  });
  window.addEventListener("pageshow", () => all("form").forEach((form) => sent.delete(form)));

  // ---- Clicks ----
  async function copy(button) {
    const text = button.dataset.copy;
    try {
      await navigator.clipboard.writeText(text);
    } catch {                                                 // plain http on a local network has no clipboard
      const box = document.body.appendChild(Object.assign(document.createElement("textarea"), { value: text }));
      box.select();
      document.execCommand("copy");
      box.remove();
    }
    const words = one("span", button) ?? button, before = words.textContent;
    if (button.dataset.copied) put(words, button.dataset.copied);
    setTimeout(() => put(words, before), 1500);
  }
  function theme(button) {
    const order = ["auto", "light", "dark"], icons = { auto: "monitor", light: "sun", dark: "moon" };
    const next = order[(order.indexOf(root.dataset.theme ?? "auto") + 1) % 3];
    root.dataset.theme = next;
    keep("theme", next);
    button.title = JSON.parse(button.dataset.words)[next];
    button.setAttribute("aria-label", button.title);
    const use = one("use", button);
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, "#" + icons[next]));
  }
  function ask(name, opener) {
    const dialog = document.getElementById(name);
    if (dialog && opener.commandForElement) return;           // the browser opens it: it could before this script was here
    if (dialog) return dialog.showModal();
    location.hash = name;                                     // its button came into a live region after the page
    location.reload();
  }
  document.addEventListener("click", (event) => {
    const on = (selector) => event.target.closest(selector);
    let element;
    if (event.target.nodeName === "DIALOG") event.target.close();            // the backdrop
    else if (on("[data-print]")) print();
    else if ((element = on("[data-copy]"))) copy(element);
    else if ((element = on("[data-dialog]"))) ask(element.dataset.dialog, element);
    else if ((element = on("[data-close]"))) { on("[data-toast]") ? on("[data-toast]").remove() : on("dialog")?.close(); }
    else if ((element = on("[data-theme-button]"))) theme(element);
    else if (on("[data-reload]")) location.reload();
    else if ((element = on("[aria-disabled=true]"))) event.preventDefault();
    for (const menu of all("details[data-menu][open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("input", (event) => {
    const must = event.target.dataset.mustEqual;
    if (must) one("[type=submit]", event.target.form).disabled = event.target.value.trim() !== must;
    const way = event.target.dataset.chooses;
    if (way && event.target.value) one(`[type=radio][value=${way}]`, event.target.form).checked = true;
  });
  document.addEventListener("change", (event) => {
    if (event.target.id === "keys-on") keep("keys", event.target.checked ? "on" : "off");
    tick(event);
  });
  const toasts = one("#toasts");
  const fade = () => all("[data-toast]:not([data-toast=error]):not([data-timed])", toasts).forEach((toast) => {
    toast.dataset.timed = "";
    setTimeout(() => toast.remove(), 6000);
  });
  if (toasts) { new MutationObserver(fade).observe(toasts, { childList: true }); fade(); }

  // ---- Keys: one-letter shortcuts can be switched off (WCAG 2.1.4) ----
  let prefix = 0;
  function step(by) {
    const rows = all("[data-rows] > *"), at = rows.findIndex((row) => row.classList.contains("cursor"));
    const next = rows[Math.min(rows.length - 1, Math.max(0, at + by))];
    rows[at]?.classList.remove("cursor");
    next?.classList.add("cursor");
    next?.scrollIntoView({ block: "nearest" });
  }
  function press(event) {
    const row = one("[data-rows] > .cursor");
    const keys = {
      "/": () => one("#search")?.focus(),
      "?": () => one("#shortcuts")?.showModal(),
      ".": () => { const menu = one("main details[data-menu]:has(summary kbd)"); if (menu) { menu.open = true; one("div :is(a,button)", menu)?.focus(); } },
      g: () => { prefix = Date.now(); },
      j: () => step(1), k: () => step(-1),
      x: () => one("[type=checkbox]", row ?? root)?.click(),
      Enter: () => one("a", row)?.click(),
    };
    if (Date.now() - prefix < 1200) { prefix = 0; return one(`[data-go="${event.key}"]`)?.click(); }
    if (event.key === "Enter" && !row) return;
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }
  document.addEventListener("keydown", (event) => {
    const menu = one("details[data-menu][open]");
    if (event.key === "Escape") {
      if (menu) { menu.open = false; one("summary", menu).focus(); } else one("[data-rows] > .cursor")?.classList.remove("cursor");
    }
    if ((event.ctrlKey || event.metaKey) && event.key === "k") { event.preventDefault(); one("#search")?.focus(); }
    const typing = event.target.closest("input,textarea,select,[contenteditable],dialog") || (event.key === "Enter" && event.target.closest("a,button,summary"));
    if (typing || event.ctrlKey || event.metaKey || event.altKey || kept("keys") === "off") return;
    press(event);
  });

  // ---- Curves: zoom and cursor are loaded when somebody comes near one ----
  const loaded = (file) => new Promise((done) => {
    const element = file.includes(".css") ? Object.assign(document.createElement("link"), { rel: "stylesheet", href: file }) : Object.assign(document.createElement("script"), { src: file });
    element.addEventListener("load", done);
    document.head.append(element);
  });
  const curves = one("meta[name=curve-files]"), NEAR = ["pointerover", "focusin"];
  async function approach(event) {
    if (!event.target.closest?.(".still")) return;
    for (const name of NEAR) document.removeEventListener(name, approach);
    for (const file of curves.content.split(" ")) await loaded(file);
  }
  if (curves) for (const name of NEAR) document.addEventListener(name, approach);

  const asked = document.getElementById(location.hash.slice(1));
  if (asked?.nodeName === "DIALOG") {
    history.replaceState(null, "", location.pathname + location.search);
    asked.showModal();
  }
  // Opened by the address, or by a press before this script was here: what it says of this moment is read now.
  setTimeout(() => { for (const dialog of all("dialog[open]")) one(`[data-dialog="${dialog.id}"][hx-get]`)?.dispatchEvent(new Event("click")); });
  for (const dialog of all("dialog[data-again]")) { dialog.close(); dialog.showModal(); }   // a refused form, shown once more
  function unfold() {                                         // a message that an address points at is shown open
    const folded = document.getElementById(location.hash.slice(1));
    if (folded?.nodeName === "DETAILS") folded.open = true;
  }
  addEventListener("hashchange", unfold);
  unfold();
  for (const tabs of all(".tabs")) {                          // on phones: the current one in the middle
    const tab = one("[aria-current]", tabs);
    if (tab) tabs.scrollLeft = tab.offsetLeft - (tabs.clientWidth - tab.offsetWidth) / 2;
  }
  const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (ownZone && kept("zone") !== ownZone) keep("zone", ownZone);             // for times on one's own clock
  const zoneBox = one("[data-own-zone]");                     // set-up: the browser knows where it is
  if (zoneBox) zoneBox.value = ownZone || zoneBox.value;
  const switchBox = one("#keys-on");
  if (switchBox) switchBox.checked = kept("keys") !== "off";
  refresh();
  watch();
  setInterval(() => { tellTime(); watch(); }, 1000);
})();
