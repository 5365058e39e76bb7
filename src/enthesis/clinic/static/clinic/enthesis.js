// Comfort only: every page works without this file.
// Steppers: − and + beside a number input (hidden until here). Announcements: an HTMX swap does not
// move anything on the screen, so an element with data-say in the new part is read out instead.
"use strict";

const placesOf = (text) => (text.split(".")[1] ?? "").length;

function stepBy(button) {
  const input = button.parentElement.querySelector("input");
  const size = Number(button.dataset.step) || 1;
  const places = Math.max(placesOf(button.dataset.step), placesOf(input.value));
  const low = input.min === "" ? -Infinity : Number(input.min);
  const high = input.max === "" ? Infinity : Number(input.max);
  const next = Math.min(high, Math.max(low, Number(input.value || 0) + size));
  input.value = String(Number(next.toFixed(places)));
  input.dispatchEvent(new Event("input", { bubbles: true }));
  input.dispatchEvent(new Event("change", { bubbles: true }));
  say(`${input.value} ${button.dataset.unit ?? ""}`.trim());
}

function fill(button) {
  const input = document.getElementById(button.dataset.fills);
  input.value = button.lastChild.textContent.trim();
  input.dispatchEvent(new Event("input", { bubbles: true }));
  say(`${input.labels[0].textContent}: ${input.value}`);
}

function say(words) {
  const place = document.getElementById("announcements");
  if (!place) return;
  place.textContent = "";
  requestAnimationFrame(() => { place.textContent = words; });
}

function wake(root) {
  const asleep = ".stepper button[hidden], button[data-fills][hidden]";
  for (const button of root.querySelectorAll?.(asleep) ?? []) button.hidden = false;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.(".stepper button");
  if (button) stepBy(button);
  const lot = event.target.closest?.("button[data-fills]");
  if (lot) fill(lot);
  for (const menu of document.querySelectorAll(".menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// A double click is one sending: the answer to a second one could not show again what is shown once.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (Date.now() - Number(form.dataset.sentAt ?? 0) < 2000) event.preventDefault();
  else form.dataset.sentAt = Date.now();
});

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest?.(".menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

document.addEventListener("htmx:after:swap", () => {
  wake(document);
  const spoken = document.querySelector("[data-say]:not([data-said])");
  if (!spoken) return;
  spoken.dataset.said = "";
  say(spoken.dataset.say || spoken.textContent);
});

wake(document);
const wrong = document.querySelector(".error-summary");
wrong?.focus();
// A part of an address (#site-5) carries the reader away from it.
if (wrong && location.hash) addEventListener("load", () => wrong.focus());
