"""The page with the real engine behind it: a film of a small run goes in, and all of the page is filled."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from page_tab import Tab, chromium

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect


@pytest.fixture
def served(place: Path, gallery: Path) -> Iterator[Any]:
    """The command as a user starts it, on a free port."""
    words = ["--run", str(place / "runs" / "base"), "--gallery", str(gallery), "--port", "0", "--decoders", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "embedlearn.serve", *words],
        env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    said = ""
    for line in process.stdout:
        said += line
        if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
            yield SimpleNamespace(url=found[0])
            break
    process.terminate()
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == 0, said + rest


def test_a_film_is_read_by_the_real_engine(served: Any, place: Path) -> None:
    films = [
        {"name": path.name, "mimeType": "image/png", "buffer": path.read_bytes()}
        for path in sorted((place / "films").rglob("*.png"))[:6]
    ]
    with chromium() as browser:
        tab = Tab(browser, served).ready()
        tab.put(films[0])
        expect(tab.find(".sentence")).to_contain_text(re.compile("Nearest to|nlike anything known|Undecided"))
        expect(tab.find("#cards .case")).to_have_count(8)
        assert "over it" in tab.seen("#viewer") and f"{films[0]['name']} has most often" in tab.seen("#latent-map")
        tab.find("#cards .case").nth(1).click()
        expect(tab.find("#compare-case canvas")).to_have_attribute("aria-label", re.compile("a map of"))
        tab.page.click("#compare-close")
        tab.make_class("one", *films[1:3])
        tab.make_class("two", *films[3:5])
        expect(tab.find(".head .name").first).to_have_text(re.compile("one|two"))
        expect(tab.find("#viewer canvas").first).to_have_attribute("aria-label", re.compile("one|two"))
        assert tab.find("#alerts > *").count() == 0
        tab.close()
