"""From a run and a gallery to a running page."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from embedlearn.console import say
from embedlearn.errors import ArgumentError
from embedlearn.files import require_folder
from embedlearn.tasks.serve.flags import Serve

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from embedlearn.encoders.runs import Run
    from embedlearn.web.engine.engine import AnswerEngine
    from embedlearn.web.forms import Limits
    from embedlearn.web.guard.log import AccessLog
    from embedlearn.web.guard.metrics import Metrics
    from embedlearn.web.guard.settings import Guard

GALLERY = "gallery"


def serve(settings: Serve) -> None:
    """Act on the flags. Raises an `EmbedlearnError` for what a user can mend."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: threads that spin starve the decoders
    gc.disable()  # until all is loaded: what is loaded stays, and looking through it takes time
    try:
        _serve(settings)
    finally:
        gc.enable()
    say("stopped")


def _serve(settings: Serve) -> None:
    from embedlearn.gallery.pictures import require_folders
    from embedlearn.tasks.serve.demo import demo_films, prepare_demo
    from embedlearn.web.guard.log import AccessLog
    from embedlearn.web.guard.metrics import Metrics
    from embedlearn.web.guard.server import listening, run_server

    require_folders(settings.pictures)
    guard, listener = _guard(settings), listening(settings.host, settings.port)
    examples = demo_films() if settings.demo else []
    if settings.demo:
        listener.close()  # or browsers would wait there for the training
        run, gallery = prepare_demo(settings.runs)
        settings = replace(settings, run=run, gallery=gallery, demo=False)
        listener = listening(settings.host, settings.port)
    import torch

    torch.set_num_threads(settings.threads or os.cpu_count() or 1)
    with contextlib.closing(listener), contextlib.ExitStack() as ends:
        metrics, log = Metrics(), AccessLog(_descriptor(settings, ends))
        ends.callback(log.close)
        app = served_app(make_engine(settings, metrics, examples), guard, metrics, log)
        run_server(
            app, host=settings.host, port=settings.port, guard=guard, listener=listener, metrics=metrics, log=log,
            on_start=lambda url: _tell(url, settings, guard),
        )  # fmt: skip


def _guard(settings: Serve) -> Guard:
    """What the network is let to do. Beyond this machine every client needs a token."""
    from embedlearn.web.guard.settings import LOOPBACK, Guard
    from embedlearn.web.guard.token import new_token

    token = settings.token or (None if settings.is_local else new_token())
    own = () if settings.is_local else ("*",) if not settings.names else (settings.host,)
    return Guard(
        token=token, hosts=(*LOOPBACK, *own, *settings.names), body=settings.most_mb << 20, rate=settings.rate,
        burst=max(60, round(4 * settings.rate)),
    )  # fmt: skip


def _descriptor(settings: Serve, ends: contextlib.ExitStack) -> int:
    """Where the log goes: a file that is added to, or standard error."""
    if settings.log is None:
        return 2
    require_folder(settings.log.parent, "--log")
    try:
        descriptor = os.open(settings.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as error:
        raise ArgumentError(f"--log {settings.log}: cannot be written ({error.strerror}); name another file") from error
    ends.callback(os.close, descriptor)
    return descriptor


def served_app(engine: AnswerEngine, guard: Guard, metrics: Metrics, log: AccessLog) -> ASGIApp:
    """Everything between the network and the engine, which starts and stops with it."""
    from embedlearn.web.api.app import make_app
    from embedlearn.web.guard.wrapping import guarded

    app = make_app(engine, limits=engine.shown.limits, metrics=metrics)

    @contextlib.asynccontextmanager
    async def running(_: object) -> AsyncIterator[None]:
        await engine.start()
        gc.freeze()  # what is here now stays: a full collection over torch and all would stop everyone for a second
        gc.enable()
        try:
            yield
        finally:
            await engine.stop()

    app.router.lifespan_context = running
    return guarded(app, guard, metrics, log)


def make_engine(settings: Serve, metrics: Metrics, examples: Sequence[tuple[str, str, bytes]] = ()) -> AnswerEngine:
    """The engine that the flags ask for, not yet started; `examples`: name, label and PNG of films to try it with.

    Raises an `EmbedlearnError` for what a user can mend.
    """
    from embedlearn.encoders.checkpoints import load_encoder
    from embedlearn.encoders.devices import choose_device
    from embedlearn.encoders.runs import EXPLAIN
    from embedlearn.explanations.checks.report import stored_verdict
    from embedlearn.explanations.lag import kept_sight
    from embedlearn.gallery.opening import open_gallery
    from embedlearn.radiographs.splits import SEEN
    from embedlearn.tasks.base import trained_base
    from embedlearn.web.decoding.decoders import Decoders
    from embedlearn.web.engine.answering import Calibration
    from embedlearn.web.engine.engine import AnswerEngine, Shown
    from embedlearn.web.engine.knowledge import Served
    from embedlearn.web.engine.model import Model

    heads = _heads(settings.heads)
    cores = os.cpu_count() or 1
    named, gallery = settings.run, settings.gallery or settings.runs / GALLERY
    run = _run(settings, named, gallery)
    saved, device = load_encoder(run.encoder), choose_device(settings.device)
    decoders = Decoders(
        saved.preprocessing, workers=settings.decoders or max(1, cores // 2), pixels=settings.most_pixels * 10**6,
        seconds=settings.decode_seconds,
    )  # fmt: skip
    model = Model(saved, device, observe=metrics.encoded)
    manifest = run.manifest().frame
    served = Served(
        open=lambda: open_gallery(gallery, settings.store, device="cpu"), saved=saved, learnt=run.classes,
        calibration=Calibration(
            trained_base(run, saved, device), saved.center.numpy(), heads, settings.measure, settings.keep,
            run.classes,
        ),
        classes=settings.classes, columns=settings.show, map=settings.map, pictures=settings.pictures,
        films={digest: Path(path) for digest, path in zip(manifest["sha256"], manifest["path"], strict=True)},
        seen=frozenset(manifest["sha256"][manifest["split"].isin(SEEN)]), seed=settings.seed,
    )  # fmt: skip
    shown = Shown(
        limits=_limits(settings), version=version("embedlearn"), examples=examples,
        verdict=stored_verdict(run.folder / EXPLAIN, saved.digest, "exact"),
    )  # fmt: skip
    model.warm_up()
    return AnswerEngine(
        served, model, decoders, kept_sight(saved, run.folder / EXPLAIN), shown, metrics=metrics,
        poll=settings.poll,
    )  # fmt: skip


def _heads(names: tuple[str, ...]) -> tuple[str, ...]:
    """The heads that are named, each of which answers a film for itself. Raises `ArgumentError`."""
    from embedlearn.episodes.heads import INDUCTIVE, named_heads

    heads = named_heads(names)
    if strange := next((name for name in heads if name not in INDUCTIVE), None):
        raise ArgumentError(f"--heads {strange}: answers films by what is asked with them; take {', '.join(INDUCTIVE)}")
    if not heads:
        raise ArgumentError(f"--heads: wanted one or more of {', '.join(INDUCTIVE)}, got none")
    return heads


def _run(settings: Serve, named: Path | None, gallery: Path) -> Run:
    """The run that is named, or the one under --runs that made the gallery."""
    from embedlearn.encoders.runs import choose_maker
    from embedlearn.gallery.opening import open_gallery

    with open_gallery(gallery, settings.store, device="cpu") as store:
        return choose_maker(named, settings.runs, store.about.encoder, gallery)


def _limits(settings: Serve) -> Limits:
    from embedlearn.web.forms import Limits

    return Limits(films=settings.most_films, bytes=settings.most_mb << 20, pixels=settings.most_pixels * 10**6)


def _tell(url: str, settings: Serve, guard: Guard) -> None:
    """Say where the page is; the token stands behind a #, which no browser sends on."""
    whole = f"{url}/#token={guard.token}" if guard.token else f"{url}/"
    say(f"open {whole}")
    if not settings.is_local:
        say("  others can reach this page and need the token; between machines, put a proxy with TLS before it")
    say("  research use only; Ctrl-C stops")
