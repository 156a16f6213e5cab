"""A page with its API on a port of loopback, in this process, and clients that do not stop asking."""

import contextlib
import os
import threading

import httpx

from embedlearn.console import parse_flags
from embedlearn.tasks.serve.flags import Serve
from embedlearn.tasks.serve.starting import make_engine, served_app
from embedlearn.web.guard.log import AccessLog
from embedlearn.web.guard.metrics import Metrics
from embedlearn.web.guard.server import serving
from embedlearn.web.guard.settings import Guard

POLL = 0.2  # seconds between two looks at the gallery


class Looks:
    """What came of looks at the gallery: it was opened anew, or that failed. Both can be waited for."""

    def __init__(self):
        self.opened, self.failed = threading.Event(), threading.Event()

    def have_failed(self, seconds):
        """Whether a look that begins from now on fails in time."""
        for _ in range(2):  # the first may have begun before
            self.failed.clear()
            if not self.failed.wait(seconds):
                return False
        return True


class LookedAt(Metrics):
    """Counts, and tells when the gallery is opened anew."""

    def __init__(self, looks):
        super().__init__()
        self.looks = looks

    def gallery(self, *words):
        super().gallery(*words)
        self.looks.opened.set()


class WrittenDown(AccessLog):
    """A log, which tells when something fails outside every request, as a look does."""

    def __init__(self, looks, descriptor):
        super().__init__(descriptor)
        self.looks = looks

    def write(self, values):
        super().write(values)
        if "status" not in values and "error" in values:
            self.looks.failed.set()


@contextlib.contextmanager
def running_page(*words):
    """The address of `embedlearn serve` with these flags, and what comes of its looks at the gallery."""
    flags = ["--poll", str(POLL), "--decoders", "1", *map(str, words)]
    settings, looks = parse_flags(Serve, "embedlearn serve", flags), Looks()
    with contextlib.ExitStack() as ends:
        descriptor = os.open(os.devnull, os.O_WRONLY)
        ends.callback(os.close, descriptor)
        metrics, log, guard = LookedAt(looks), WrittenDown(looks, descriptor), Guard(rate=0)
        ends.callback(log.close)
        app = served_app(make_engine(settings, metrics), guard, metrics, log)
        url = ends.enter_context(serving(app, guard, metrics, log))
        looks.opened.clear()
        yield url, looks


@contextlib.contextmanager
def asking(url, requests, threads=4):
    """Ask, from several threads at once, for as long as the block lasts; yields every answer's (status, JSON).

    `requests`: for each a function that is given a client.
    """
    stopped, answers = threading.Event(), []

    def ask(number):
        with httpx.Client(base_url=url, timeout=30) as client:
            while not stopped.is_set():
                try:
                    answer = requests[number % len(requests)](client)
                    answers.append((answer.status_code, answer.json()))
                except (httpx.HTTPError, ValueError) as error:
                    answers.append((0, repr(error)))
                number += 1

    clients = [threading.Thread(target=ask, args=(number,)) for number in range(threads)]
    for client in clients:
        client.start()
    try:
        yield answers
    finally:
        stopped.set()
        for client in clients:
            client.join()


def posted(path, film, **params):
    """A request with one film."""
    return lambda client: client.post(path, content=film, headers={"content-type": "image/png"}, params=params)
