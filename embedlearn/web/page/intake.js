// Ways in for films: the button, dropping anywhere on the page, pasting.

import { byId } from "./dom.js";

export const FILM = "application/x-embedlearn-film";
export const EXAMPLE = "application/x-embedlearn-example";

/** Call `take(files)` with all that is chosen, dropped or pasted. */
export function takeFilms(take) {
  const input = byId("files");
  for (const id of ["choose", "choose-first"]) byId(id).addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // so that the same film can be chosen again
    if (files.length) take(files);
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    take(files);
  });
  dropping(document, (event) => {
    byId("drop-hint").hidden = true;
    if (event.dataTransfer.files.length) take([...event.dataTransfer.files]);
  });
  hinting();
}

/** Let a place take drops of files or, of those `types`, of what is dragged within the page. */
export function dropping(place, drop, types = []) {
  const fits = (event) => ["Files", ...types].some((type) => event.dataTransfer.types.includes(type));
  const mark = (on) => place.classList?.toggle("over", on);
  place.addEventListener("dragover", (event) => {
    if (!fits(event)) return;
    event.preventDefault();
    event.stopPropagation();
    mark(true);
  });
  place.addEventListener("dragleave", (event) => {
    if (place === document || !place.contains(event.relatedTarget)) mark(false);
  });
  place.addEventListener("drop", (event) => {
    if (!fits(event)) return;
    event.preventDefault();
    event.stopPropagation();
    mark(false);
    byId("drop-hint").hidden = true;
    drop(event);
  });
}

/** The frame that appears while files are dragged over the page, outside the classes. */
function hinting() {
  const hint = byId("drop-hint");
  const isFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener(
    "dragover",
    (event) => {
      if (isFiles(event)) hint.hidden = Boolean(event.target.closest?.(".zone"));
    },
    true,
  );
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) hint.hidden = true;
  });
  document.addEventListener("dragend", () => (hint.hidden = true));
}
