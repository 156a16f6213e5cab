"""A small run with a gallery of its films, and engines over them."""

import asyncio
import threading

import pytest


@pytest.fixture(scope="session")
def _built_gallery(_built_place, tmp_path_factory):
    from embedlearn import index

    folder = tmp_path_factory.mktemp("served") / "gallery"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDLEARN_CACHE", str(_built_place / "cache"))
        index.main(["--run", str(_built_place / "runs" / "base"), "--out", str(folder)])
    return folder


@pytest.fixture
def gallery(_built_gallery, place):
    """A gallery of all films of the run in `place`; not to be changed."""
    return _built_gallery


@pytest.fixture(scope="session")
def _engines(_built_gallery, _built_place):
    """Run `ask(engine)` in a loop of its own thread; of each set of flags there is one engine."""
    from embedlearn.console import parse_flags
    from embedlearn.tasks.serve.flags import Serve
    from embedlearn.tasks.serve.starting import make_engine
    from embedlearn.web.guard.metrics import Metrics

    made, loop = {}, asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def ask(words, question):
        if words not in made:
            run = ["--run", str(_built_place / "runs" / "base"), "--gallery", str(_built_gallery), "--decoders", "1"]
            engine = make_engine(parse_flags(Serve, "embedlearn serve", [*run, *words]), Metrics())
            await engine.start()
            made[words] = engine
        return await question(made[words])

    async def stop():
        for engine in made.values():
            await engine.stop()

    yield lambda words, question: asyncio.run_coroutine_threadsafe(ask(words, question), loop).result(120)
    asyncio.run_coroutine_threadsafe(stop(), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def answered(_engines, place):
    """Call `ask(engine)` with a running engine, and return what it returns; words are flags of `serve`."""
    return lambda ask, *words: _engines(tuple(map(str, words)), ask)
