"use strict";
// One control opens and closes all code; without scripts each piece opens by itself.
const button = document.getElementById("all-code");
const pieces = [...document.querySelectorAll("details.code")];
const show = button.textContent;
button.hidden = pieces.length === 0;
button.addEventListener("click", () => {
  const open = pieces.some((piece) => !piece.open);
  pieces.forEach((piece) => { piece.open = open; });
  button.textContent = open ? button.dataset.hide : show;
});
