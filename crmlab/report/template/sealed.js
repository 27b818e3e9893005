"use strict";
// A sealed report: PBKDF2 makes the key of the password, AES-GCM opens the page, which takes the place of this one.
// Nothing is named out here: the report's own script may use any name.
document.getElementById("open").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { salt, nonce, iterations, busy, wrong, unable } = event.target.dataset;
  const { password: field } = event.target.elements;
  const button = event.submitter ?? event.target.querySelector("button");
  const said = document.getElementById("said");
  const say = (text, fault) => { said.textContent = text; said.classList.toggle("wrong", fault); };
  if (!globalThis.crypto?.subtle) return say(unable, true);
  const bytes = (text) => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
  button.disabled = true;
  say(busy, false);
  let page;
  try {
    const password = new TextEncoder().encode(field.value.normalize("NFC"));
    const secret = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveKey"]);
    const work = { name: "PBKDF2", hash: "SHA-256", salt: bytes(salt), iterations: Number(iterations) };
    const key = await crypto.subtle.deriveKey(work, secret, { name: "AES-GCM", length: 256 }, false, ["decrypt"]);
    const sealed = bytes(document.getElementById("sealed").textContent);
    page = new TextDecoder().decode(await crypto.subtle.decrypt({ name: "AES-GCM", iv: bytes(nonce) }, key, sealed));
  } catch {
    say(wrong, true);
    button.disabled = false;
    field.select();
    return;
  }
  document.open();
  document.write(page);
  document.close();
});
