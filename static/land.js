// Behaviour of the drivers' pages: news from the station, ages that tick, dialogs. Plain enough for an old phone.
"use strict";
(function () {
  var loaded = Date.now(), server = document.querySelector("[data-now]"), source = null, due = 0, fetched = 0, pressed = 0, spoken = 0;
  var ahead = server ? Date.parse(server.getAttribute("data-now")) - loaded : 0;
  var stream = document.body.getAttribute("data-stream"), every = 1000 * (document.body.getAttribute("data-every") || 1);
  function each(selector, act) { Array.prototype.forEach.call(document.querySelectorAll(selector), act); }
  function words(age) { return age < 90 ? age + "\u00a0s" : age < 5400 ? Math.floor(age / 60) + "\u00a0min" : Math.floor(age / 3600) + "\u00a0h"; }
  function tick() {
    each("time[data-age]", function (time) {
      var age = Math.max(0, Math.floor((Date.now() + ahead - Date.parse(time.dateTime)) / 1000));
      var text = time.getAttribute("data-age").replace("#", words(age));
      if (time.textContent !== text) time.textContent = text;
      var limit = time.getAttribute("data-stale"), note = document.getElementById("stale-note");
      if (limit && note) note.hidden = age <= +limit;
    });
    each("time[data-until]", function (time) {
      var left = Math.ceil((Date.parse(time.dateTime) - Date.now() - ahead) / 1000);
      time.textContent = left < 60 ? Math.max(0, left) + "\u00a0s" : Math.floor(left / 60) + ":" + ("0" + left % 60).slice(-2) + "\u00a0min";
      if (left <= 0) look();
    });
    if (stream && !document.hidden && Date.now() - fetched > 30000) look();
  }
  function look() {                                          // at most so often, however many the news
    if (due) return;
    due = setTimeout(function () { due = 0; read(); }, Math.max(0, fetched + every - Date.now()));
  }
  function read() {
    fetched = Date.now();
    each("[data-region]", function (region) {
      fetch(region.getAttribute("data-region"), { headers: { "X-Fragment": "1" }, credentials: "same-origin" }).then(function (answer) {
        var target = answer.headers.get("X-Go-To");
        if (target) { location.replace(target); return null; }       // or the way back would lead here again and again
        return answer.status === 200 ? answer.text() : null;
      }).then(function (text) {
        if (text === null || region.innerHTML === text) return;
        if (pressed) { look(); return; }                     // what is under a finger stays until it is lifted
        var taken = !!region.querySelector("[data-taken]"), held = region.contains(document.activeElement) && document.activeElement;
        region.innerHTML = text;
        if (held) resume(region, held);
        // Over, begun or ended by somebody at the station: then the rest of the page is another one too.
        if (region.querySelector("[data-over]") || taken !== !!region.querySelector("[data-taken]")) location.reload();
        speak();
        tick();
      }).catch(function () { });                             // offline: the ages tell, and the next look is near
    });
  }
  function resume(region, held) {                            // whoever goes by keyboard stays where they were
    var same = [].filter.call(region.querySelectorAll("a, button, summary"), function (one) { return one.textContent === held.textContent; })[0];
    (same || document.getElementById("content")).focus({ preventScroll: true });
  }
  function speak() {                                         // for those who hear the page: once a minute at most
    var words = document.querySelector("[data-say]"), place = document.getElementById("spoken");
    if (!words || !place || Date.now() - spoken < 60000 || place.textContent === words.getAttribute("data-say")) return;
    place.textContent = words.getAttribute("data-say");
    spoken = Date.now();
  }
  function listen() {
    if (!stream || source || document.hidden || !window.EventSource) return;
    source = new EventSource(stream);
    source.addEventListener("station", look);
    source.addEventListener("open", look);                   // what happened between the page and the stream
  }
  function hold(ms) { clearTimeout(pressed); pressed = setTimeout(function () { pressed = 0; }, ms); }
  document.addEventListener("pointerdown", function () { hold(3000); }, true);
  ["pointerup", "pointercancel"].forEach(function (name) { document.addEventListener(name, function () { hold(150); }, true); });
  document.addEventListener("close", function (event) {      // what opened the dialog may have been read anew meanwhile
    var opener = document.querySelector('[data-dialog="' + event.target.id + '"]');
    if (opener) opener.focus();
  }, true);
  document.addEventListener("visibilitychange", function () {
    if (document.hidden) { if (source) { source.close(); source = null; } return; }
    listen();
    if (stream) look();
  });
  function share(path) {
    var link = new URL(path, location.href).href;
    if (navigator.share) { navigator.share({ title: document.title, url: link }).catch(function () { }); return; }
    navigator.clipboard.writeText(link).then(function () { document.getElementById("shared").hidden = false; });
  }
  document.addEventListener("click", function (event) {
    var opener = event.target.closest("[data-dialog]"), closer = event.target.closest("[data-close]"), printer = event.target.closest("[data-print]"), sharer = event.target.closest("[data-share]");
    var box = opener && document.getElementById(opener.getAttribute("data-dialog"));
    if (box && box.showModal) { event.preventDefault(); box.showModal(); }
    if (closer && closer.closest("dialog")) closer.closest("dialog").close();
    if (printer) window.print();
    if (sharer) share(sharer.getAttribute("data-share"));
  });
  function choose(way) { each("[data-for]", function (box) { box.hidden = box.getAttribute("data-for") !== way.value; }); }
  document.addEventListener("change", function (event) {     // the card's number belongs to the card
    if (event.target.name === "method") choose(event.target);
  });
  each("[name=method]:checked", choose);
  each("[data-scripted]", function (element) { element.hidden = false; });
  each("[data-share]", function (element) { element.hidden = !(navigator.share || navigator.clipboard); });
  var here = document.body.getAttribute("data-here");
  if (here) history.replaceState(null, "", here);            // reading the answer to a form again must not send the form again
  fetched = loaded;
  listen();
  setInterval(tick, 1000);
  tick();
})();
