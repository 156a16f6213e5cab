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


class Changes(Metrics):
    """Counts nothing new, but can be waited on for the next opening of the gallery."""

    def __init__(self):
        super().__init__()
        self.opened = threading.Event()

    def gallery(self, *words):
        super().gallery(*words)
        self.opened.set()


@contextlib.contextmanager
def running_page(*words):
    """The address of `embedlearn serve` with these flags, and an event that is set when the gallery is opened anew."""
    flags = ["--poll", str(POLL), "--decoders", "1", *map(str, words)]
    settings, metrics = parse_flags(Serve, "embedlearn serve", flags), Changes()
    with contextlib.ExitStack() as ends:
        descriptor = os.open(os.devnull, os.O_WRONLY)
        ends.callback(os.close, descriptor)
        log, guard = AccessLog(descriptor), Guard(rate=0)
        ends.callback(log.close)
        app = served_app(make_engine(settings, metrics), guard, metrics, log)
        url = ends.enter_context(serving(app, guard, metrics, log))
        metrics.opened.clear()
        yield url, metrics.opened


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
