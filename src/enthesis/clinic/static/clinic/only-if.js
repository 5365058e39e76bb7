// Comfort only: without this file every question shows, with the answer that it depends on in words.
// A question with data-only-if="name=value name=value" shows once one of these is ticked. One that is
// filled in already is never hidden.
"use strict";

const isTicked = (one) => {
  const [name, value] = one.split("=");
  return document.querySelector(`input[name="${name}"][value="${value}"]`)?.checked;
};
const isFilled = (field) => (["radio", "checkbox"].includes(field.type) ? field.checked : field.value);

function showOrHide() {
  for (const question of document.querySelectorAll("[data-only-if]")) {
    const fields = [...question.querySelectorAll("input, select, textarea")];
    question.hidden = !question.dataset.onlyIf.split(" ").some(isTicked) && !fields.some(isFilled);
  }
}

// What is only shown where it fits need not say when it fits.
for (const note of document.querySelectorAll("[data-only-if] > p.quiet:first-child")) note.hidden = true;
document.addEventListener("change", showOrHide);
showOrHide();
