// Behaviour of the drivers' pages: ages that tick, an honest word when the station's news stop, and the stop dialog.
"use strict";
(function () {
  var loaded = Date.now(), server = document.querySelector("[data-now]");
  var ahead = server ? Date.parse(server.getAttribute("data-now")) - loaded : 0;
  function each(selector, act) { Array.prototype.forEach.call(document.querySelectorAll(selector), act); }
  function words(age) { return age < 90 ? age + "\u00a0s" : age < 5400 ? Math.floor(age / 60) + "\u00a0min" : Math.floor(age / 3600) + "\u00a0h"; }
  function tick() {
    each("time[data-age]", function (time) {
      var age = Math.max(0, Math.floor((Date.now() + ahead - Date.parse(time.dateTime)) / 1000));
      var text = words(age) + time.getAttribute("data-age");
      if (time.textContent !== text) time.textContent = text;
      var limit = time.getAttribute("data-stale"), note = document.getElementById("stale-note");
      if (limit && note) note.hidden = age <= +limit;
    });
  }
  document.addEventListener("click", function (event) {
    var opener = event.target.closest("[data-dialog]"), closer = event.target.closest("[data-close]");
    if (opener) document.getElementById(opener.getAttribute("data-dialog")).showModal();
    if (closer && closer.closest("dialog")) closer.closest("dialog").close();
  });
  document.addEventListener("htmx:after:swap", tick);
  setInterval(tick, 1000);
  tick();
})();
