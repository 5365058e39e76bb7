"use strict";
// A form with data-keep is saved while it is typed. Where that fails it stays on the page, says so,
// and is sent again until it arrives; nothing is stored in the browser.
let again = 0;
const kept = (event) => event.target.closest?.("form[data-keep]");

// A slow save may arrive after a newer one: the count tells which is which.
function count(form) {
  const [page, sent] = form.elements.editor.value.split(".");
  form.elements.editor.value = `${page}.${Number(sent ?? 0) + 1}`;
}

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
  if (form) { form.dataset.unsaved = ""; count(form); }
});
document.addEventListener("htmx:after:request", (event) => {
  const form = kept(event);
  if (form && event.detail.ctx.response?.status === 200) { delete form.dataset.unsaved; delete form.dataset.failing; }
});
document.addEventListener("submit", (event) => {
  // Leaving for an error page would lose what is only here.
  if ("failing" in event.target.dataset) { event.preventDefault(); say("Not sent: not saved yet, trying again."); return; }
  if (kept(event)) count(event.target);
  delete event.target.dataset.unsaved;
});
addEventListener("beforeunload", (event) => {
  if (document.querySelector("form[data-unsaved]")) event.preventDefault();
});

// On a slow network something may be typed before this file and htmx have come: it is saved then.
function early(form) {
  // A box's value says nothing: it is "on" where the page names none, whose default is "".
  const differs = (field) => field.options
    ? field.selectedIndex !== Math.max(0, [...field.options].findIndex((option) => option.defaultSelected))
    : field.checked !== field.defaultChecked || (field.value !== field.defaultValue && !["checkbox", "radio"].includes(field.type));
  const typed = [...form.querySelectorAll("input, select, textarea")].some(differs);
  if (typed) form.dispatchEvent(new Event("input", { bubbles: true }));
}
document.addEventListener("htmx:after:init", (event) => { if (event.target.matches?.("form[data-keep]")) early(event.target); });
for (const form of document.querySelectorAll("form[data-keep][data-htmx-powered]")) early(form);
