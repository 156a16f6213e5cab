import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import httpx
import pytest
from amounts import slow

PROGRAM = """
import asyncio, os, sys, time
from embedlearn.web.guard.log import AccessLog
from embedlearn.web.guard.metrics import Metrics
from embedlearn.web.guard.server import run_server
from embedlearn.web.guard.settings import Guard
from embedlearn.web.guard.wrapping import guarded

SECONDS = float(sys.argv[1])

def say(*words):
    print(*words, flush=True)

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        say("starting")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        say("stopping")
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/slow":
        say("begun")
        await asyncio.to_thread(sys.stdin.readline)
    if scope["path"] == "/sent":
        say("sending")
        while (await receive()).get("more_body"):
            pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": b"done"})

guard, log = Guard(), AccessLog()
run_server(
    guarded(app, guard, Metrics(), log), host=sys.argv[2], port=0, guard=guard, on_start=lambda url: say("url", url),
    graceful=SECONDS,
)
log.close()
say("ended")
"""


class Program:
    """A server in a process of its own, whose slow requests last until a line is written to it."""

    def __init__(self, graceful=30.0, host="127.0.0.1"):
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(graceful), host],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.line() == "starting"
        self.url = self.line().removeprefix("url ")

    def line(self):
        return self.process.stdout.readline().strip()

    def release(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def ends(self):
        """What it says until it ends, on both of its streams, and its exit code."""
        said, complained = self.process.communicate(timeout=20)
        return said.split(), complained, self.process.returncode


@pytest.fixture
def start():
    programs = []

    def start(**words):
        programs.append(Program(**words))
        return programs[-1]

    yield start
    for program in programs:
        program.process.kill()
        program.process.communicate()


def refuses(url):
    try:
        httpx.get(url)
    except httpx.TransportError as error:  # what was accepted just before may be dropped
        return isinstance(error, httpx.ConnectError)
    return False


def stopped_while_slow(program, number):
    """Ask for a slow answer, send the signal, and go on once nothing more is accepted."""
    answers = []

    def ask():
        try:
            answer = httpx.get(f"{program.url}/slow", timeout=20)
            answers.append((answer.status_code, answer.text))
        except httpx.HTTPError as error:
            answers.append(type(error))

    thread = threading.Thread(target=ask)
    thread.start()
    assert program.line() == "begun"
    program.process.send_signal(number)
    while not refuses(program.url):
        pass
    return thread, answers


@pytest.mark.parametrize("number", [signal.SIGTERM, slow(signal.SIGINT)])
def test_what_is_under_way_is_finished(start, number):
    program = start()
    thread, answers = stopped_while_slow(program, number)
    assert program.process.poll() is None
    program.release()
    thread.join()
    assert answers == [(200, "done")]
    said, complained, code = program.ends()
    assert said == ["stopping", "ended"] and code == 0
    assert {json.loads(line)["status"] for line in complained.splitlines()} == {200}


def test_a_second_signal_stops_at_once(start):
    program = start()
    thread, answers = stopped_while_slow(program, signal.SIGTERM)
    program.process.send_signal(signal.SIGTERM)
    assert program.process.wait(10) == -signal.SIGTERM
    thread.join()
    assert issubclass(answers[0], httpx.TransportError)


def test_what_takes_too_long_is_not_waited_for(start):
    program = start(graceful=0.2)
    thread, answers = stopped_while_slow(program, signal.SIGTERM)
    thread.join()
    assert answers[0][0] == 503 and json.loads(answers[0][1])["code"] == "stopping"
    program.release()
    said, complained, code = program.ends()
    assert said == ["stopping", "ended"] and code == 0 and "Traceback" not in complained


def test_who_is_still_sending_holds_up_nobody(start):
    program = start()
    place = urlsplit(program.url)
    with socket.create_connection((place.hostname, place.port), 10) as connection:
        connection.sendall(b"POST /sent HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\na")
        assert program.line() == "sending"
        thread, answers = stopped_while_slow(program, signal.SIGTERM)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 503 ") and b'"code":"stopping"' in answer
    program.release()
    thread.join()
    assert answers == [(200, "done")]
    said, _, code = program.ends()
    assert said == ["stopping", "ended"] and code == 0


def test_an_idle_server_ends_and_tells_where_it_was(start):
    program = start(host="::1" if os.path.exists("/proc/net/if_inet6") else "127.0.0.1")
    assert re.fullmatch(r"http://(127\.0\.0\.1|\[::1\]):\d+", program.url)
    assert httpx.get(program.url).text == "done"
    program.process.terminate()
    said, complained, code = program.ends()
    assert (said, code) == (["stopping", "ended"], 0) and complained.count("\n") == 1
