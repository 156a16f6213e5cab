// The page's colours for what is drawn on a canvas; the first classes are neither of the two colours of a map.

const PLAIN = {
  light: {
    ink: "#1c2127",
    paper: "#ffffff",
    classes: ["#7a5fb0", "#009e73", "#cc79a7", "#5b6570", "#8a6d00", "#56b4e9", "#0072b2", "#d55e00"],
  },
  dark: {
    ink: "#e3e7ec",
    paper: "#14181c",
    classes: ["#b79cf0", "#1fbf8f", "#de94bd", "#9ba6b2", "#c9b03a", "#a6dbfa", "#3b96dc", "#f0803c"],
  },
};

const dark = matchMedia("(prefers-color-scheme: dark)");

// The colours that the style sheets give an element, and for those that they do not the plain ones.
export function coloursOf(element) {
  const style = getComputedStyle(element);
  const plain = PLAIN[dark.matches ? "dark" : "light"];
  const of = (name, otherwise) => style.getPropertyValue(`--${name}`).trim() || otherwise;
  const classes = plain.classes.map((colour, at) => of(`class-${at}`, colour));
  return { ink: of("ink", plain.ink), paper: of("paper", plain.paper), classes };
}

// Calls when the page changes its colours.
export function whenRecoloured(call) {
  dark.addEventListener("change", call);
  const attributes = { attributes: true, attributeFilter: ["class", "data-theme"] };
  new MutationObserver(call).observe(document.documentElement, attributes);
}
