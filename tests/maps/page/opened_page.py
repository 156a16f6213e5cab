"""A page opened in Chromium: moved about in by a real mouse, watched for what it asks for and complains of."""

import csv
import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SETTLED = "() => new Promise((done) => setTimeout(() => requestAnimationFrame(() => done()), 100))"
RECOLOUR = """(turn) => {
  element("colour").selectedIndex = turn % 4;
  element("colour").dispatchEvent(new Event("change"));
}"""
ANOTHER_MAP = """(turn) => {
  element("map").selectedIndex = (turn + 1) % 2;
  element("map").dispatchEvent(new Event("change"));
}"""
CLOCK = "SystemInfo.getProcessInfo"
TURNS = 8
TURNED = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  for (let turn = 0; turn < TURNS; turn++) {
    (CHANGE)(turn);
    await frame(); // in which it is drawn
    await frame(); // after which it is seen
  }
}""".replace("TURNS", str(TURNS))
LEGEND = """() => [...document.querySelectorAll("#legend button")].map((button) =>
  [button.childNodes[1].textContent, Number(button.querySelector("small").textContent.replaceAll(",", ""))])"""
WATCH = "document.addEventListener('securitypolicyviolation', (e) => (window.broken ??= []).push(e.violatedDirective))"
PLACE = """(rows) => {
  const [view] = [...Bokeh.index], { x, y } = view.model.document.get_model_by_name("films").data;
  const order = Uint32Array.from(unpacked(read("contents").rows, Uint32Array));
  const { x_scale, y_scale } = view.frame, box = element("plot").getBoundingClientRect();
  return rows.map((row) => order.indexOf(row)).map((at) =>
    [box.x + 1 + x_scale.compute(x[at]), box.y + 1 + y_scale.compute(y[at])]);
}"""
RANGE = (
    "() => { const { x_range: x, y_range: y } = [...Bokeh.index][0].model; return [x.start, x.end, y.start, y.end]; }"
)


def found_browser() -> str | None:
    """The Chromium of the machine; None: playwright's own, if it has one."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


class Opened:
    """A page in the browser, with all that it asked for and complained of."""

    def __init__(self, browser: Any, path: Path, width: int = 1280, scheme: str = "light") -> None:
        self.said: list[str] = []
        self.asked: list[str] = []
        size = {"width": width, "height": 1100}
        self.tab = browser.new_context(viewport=size, color_scheme=scheme, accept_downloads=True).new_page()
        self.tab.add_init_script(WATCH)
        self.tab.on("console", lambda message: self.said.append(message.text) if message.type != "log" else None)
        self.tab.on("pageerror", lambda error: self.said.append(str(error)))
        self.tab.on("dialog", lambda dialog: self.said.append(dialog.message))
        self.tab.route(lambda address: not address.startswith(path.as_uri()), self._refuse)
        self.tab.goto(path.as_uri())
        self.tab.wait_for_selector("body.ready")
        self.settle()

    def _refuse(self, route: Any) -> None:
        if not route.request.url.startswith("data:"):
            self.asked.append(route.request.url)
        route.abort()

    def settle(self) -> None:
        self.tab.evaluate(SETTLED)

    def places(self, rows: Any) -> np.ndarray:
        """Where films are in the window, in pixels: float64 [rows, 2]."""
        return np.array(self.tab.evaluate(PLACE, [int(row) for row in rows]))

    def point(self, place: np.ndarray) -> None:
        self.tab.mouse.move(*map(float, place), steps=4)
        self.settle()

    def drag(self, corners: np.ndarray) -> None:
        mouse = self.tab.mouse
        mouse.move(*map(float, corners[0]))
        mouse.down()
        for corner in corners[1:]:
            mouse.move(*map(float, corner), steps=4)
        mouse.up()
        self.settle()

    def saved(self) -> list[dict[str, str]]:
        with self.tab.expect_download() as started:
            self.tab.click("#save")
        return list(csv.DictReader(io.StringIO(Path(started.value.path()).read_bytes().decode(), newline="")))

    def colour_at(self, place: np.ndarray) -> np.ndarray:
        """The colour of the pixel there, int [3]."""
        clip = {"x": float(place[0]) - 1, "y": float(place[1]) - 1, "width": 2, "height": 2}
        return np.asarray(Image.open(io.BytesIO(self.tab.screenshot(clip=clip))).convert("RGB"))[1, 1].astype(int)

    def legend(self) -> dict[str, int]:
        """The films of each colour, in the order of the legend."""
        return dict(self.tab.evaluate(LEGEND))

    def spent(self, change: str) -> float:
        """Seconds of a processor that the page takes for one of several changes until it is drawn."""
        session = self.tab.context.browser.new_browser_cdp_session()
        before, _, after = session.send(CLOCK), self.tab.evaluate(TURNED.replace("CHANGE", change)), session.send(CLOCK)
        start, end = (
            {process["id"]: process["cpuTime"] for process in told["processInfo"] if process["type"] == "renderer"}
            for told in (before, after)
        )
        return sum(end[number] - start[number] for number in start) / TURNS

    def text(self, selector: str) -> str:
        return " ".join(self.tab.inner_text(selector).split())
