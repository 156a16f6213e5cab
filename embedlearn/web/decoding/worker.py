"""The process that decodes: it reads films from its standard input, a socket, and answers there until that closes.

What is sent may be forged, so the process holds nothing worth having, may take so much memory, writes no file, leaves
no core behind, and ends with the server, or else by the clock where nobody is left to end it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import sys
import warnings
from typing import Any

import numpy as np

from embedlearn.errors import ImageError
from embedlearn.radiographs.opening import FilmBytes, plain, reason
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import preprocess
from embedlearn.web.decoding.decoded import Decoded, decode_film
from embedlearn.web.decoding.frames import receive, send

LONGEST = 500  # characters of a message
PR_SET_PDEATHSIG = 1  # of Linux: which signal a process gets when the thread that started it ends


def main() -> None:
    """Decode until the socket closes: the first frame holds the settings, each other one a film."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it ends it
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    line = socket.socket(fileno=0)
    first = receive(line)
    if first is None:
        return
    told, _ = first
    _end_with(told["parent"])
    preprocessing = Preprocessing(**told["preprocessing"])
    preprocess(np.eye(2 * preprocessing.size, dtype=np.uint8), preprocessing)  # loads what it needs
    send(line, {"ready": True})
    import pydicom.pixels  # noqa: F401  # ready for films, and no slower at the first DICOM

    _bound(told["memory"])
    while (asked := receive(line)) is not None:
        head, data = asked
        signal.setitimer(signal.ITIMER_REAL, told["seconds"] + 1)  # the server has ended it by then, if it is there
        reply = _reply(FilmBytes(data, head["name"]), preprocessing, told, head["shown"])
        signal.setitimer(signal.ITIMER_REAL, 0)
        del asked, data
        send(line, *reply)


def _end_with(parent: int) -> None:
    """Let this process end as soon as its parent has."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was faster
        sys.exit()


def _bound(memory: int) -> None:
    """Take away what decoding does not need."""
    sys.dont_write_bytecode = True
    warnings.simplefilter("ignore")
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)  # codecs write there what they think of a film
    try:
        import resource
    except ImportError:  # where there are no such limits
        return
    for limit, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_AS, memory)):
        with contextlib.suppress(OSError, ValueError):  # it is lower already
            resource.setrlimit(limit, (most, most))


def _reply(film: FilmBytes, preprocessing: Preprocessing, told: dict[str, Any], shown: int) -> tuple[Any, ...]:
    """The parts of the frame that answers a film."""
    try:
        return _packed(decode_film(film, preprocessing, pixels=told["pixels"], shown=shown))
    except Exception as error:  # whatever it is, the next film is to be answered
        return ({"error": plain(_refusal(film, error, told["memory"]), LONGEST)},)


def _refusal(film: FilmBytes, error: Exception, memory: int) -> str:
    if isinstance(error, MemoryError) or isinstance(error.__cause__, MemoryError):
        within = f"{memory >> 20:,} MiB of memory"
        return f"{film}: wanted a film that decodes within {within}, got one that needs more; shrink it or leave it out"
    if isinstance(error, ImageError):
        return str(error)
    return f"{film}: wanted a whole film, got one that cannot be decoded ({reason(error)}); save it again"


def _packed(film: Decoded) -> tuple[Any, ...]:
    head = {
        "height": film.height,
        "width": film.width,
        "digest": film.digest,
        "patient": film.patient,
        "size": len(film.square),
        "shown": None if film.shown is None else film.shown.shape,
    }
    return head, film.square.tobytes(), b"" if film.shown is None else film.shown.tobytes()


if __name__ == "__main__":
    main()
