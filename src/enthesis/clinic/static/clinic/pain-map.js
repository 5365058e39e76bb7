// Comfort only: the checkboxes beside the map are the control. A click on an area ticks its checkbox,
// and what is ticked is marked on the map.
"use strict";

const areasOf = (name, code) => document.querySelectorAll(`[data-ticks="${name}"] [data-code="${code}"]`);

function mark(box) {
  for (const area of areasOf(box.name, box.value)) area.classList.toggle("marked", box.checked);
}

function tick(area) {
  const name = area.closest("[data-ticks]").dataset.ticks;
  document.querySelector(`input[name="${name}"][value="${area.dataset.code}"]`)?.click();
}

document.addEventListener("change", (event) => {
  if (event.target.matches?.("input[type=checkbox]")) mark(event.target);
});

document.addEventListener("click", (event) => {
  const area = event.target.closest?.("[data-ticks] .area");
  if (area) tick(area);
});

for (const map of document.querySelectorAll("[data-ticks]")) map.classList.add("ticking");
