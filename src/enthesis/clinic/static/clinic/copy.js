"use strict";
// A button copies the field before it. A browser allows that only on a page that came by https, or
// from this machine.
for (const button of navigator.clipboard ? document.querySelectorAll("[data-copies]") : []) {
  const input = document.getElementById(button.dataset.copies);
  button.hidden = false;
  button.addEventListener("click", () => {
    navigator.clipboard.writeText(input.value).then(
      () => { button.textContent = "Copied"; },
      () => { input.select(); }, // refused all the same: selected, it is copied by hand
    );
  });
}
