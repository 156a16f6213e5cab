"""The benchmark of the server sends what it says, counts every answer, and serves a run and a gallery that belong."""

import asyncio
import contextlib
import json
import math
import subprocess
import sys
import threading

import numpy as np
import pytest

from embedlearn.encoders.runs import open_run
from embedlearn.gallery.opening import open_gallery
from embedlearn.radiographs.cache import open_films
from embedlearn.radiographs.preprocessing import Preprocessing
from experiments.benchmarks import serving, serving_load
from experiments.benchmarks.serving_imports import packages
from experiments.benchmarks.serving_scene import BOUNDARY, make_scene, post, write_requests


class Answering:
    """A server on loopback that answers each request with the next of `statuses`, the last again and again.

    Status 0 closes the connection instead. `asked`: the requests it was sent; `most`: how many at a time.
    """

    def __init__(self, *statuses):
        self.statuses, self.asked, self.connections, self.under_way, self.most = list(statuses), [], 0, 0, 0

    async def answer(self, reader, writer):
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError), contextlib.closing(writer):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(int(head.lower().split(b"content-length:")[1].split()[0]))
                self.asked.append(head + body)
                self.under_way += 1
                self.most = max(self.most, self.under_way)
                await asyncio.sleep(0.002)
                self.under_way -= 1
                status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
                if not status:
                    return
                writer.write(b"HTTP/1.1 %d said\r\nContent-" % status)
                await asyncio.sleep(0)  # an answer may come in pieces
                writer.write(b"Length: 5\r\n\r\nhello")

    @contextlib.contextmanager
    def running(self):
        """Yields the port."""
        loop = asyncio.new_event_loop()
        server = loop.run_until_complete(asyncio.start_server(self.answer, "127.0.0.1", 0))
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            server.close()
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()


@pytest.fixture
def requests(tmp_path):
    folder = tmp_path / "requests"
    folder.mkdir()
    for number in range(3):
        (folder / str(number)).write_bytes(post("/v1/embed", [b"film %d" % number]))
    return folder


def test_every_request_is_sent_once_over_kept_connections_and_timed(requests):
    server = Answering(200)
    with server.running() as port:
        came = serving_load.start_load(port, 4, 30, requests)
    assert came.statuses == {"200": 30}
    assert len(came.latencies) == 30
    assert min(came.latencies) >= 0.002
    assert sum(came.latencies) <= 4 * came.wall
    assert server.connections == 4
    assert 2 <= server.most <= 4
    sent = [server.asked.count(path.read_bytes()) for path in requests.iterdir()]
    assert sent == [10, 10, 10]


@pytest.mark.parametrize(("answers", "told"), [((200, 503, 200), "'503': 1"), ((200, 200, 0), "'lost'")])
def test_an_answer_that_is_not_200_or_does_not_come_is_an_error(requests, answers, told):
    with Answering(*answers).running() as port, pytest.raises(RuntimeError, match=told):
        serving_load.start_load(port, 2, 8, requests)


@pytest.mark.parametrize("count", [1, 3])
def test_a_request_holds_its_films(count):
    films = [bytes([number]) * 100 + b"\r\n--" for number in range(count)]
    head, _, body = post("/v1/read", films).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /v1/read HTTP/1.1"
    assert b"Content-Length: %d" % len(body) in lines
    if count == 1:
        assert body == films[0]
        return
    before, *parts, after = body.split(b"--" + BOUNDARY)
    assert (before, after) == (b"", b"--\r\n")
    assert [part.partition(b"\r\n\r\n")[2] for part in parts] == [film + b"\r\n" for film in films]
    assert all(b'name="film"; filename=' in part.partition(b"\r\n\r\n")[0] for part in parts)


def test_percentiles_are_those_of_the_inverted_distribution():
    values = np.random.default_rng(0).random(173).tolist()
    for percent in (1, 50, 99, 100):
        expected = np.percentile(values, percent, method="inverted_cdf")
        assert serving.percentile(values, percent) == pytest.approx(expected)


def test_a_scene_is_a_run_and_its_gallery_and_films_that_are_in_neither(tmp_path):
    scene = make_scene(tmp_path, "resdense", 32, side=64, patients=80, films=3)
    run = open_run(scene.run)
    manifest = run.manifest().frame
    assert {"train", "val"} <= set(manifest["split"])
    with open_gallery(scene.gallery, device="cpu") as gallery:
        gallery.about.require_same(run.config["result"]["encoder"], Preprocessing(size=32).digest, "--gallery")
        assert len(gallery) == len(manifest) == 80
    sent = sorted(scene.films.iterdir())
    films = open_films(sent, Preprocessing(size=32), folder=tmp_path / "other cache")
    assert len(set(films.digests) - set(manifest["sha256"])) == 3
    written = sorted(write_requests(tmp_path / "two", scene.films, "/v1/embed", 2).iterdir())
    holds = [[film.read_bytes() in path.read_bytes() for film in sent] for path in written]
    assert holds == [[True, True, False], [True, False, True], [False, True, True]]


def test_time_of_imports_is_added_up_by_package_and_who_asked_first():
    lines = """\
import time: self [us] | cumulative | imported package
import time:      1000 |       1000 |     numpy.core
import time:      2000 |       3000 |   numpy
import time:       500 |        500 |     scipy.special
import time:       700 |       4200 | embedlearn.arrays
import time:       300 |       1300 | torch
""".splitlines()
    found = packages(lines)
    assert [(each.name, each.own, each.modules) for each in found] == [
        ("numpy", 3.0, 2), ("embedlearn", 0.7, 1), ("scipy", 0.5, 1), ("torch", 0.3, 1),
    ]  # fmt: skip
    assert [each.by for each in found] == ["embedlearn.arrays", "", "embedlearn.arrays", ""]


@pytest.mark.slow
def test_the_benchmark_of_the_server_writes_its_ratios_and_its_figure(tmp_path):
    path, figure = tmp_path / "found.json", tmp_path / "found.png"
    words = ["--quick", "--json", str(path), "--figure", str(figure)]
    subprocess.run([sys.executable, "-m", "experiments.benchmarks.serving", *words], check=True, capture_output=True)
    found = json.loads(path.read_text(encoding="utf-8"))
    assert len(found) == 22
    for each in found:
        assert list(each) == ["metric", "ours", "peer", "peer_name", "ratio", "n"]
        assert each["metric"] and each["peer_name"] and each["n"] >= 1
        assert all(each[side] > 0 and math.isfinite(each[side]) for side in ("ours", "peer", "ratio"))
    assert figure.read_bytes().startswith(b"\x89PNG")
