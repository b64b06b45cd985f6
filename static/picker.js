// The map beside two fields of degrees: click it, drag its pin, or type; each says what the others do.
"use strict";
(() => {
  const view = document.getElementById("picker-view");
  const fields = ["latitude", "longitude"].map((name) => document.getElementById(name));
  const { center, at, fixed } = view.dataset;
  document.getElementById("picker").hidden = false;
  const map = groundMap(view);

  const round = (value) => value.toFixed(6);
  const typed = () => {                                       // what the fields say, or null where that is no place
    const found = fields.map((field) => field.value.trim() && Number(field.value.trim().replace(",", ".")));
    return found.every((x) => x !== "" && Number.isFinite(x)) && Math.abs(found[0]) <= 90 && Math.abs(found[1]) <= 180 ? found : null;
  };
  const parsed = (text) => text ? text.split(",").map(Number) : null;
  const face = document.createElement("div");
  face.className = "pin is-active";
  face.append(document.getElementById("picker-pin").content.cloneNode(true));
  const pin = L.marker(parsed(center), { icon: L.divIcon({ className: "", iconSize: [32, 32], html: face }), draggable: fixed === undefined, keyboard: false });
  const show = () => {
    const place = typed() ?? parsed(at);
    if (!place) return pin.remove();
    pin.setLatLng(place).addTo(map);
    face.classList.toggle("pin-hollow", !typed());           // it stands where its site does
    return pin;
  };
  const write = ({ lat, lng }) => {
    const whole = L.latLng(lat, lng).wrap();
    fields[0].value = round(Math.max(-90, Math.min(90, whole.lat)));
    fields[1].value = round(whole.lng);
    for (const field of fields) field.dispatchEvent(new Event("change", { bubbles: true }));
    show();
  };
  const known = typed() ?? parsed(at);
  map.setView(known ?? parsed(center), known ? 13 : view.dataset.tiles ? 11 : 5);   // outlines alone say something from afar
  show();
  for (const field of fields) field.addEventListener("paste", (event) => {   // both at once, as other maps tell them: 41.3874, 2.1686
    const both = /^\s*(-?\d+\.\d+)\s*[,;\s]\s*(-?\d+\.\d+)\s*$/.exec(event.clipboardData.getData("text"));
    if (!both) return;
    event.preventDefault();
    fields.forEach((one, at) => { one.value = both[at + 1]; });
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
  for (const field of fields) field.addEventListener("input", () => { if (show() && typed()) map.panTo(typed(), { animate: !calm }); });
  if (fixed !== undefined) return;
  map.on("click", ({ latlng }) => write(latlng));
  pin.on("dragend", () => write(pin.getLatLng()));
})();
