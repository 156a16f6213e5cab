// Light or dark, decided before anything is drawn: what was chosen here, else what the system prefers.
(() => {
  const key = "embedlearn-theme";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // storage may be switched off
    }
  };
  const apply = () => {
    const theme = chosen() ?? (dark.matches ? "dark" : "light");
    document.documentElement.dataset.theme = theme;
    document.getElementById("theme")?.setAttribute("aria-pressed", String(theme === "dark"));
  };
  const turn = () => {
    try {
      localStorage.setItem(key, document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    } catch {
      return;
    }
    apply();
  };
  apply();
  dark.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    document.getElementById("theme").addEventListener("click", turn);
  });
})();
