// Moving chargers on the map: drag a pin, and take it back if that was not meant. Their settings take degrees by the keyboard.
export function start({ view, mover, placing, shown, read, spot }) {
  const moved = document.getElementById("map-moved"), [words, undo] = moved.children;
  async function put(id, at) {
    const token = JSON.parse(document.body.getAttribute("hx-headers:inherited"))["X-CSRFToken"];
    const [latitude, longitude] = at?.map((x) => x.toFixed(6)) ?? ["", ""];
    const answer = await fetch(placing, { method: "POST", headers: { "X-CSRFToken": token }, body: new URLSearchParams({ charger: id, latitude, longitude }) });
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    return read();
  }
  const mode = {
    isOn: false,
    toggle() {
      mode.isOn = !mode.isOn;
      mover.setAttribute("aria-pressed", mode.isOn);
      mover.classList.toggle("btn-primary", mode.isOn);
      view.classList.toggle("map-moving", mode.isOn);
      for (const [, { marker, drawn }] of shown) if (!JSON.parse(drawn)[0].cluster) marker.dragging[mode.isOn ? "enable" : "disable"]();
    },
    async drop(id, { lat, lng }) {
      const { title, at: before, isOwn } = spot(id);
      try {
        await put(id, [lat, lng]);
        words.textContent = moved.dataset.moved.replace("#", () => title);
        undo.hidden = false;
        undo.onclick = () => put(id, isOwn ? before : null).then(() => { moved.hidden = true; }).catch(() => {});
      } catch {
        words.textContent = moved.dataset.failed.replace("#", () => title);
        undo.hidden = true;
        shown.get(id)?.marker.setLatLng(before);
      }
      moved.hidden = false;
    },
  };
  return mode;
}
