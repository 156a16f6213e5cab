"""The client of the page on serving runs against the server that it speaks of."""

import contextlib
import io
import re
from pathlib import Path

from PIL import Image

from embedlearn.console import parse_flags
from embedlearn.radiographs.phantom import LABELS, draw_film
from embedlearn.tasks.serve.flags import Serve
from embedlearn.tasks.serve.starting import make_engine, served_app
from embedlearn.web.guard.log import AccessLog
from embedlearn.web.guard.metrics import Metrics
from embedlearn.web.guard.server import serving
from embedlearn.web.guard.settings import Guard

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "serve.md"


def test_the_client_runs(gallery, place, tmp_path, monkeypatch, capsys):
    found = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = [block for block in found if "httpx" in block]
    for number, name in enumerate("abcde"):
        film = draw_film(LABELS[number % 4], seed=5, patient=number, source="phantom-a", size=64)
        Image.fromarray(film).save(tmp_path / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    flags = ["--run", str(place / "runs" / "base"), "--gallery", str(gallery), "--decoders", "1"]
    settings, guard, metrics, log = parse_flags(Serve, "serve", flags), Guard(), Metrics(), AccessLog()
    app = served_app(make_engine(settings, metrics), guard, metrics, log)
    written, names = io.StringIO(), {}
    with serving(app, guard, metrics) as address, contextlib.redirect_stdout(written):
        exec(compile(block.replace("http://127.0.0.1:8000", address), PAGE.name, "exec"), names)
        names["server"].close()
    lines = written.getvalue().splitlines()
    assert lines[0].split()[0] == "prototype" and lines[1].split()[0] == "knn"
    assert [line.count("('") for line in lines[2:4]] == [5, 5] and lines[4] in ("old", "new", "unknown")
