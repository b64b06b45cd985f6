// The finder: the driver's position where they give it, and a map where they ask for one. Without it the list says the same.
"use strict";
(function () {
  var near = document.querySelector("[data-near]"), note = document.querySelector("[data-near-note]");
  var box = document.querySelector("[data-map]"), view = document.getElementById("find-map");
  function say(words) { note.textContent = words; }
  function go(position) {                                    // to some 100 m: enough to sort a list by
    var address = new URL(location.href), at = position.coords;
    address.searchParams.set("near", at.latitude.toFixed(3) + "," + at.longitude.toFixed(3));
    location.href = address;
  }
  function sorry(error) {
    near.disabled = false;
    say(note.getAttribute(error.code === 1 ? "data-refused" : "data-unknown"));
  }
  if (near && !navigator.geolocation) near.remove();
  else if (near) near.addEventListener("click", function () {
    near.disabled = true;
    say(note.getAttribute("data-looking"));
    navigator.geolocation.getCurrentPosition(go, sorry, { timeout: 15000, maximumAge: 60000 });
  });

  function need(address) {                                   // a style or a script, once the map is wanted
    return new Promise(function (done, failed) {
      var isStyle = /\.css(\?|$)/.test(address), element = document.createElement(isStyle ? "link" : "script");
      if (isStyle) { element.rel = "stylesheet"; element.href = address; } else { element.async = false; element.src = address; }
      element.onload = done; element.onerror = failed;
      document.head.append(element);
    });
  }
  function draw() {
    var map = groundMap(view), points = JSON.parse(view.dataset.points), here = view.dataset.near.split(",").map(Number);
    var places = points.map(function (point) {
      var link = document.createElement("a");
      link.href = point[4];
      link.textContent = point[2];
      return L.circleMarker([point[0], point[1]], { radius: 11, weight: 3, className: "spot" + (point[3] === "Available" ? " is-ready" : " is-out") }).bindPopup(link).addTo(map).getLatLng();
    });
    if (here.length === 2) places.push(L.circleMarker(here, { radius: 7, weight: 3, className: "spot is-here", interactive: false }).addTo(map).getLatLng());
    if (places.length) map.fitBounds(L.latLngBounds(places), { maxZoom: 15, padding: [30, 30] });
    else map.setView(view.dataset.center.split(",").map(Number), 11);
  }
  if (box) box.addEventListener("toggle", function () {
    if (!box.open || view.dataset.drawn) return;
    view.dataset.drawn = "1";
    Promise.all(view.dataset.needs.split(" ").map(need)).then(draw, function () { view.textContent = "The map could not be loaded."; });
  });
})();
