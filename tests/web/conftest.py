"""Engines over a small run and a gallery of its films, and the page in a browser."""

import asyncio
import threading

import pytest


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


@pytest.fixture(scope="module")  # not longer: while it runs, no other test of its process can run an event loop
def browser():
    """A running Chromium."""
    from page_tab import chromium

    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def canned():
    """The answers that `served` gives."""
    from phantom_answers import Canned

    return Canned(per_class=3)


@pytest.fixture(scope="module")
def served(browser, canned):
    """A server of the page, on phantom films."""
    from page_server import Served

    started = Served(canned).start()
    yield started
    started.stop()


@pytest.fixture
def open_tab(browser, served):
    """Open the page in a tab, at `address` and with the settings of `Tab`; it must have had nothing to complain of."""
    from page_tab import Tab

    opened = []

    def call(address="", **settings):
        served.asked.clear()
        opened.append(Tab(browser, served, address, **settings))
        return opened[-1]

    yield call
    for tab in opened:
        tab.close()


@pytest.fixture(scope="module")
def still(browser, served):
    """The page in a tab whose modules may be asked, but which no test changes."""
    from page_tab import Tab

    opened = Tab(browser, served).ready()
    yield opened
    opened.close()


@pytest.fixture
def tab(open_tab):
    """The page in a tab, ready to be used."""
    return open_tab().ready()
