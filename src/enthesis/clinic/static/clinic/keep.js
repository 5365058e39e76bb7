"use strict";
// A form with data-keep is saved while it is typed. Where that fails it stays on the page, says so,
// and is sent again until it arrives; nothing is stored in the browser.
let again = 0;
const on = (name, act) => document.addEventListener(name, (event) => act(event, event.target.closest?.("[data-keep]")));
const changed = (form) => form.dispatchEvent(new Event("input", { bubbles: true }));

// A slow save may come after a newer one: the count tells them apart.
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
  const fresh = new DOMParser().parseFromString(page, "text/html").querySelector("[data-keep] [name=csrfmiddlewaretoken]");
  if (!fresh) throw new Error("signed out");
  for (const token of document.querySelectorAll("[name=csrfmiddlewaretoken]")) token.value = fresh.value;
  changed(form);
}

on("htmx:before:response", (event, form) => {
  const status = event.detail.ctx.response.status;
  if (!form || status === 200) return;
  event.preventDefault();
  notSaved(form, status === 204 || status === 403 ? "You are signed out: sign in in another window." : `The server answered ${status}.`);
});
on("htmx:error", (event, form) => form && notSaved(form, "The network does not answer."));
on("input", (event, form) => {
  if (form) { form.dataset.unsaved = ""; count(form); }
});
on("htmx:after:request", (event, form) => {
  if (form && event.detail.ctx.response?.status === 200) { delete form.dataset.unsaved; delete form.dataset.failing; }
});
on("submit", (event, form) => {
  // An error page would lose what is only here.
  if ("failing" in event.target.dataset) { event.preventDefault(); say("Not sent: not saved yet, trying again."); return; }
  if (form) count(form);
  delete event.target.dataset.unsaved;
});
addEventListener("beforeunload", (event) => {
  if (document.querySelector("[data-unsaved]")) event.preventDefault();
});

// Typed before this file and htmx came: saved now. (A box without a value says "on".)
const typed = (field) => field.options
  ? field.selectedIndex !== Math.max(0, [...field.options].findIndex((one) => one.defaultSelected))
  : field.checked !== field.defaultChecked || field.type !== "checkbox" && field.value !== (field.defaultValue ?? field.value);
const early = (form) => [...form.elements].some(typed) && changed(form);
on("htmx:after:init", (event, form) => form === event.target && early(form));
document.querySelectorAll("[data-keep][data-htmx-powered]").forEach(early);
