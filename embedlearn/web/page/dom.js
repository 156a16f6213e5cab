// Elements made by hand: what is shown is always text, never markup.

export const byId = (id) => document.getElementById(id);

/** An element with attributes (`on`: its listeners; false or null: none) and children: elements or text. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false && child !== ""));
  return element;
}

/** A name that may be broken after its slashes. */
export function worded(name) {
  return name.split(/(?<=\/)/).flatMap((part, at) => (at ? [document.createElement("wbr"), part] : [part]));
}

/** Put new children in place of the old ones; the keyboard's focus stays on the element with the same `data-key`. */
export function refill(root, ...children) {
  const key = root.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  root.replaceChildren(...children.filter(Boolean));
  if (key)
    [...root.querySelectorAll("[data-key]")].find((each) => each.dataset.key === key)?.focus({ preventScroll: true });
}

/** A picture of a blob; its address is given back as soon as it is drawn. */
export function picture(blob, alt) {
  const image = make("img", { alt, draggable: "false" });
  const address = URL.createObjectURL(blob);
  image.onload = image.onerror = () => URL.revokeObjectURL(address);
  image.src = address;
  return image;
}

/** Save text as a file of the user's. */
export function save(name, text, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
