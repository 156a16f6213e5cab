// The page's colours for what is drawn on a canvas.

const PLAIN = {
  light: {
    ink: "#1c2127",
    paper: "#ffffff",
    classes: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5fb0", "#5b6570"],
  },
  dark: {
    ink: "#e3e7ec",
    paper: "#14181c",
    classes: ["#3b96dc", "#f0803c", "#1fbf8f", "#de94bd", "#edb120", "#a6dbfa", "#b79cf0", "#9ba6b2"],
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
