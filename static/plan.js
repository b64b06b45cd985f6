// Placing on a plan: with a charger chosen, a click on the picture says where it stands. The fields say the same.
"use strict";
document.addEventListener("click", (event) => {
  const form = document.getElementById("plan-form"), picture = event.target.closest("#plan");
  if (!form || !picture || event.target.closest("a")) return;
  const { left, top, width, height } = picture.getBoundingClientRect();
  form.elements.left.value = ((event.clientX - left) / width * 100).toFixed(2);
  form.elements.top.value = ((event.clientY - top) / height * 100).toFixed(2);
  form.requestSubmit();
});
