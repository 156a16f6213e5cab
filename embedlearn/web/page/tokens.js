// The small dialog that asks for the server's token.

import { byId } from "./dom.js";

/** The token that is given, or null where none is. */
export function askForToken(wrong) {
  const dialog = byId("token");
  byId("token-wrong").textContent = wrong ? "That token is not the server’s: look at where it was started." : "";
  byId("token-value").value = "";
  dialog.showModal();
  return new Promise((done) => {
    const settle = (value) => {
      over.abort();
      if (dialog.open) dialog.close();
      done(value);
    };
    const over = new AbortController();
    const { signal } = over;
    byId("token-form").addEventListener(
      "submit",
      (event) => {
        event.preventDefault();
        settle(byId("token-value").value.trim() || null);
      },
      { signal },
    );
    byId("token-cancel").addEventListener("click", () => settle(null), { signal });
    dialog.addEventListener("cancel", () => settle(null), { signal });
  });
}
