"""The page in a tab of Chromium, used as its reader uses it and watched for what it complains of."""

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from page_server import Served
from phantom_answers import phantom

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect

HEIGHT = 2600  # tall, for films to be dragged across it
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WATCH = "document.addEventListener('securitypolicyviolation', (e) => (window.broken ??= []).push(e.violatedDirective))"
# What Chromium says of every refusal, which the page then tells in its words, and of what it does not know to forbid.
NO_MATTER = ("Failed to load resource", "Error with Permissions-Policy header: Unrecognized feature")
DROP = """(place, files) => {
  const data = new DataTransfer();
  for (const { name, mimeType, bytes } of files)
    data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name, { type: mimeType }));
  const tell = (kind, more) => place.dispatchEvent(new EVENT(kind, { bubbles: true, cancelable: true, ...more(data) }));
  for (const kind of KINDS) tell(kind, MORE);
}"""
DRAWN = """(canvas) => new Promise((done) => {
  requestAnimationFrame(() => requestAnimationFrame(() => done(canvas.toDataURL())));
})"""


@contextmanager
def chromium() -> Iterator[Any]:
    """A running Chromium; where there is none the tests are skipped."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_api.sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except sync_api.Error as error:
            pytest.skip(f"no Chromium: none of {', '.join(BROWSERS)} is on the path ({error.message.splitlines()[0]})")
        yield started
        started.close()


def film(label: str, patient: int = 1, side: int = 200) -> dict[str, Any]:
    """A phantom film as a file that is chosen."""
    return {"name": f"{label.replace('/', ' ')} {patient}.png", "mimeType": "image/png"} | {
        "buffer": phantom(label, patient, side)
    }


def other(name: str, content: bytes, kind: str = "text/plain") -> dict[str, Any]:
    """Any other file."""
    return {"name": name, "mimeType": kind, "buffer": content}


class Tab:
    """The page, with all that it asked for and complained of."""

    def __init__(
        self, browser: Any, served: Served, address: str = "", width: int = 1280, scheme: str = "light"
    ) -> None:
        self.said: list[str] = []
        self.strange: list[str] = []
        size = {"width": width, "height": HEIGHT}
        context = browser.new_context(
            viewport=size, color_scheme=scheme, accept_downloads=True, reduced_motion="reduce"
        )
        self.page = context.new_page()
        self.page.set_default_timeout(8_000)
        self.page.add_init_script(WATCH)
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self._asked(request.url, served.url))
        self.page.goto(served.url + address)

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(NO_MATTER):
            self.said.append(message.text)

    def _asked(self, url: str, own: str) -> None:
        if not url.startswith((own, "blob:", "data:")):
            self.strange.append(url)

    def ready(self) -> "Tab":
        self.page.wait_for_selector("body.ready")
        return self

    def close(self) -> None:
        """Nothing was complained of, no policy was broken, nobody else was asked."""
        broken = self.page.evaluate("window.broken ?? []")
        self.page.context.close()
        assert self.said == [] and self.strange == [] and broken == []

    def resize(self, width: int) -> None:
        """Make the window so wide, and wait until it is drawn anew."""
        self.page.set_viewport_size({"width": width, "height": HEIGHT})
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def find(self, selector: str) -> Any:
        return self.page.locator(selector)

    def text(self, selector: str) -> str:
        return " ".join(self.page.inner_text(selector).split())

    def put(self, *files: dict[str, Any]) -> None:
        """Choose films and wait until they are read."""
        self.page.set_input_files("#files", list(files))
        self.all_read()

    def all_read(self) -> None:
        self.page.wait_for_selector("#progress[hidden]", state="attached")
        self.page.wait_for_selector("#verdict[aria-busy=false]")

    def drop(self, selector: str, *files: dict[str, Any]) -> None:
        words = DROP.replace("EVENT", "DragEvent").replace("KINDS", '["dragenter", "dragover", "drop"]')
        self._give(words.replace("MORE", "(dataTransfer) => ({ dataTransfer })"), selector, files)

    def paste(self, *files: dict[str, Any]) -> None:
        words = DROP.replace("EVENT", "ClipboardEvent").replace("KINDS", '["paste"]')
        self._give(words.replace("MORE", "(clipboardData) => ({ clipboardData })"), "body", files)

    def _give(self, script: str, selector: str, files: Any) -> None:
        coded = [
            {"name": each["name"], "mimeType": each["mimeType"], "bytes": base64.b64encode(each["buffer"]).decode()}
            for each in files
        ]
        self.find(selector).evaluate(script, coded)

    def drag(self, what: Any, where: Any) -> None:
        """Drag an element to another one by the mouse."""
        what.hover(position={"x": 20, "y": 20})
        self.page.mouse.down()
        where.hover(position={"x": 30, "y": 25})
        where.hover(position={"x": 20, "y": 20})
        self.page.mouse.up()

    def make_class(self, name: str, *files: dict[str, Any]) -> None:
        """Make a class of one's own with films, and wait until they are embedded."""
        self.page.fill("#class-name", name)
        self.page.press("#class-name", "Enter")
        zone = f'.zone[data-name="{name}"]'
        if files:
            self.page.set_input_files(f"{zone} input[type=file]", list(files))
            self.page.wait_for_selector(f"{zone} .chip:not(.pending) >> nth={len(files) - 1}")

    def seen(self, root: str) -> str:
        """What the canvas in an element says that it shows."""
        return str(self.find(f"{root} canvas").first.get_attribute("aria-label"))

    def pixels(self, root: str) -> str:
        """The picture in an element, once it is drawn."""
        return str(self.find(f"{root} canvas").first.evaluate(DRAWN))
