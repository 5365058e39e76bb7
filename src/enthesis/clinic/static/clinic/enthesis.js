// Comfort only: every page works without this file.
// Steppers: − and + beside a number input (hidden until here). Announcements: an HTMX swap does not
// move anything on the screen, so an element with data-say in the new part is read out instead.
// Pain map: a click on an area ticks its checkbox, and what is ticked is marked on the map.
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
  for (const map of root.querySelectorAll?.("[data-ticks]") ?? []) map.classList.add("ticking");
}

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
  const button = event.target.closest?.(".stepper button");
  if (button) stepBy(button);
  const lot = event.target.closest?.("button[data-fills]");
  if (lot) fill(lot);
  for (const menu of document.querySelectorAll(".menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
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

// A form with data-keep is saved while it is typed. Where that fails it stays on the page, says so,
// and is sent again until it arrives; nothing is stored in the browser.
let again = 0;
const kept = (event) => event.target.closest?.("form[data-keep]");

function notSaved(form, why) {
  const line = document.getElementById("saved");
  line.classList.add("blocks-one");
  line.textContent = `Not saved yet, trying again. ${why}`;
  form.dataset.unsaved = form.dataset.failing = "";
  clearTimeout(again);
  again = setTimeout(() => renew(form).catch(() => notSaved(form, why)), 3000);
}

// Whoever signed out and in again has another token; what was typed is still here.
async function renew(form) {
  const page = await (await fetch(location.href)).text();
  const fresh = new DOMParser().parseFromString(page, "text/html").querySelector("form[data-keep] [name=csrfmiddlewaretoken]");
  if (!fresh) throw new Error("signed out");
  for (const token of document.querySelectorAll("[name=csrfmiddlewaretoken]")) token.value = fresh.value;
  form.dispatchEvent(new Event("input", { bubbles: true }));
}

document.addEventListener("htmx:before:response", (event) => {
  const form = kept(event);
  const status = event.detail.ctx.response.status;
  if (!form || status === 200) return;
  event.preventDefault();
  notSaved(form, status === 204 || status === 403 ? "You are signed out: sign in in another window." : `The server answered ${status}.`);
});
document.addEventListener("htmx:error", (event) => {
  const form = kept(event);
  if (form) notSaved(form, "The network does not answer.");
});
document.addEventListener("input", (event) => {
  const form = kept(event);
  if (form) form.dataset.unsaved = "";
});
document.addEventListener("htmx:after:request", (event) => {
  const form = kept(event);
  if (form && event.detail.ctx.response?.status === 200) { delete form.dataset.unsaved; delete form.dataset.failing; }
});
document.addEventListener("submit", (event) => {
  // Leaving for an error page would lose what is only here.
  if ("failing" in event.target.dataset) { event.preventDefault(); say("Not sent: not saved yet, trying again."); return; }
  delete event.target.dataset.unsaved;
});
addEventListener("beforeunload", (event) => {
  if (document.querySelector("form[data-unsaved]")) event.preventDefault();
});

wake(document);
document.querySelector(".error-summary")?.focus();
