"""The film viewer and the latent map on a page of their own in Chromium, under the served page's policy."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from page_tab import WATCH

import embedlearn.web

PAGE = Path(embedlearn.web.__file__).parent / "page"
HERE = Path(__file__).parent
SITE = "http://viewer.test"
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class ShownPage:
    """The page in a tab, with all that it complained of."""

    def __init__(
        self, browser: Any, width: int = 800, height: int = 1000, scheme: str = "light", **settings: Any
    ) -> None:
        size = {"width": width, "height": height}
        self.context = browser.new_context(viewport=size, color_scheme=scheme, **settings)
        self.tab = self.context.new_page()
        self.said: list[str] = []
        self.tab.add_init_script(WATCH)
        self.tab.on("console", lambda message: self.said.append(message.text) if message.type != "log" else None)
        self.tab.on("pageerror", lambda error: self.said.append(str(error)))
        self.tab.route("**/*", self._answer)
        self.tab.goto(f"{SITE}/viewer_page.html")
        self.tab.wait_for_function("() => window.ready === true")

    def _answer(self, route: Any) -> None:
        name = route.request.url.removeprefix(f"{SITE}/")
        path = PAGE / name.removeprefix("static/") if name.startswith("static/") else HERE / name
        headers = {"Content-Security-Policy": POLICY}
        route.fulfill(body=path.read_bytes(), content_type=KINDS[path.suffix], headers=headers)

    def set_film(self, film: NDArray[np.uint8], of: tuple[int, int] | None = None, viewer: str = "film") -> None:
        """Show a film uint8 [H, W], which may stand for one of more pixels."""
        height, width = film.shape
        own = of or film.shape
        given = [base64.b64encode(film.tobytes()).decode(), width, height, {"height": own[0], "width": own[1]}]
        self.tab.evaluate(f"(given) => {viewer}.setFilm(grey(...given))", given)
        self.tab.evaluate("drawn()")

    def set_map(self, shown: dict[str, Any], viewer: str = "film") -> None:
        self.tab.evaluate(f"(map) => {viewer}.setMap(map)", shown)
        self.tab.evaluate("drawn()")

    def pixels(self, selector: str = "#film canvas") -> NDArray[np.uint8]:
        """What a canvas shows, uint8 [height, width, RGBA]."""
        got = self.tab.evaluate(f"pixels({selector!r})")
        return np.frombuffer(base64.b64decode(got["data"]), np.uint8).reshape(got["height"], got["width"], 4)

    def view(self, viewer: str = "film") -> dict[str, float]:
        """Zoom and place."""
        found: dict[str, float] = self.tab.evaluate(f"{viewer}.view.place")
        return found

    def middle(self, selector: str = "#film canvas") -> tuple[float, float]:
        box = self.tab.locator(selector).first.bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def close(self) -> None:
        """Close the tab; it must have had nothing to complain of."""
        broken = self.tab.evaluate("window.broken ?? []")
        self.context.close()
        assert [*self.said, *broken] == []
