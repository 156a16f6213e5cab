// What the page tells: errors with what to do, progress, waiting, and words for a screen reader.

import { byId, make } from "./dom.js";
import { megabytes, sentence } from "./words.js";

/** Tell a screen reader. */
export function say(line) {
  byId("said").textContent = line;
}

/** How far the films are read; nothing where all are. */
export function progress(done, total) {
  byId("progress").hidden = done >= total;
  byId("progress-bar").max = total;
  byId("progress-bar").value = done;
  const line = done < total ? `Reading film ${done + 1} of ${total}` : "";
  if (byId("progress-line").textContent !== line) byId("progress-line").textContent = line;
}

/** Why the page waits for the server; null: it does not. */
export function waiting(line) {
  for (const box of [byId("waiting"), byId("compare-waiting")]) {
    box.hidden = line === null;
    if (box.textContent !== (line ?? "")) box.textContent = line ?? "";
  }
}

/** Show an error until it is closed, or until the returned function is called; the same line is shown once. */
export function alarm(line, again = null) {
  const root = byId("alerts");
  const close = () => box.remove();
  const retry = () => {
    close();
    again();
  };
  const box = make(
    "div",
    { class: "box error" },
    make("p", { role: "alert" }, make("strong", {}, "Error: "), line),
    again && make("button", { type: "button", on: { click: retry } }, "Try again"),
    make("button", { type: "button", class: "quiet", "aria-label": `Close: ${line}`, on: { click: close } }, "Close"),
  );
  for (const other of [...root.children]) if (other.querySelector("p").textContent === `Error: ${line}`) other.remove();
  root.append(box);
  while (root.children.length > 4) root.firstChild.remove();
  return close;
}

const REMEDIES = {
  400: "Reload the page and try again.",
  401: "Give the token that the server printed when it was started.",
  403: "Open the page at the address that the server printed.",
  404: "Reload the page: the gallery may have changed.",
  408: "The connection is slow: try again, or send a smaller film.",
  413: "Save the film smaller, or send fewer at once.",
  415: "Send a PNG, JPEG or DICOM file.",
  429: "Too much was asked at once: wait a minute and try again.",
  500: "Try again; if it stays, tell who runs the server.",
  503: "The server has too much to do: try again in a minute.",
  504: "The film took too long to read: try again, or save it as PNG.",
};

/** An error in plain words, with what to do. */
export function plain(error) {
  if (error?.status === undefined)
    return error?.plain ? error.message : "Something in this page went wrong. Reload it and try again.";
  const line = sentence(error.message.replace(/^(the )?film: /i, "")); // which film, is told beside it
  if (error.status === 422) return line; // the server says itself what to do
  return `${line} ${REMEDIES[error.status] ?? "Try again."}`;
}

/** Whether the same may go better another time. */
export const passes = (error) => ![400, 403, 413, 415, 422].includes(error?.status) && !error?.plain;

/** An error whose message is already plain. */
export class Told extends Error {
  plain = true;
}

/** What a file must not be, known before it is sent. Throws `Told`. */
export async function bytesOf(file, limits) {
  if (limits && file.size > limits.bytes) {
    throw new Told(
      `This file has ${megabytes(file.size)}; the server takes ${megabytes(limits.bytes)} at most. Save it smaller.`,
    );
  }
  let bytes;
  try {
    bytes = await file.arrayBuffer();
  } catch {
    throw new Told("This file cannot be opened: it may be a folder, or it has changed. Choose it again.");
  }
  if (!bytes.byteLength) throw new Told("This file is empty. Choose another one.");
  return new Blob([bytes]);
}
