// Passkeys. A form with data-passkey ("add" or "sign-in") stays hidden until here, where the browser
// has them; data-begin says what to sign, data-finish takes what was signed. Bytes go as base64url.
"use strict";

const bytesOf = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));

const textOf = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

async function post(form, address, told) {
  const response = await fetch(address, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "X-CSRFToken": form.elements.csrfmiddlewaretoken.value,
    },
    body: JSON.stringify(told),
  });
  // Signed out meanwhile: the sign-in page came in the place of an answer.
  if (response.redirected) { location.assign(response.url); return {}; }
  const answer = await response.json();
  if (answer.error) throw new Error(answer.error);
  return answer;
}

const withId = (one) => ({ ...one, id: bytesOf(one.id) });

async function made(asked) {
  const publicKey = {
    ...asked,
    challenge: bytesOf(asked.challenge),
    user: withId(asked.user),
    excludeCredentials: (asked.excludeCredentials ?? []).map(withId),
  };
  const credential = await navigator.credentials.create({ publicKey });
  return told(credential, {
    clientDataJSON: textOf(credential.response.clientDataJSON),
    attestationObject: textOf(credential.response.attestationObject),
  });
}

async function signed(asked) {
  const publicKey = { ...asked, challenge: bytesOf(asked.challenge) };
  const credential = await navigator.credentials.get({ publicKey });
  const { clientDataJSON, authenticatorData, signature, userHandle } = credential.response;
  return told(credential, {
    clientDataJSON: textOf(clientDataJSON),
    authenticatorData: textOf(authenticatorData),
    signature: textOf(signature),
    userHandle: userHandle ? textOf(userHandle) : undefined,
  });
}

const told = (credential, response) => ({
  id: credential.id,
  rawId: textOf(credential.rawId),
  type: credential.type,
  response,
});

const WHY = {
  NotAllowedError: "Nothing was signed: it was cancelled, or took too long. Try again.",
  InvalidStateError: "This device has a passkey of yours already.",
  SecurityError: "Passkeys need the clinic’s address by name, not by number, and HTTPS.",
};

async function run(form) {
  const place = form.querySelector("[role=alert]");
  place.hidden = true;
  place.textContent = "";
  try {
    const asked = (await post(form, form.dataset.begin, {})).publicKey;
    if (!asked) return;
    const credential = await (form.dataset.passkey === "add" ? made(asked) : signed(asked));
    const rest = { name: form.elements.name?.value, next: form.elements.next?.value };
    const { to } = await post(form, form.dataset.finish, { credential, ...rest });
    if (to) location.assign(to);
  } catch (error) {
    place.textContent = WHY[error.name] ?? error.message;
    place.hidden = false;
  }
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential || !navigator.credentials) continue;
  form.hidden = false;
  form.parentElement.querySelector("[data-without-passkey]")?.remove();
  form.addEventListener("submit", (event) => { event.preventDefault(); run(form); });
}
