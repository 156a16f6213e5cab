"""What an answer is not made from: the film itself, however it is saved; and what is said of that."""

import asyncio
import io
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embedlearn import index
from embedlearn.console import parse_flags
from embedlearn.encoders.runs import open_run
from embedlearn.errors import ArgumentError, EpisodeError, ImageError
from embedlearn.gallery.gallery import Gallery
from embedlearn.gallery.where import And
from embedlearn.tasks.serve.flags import Serve
from embedlearn.tasks.serve.starting import make_engine
from embedlearn.web.engine.engine import together
from embedlearn.web.face import Asked, Sought, Why
from embedlearn.web.guard.metrics import Metrics


@pytest.fixture
def films(place):
    """The run's films: a row each."""
    return open_run(place / "runs" / "base").manifest().frame


def saved_again(path):
    """The same picture in another file: one of its grey values differs by one."""
    pixels = np.asarray(Image.open(path).convert("L")).copy()
    pixels[0, 0] ^= 1
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "BMP")
    return packed.getvalue()


def blank():
    """A grey film."""
    packed = io.BytesIO()
    Image.fromarray(np.full((64, 64), 90, np.uint8)).save(packed, "PNG")
    return packed.getvalue()


def test_a_film_that_is_saved_again_is_still_known(answered, films, gallery):
    row = films[films["split"] == "test"].iloc[3]
    with Gallery.open(gallery) as opened:
        frame = opened.take(opened.matching(And(()))).to_pandas()
        (own,) = frame["id"][frame["film"] == opened.names.film(row["sha256"])]
    patient = set(frame["id"][frame["patient"] == frame.set_index("id").loc[own, "patient"]])
    read = answered(lambda engine: engine.read(saved_again(row["path"]), None, Sought(k=30)))
    assert patient.isdisjoint(case.id for case in read.similar.films[0].cases)
    assert patient.isdisjoint(near.id for one in read.classified.films[0].answers for near in one.nearest)
    assert patient.isdisjoint(read.explained.films[0].nearest)
    for part in (read.similar, read.classified, read.explained):
        assert any("left out" in line for line in part.films[0].warnings)


def test_films_of_the_training_are_named_as_such(answered, films):
    for split, learnt in (("train", True), ("test", False)):
        film = Path(films[films["split"] == split]["path"].iloc[0]).read_bytes()
        read = answered(lambda engine, film=film: engine.read(film, None, Sought(k=40)))
        for part in (read.classified, read.explained):
            assert any("was trained on this film" in line for line in part.films[0].warnings) is learnt
    splits = films.set_index("sha256")["split"]
    assert {case.seen for case in read.similar.films[0].cases} == {True, False} and set(splits) >= {"train", "test"}


def test_embeddings_of_examples_are_told_as_such(answered, films):
    film = Path(films[films["split"] == "test"]["path"].iloc[0]).read_bytes()
    vector = answered(lambda engine: engine.embed([film])).films[0].embedding
    told = answered(lambda engine: engine.classify(Asked(embeddings=[vector]), 1)).films[0]
    assert told.answers[0].nearest[0].distance < 1e-4
    assert any("among the examples" in line for line in told.warnings)


@pytest.fixture
def small(place, films, tmp_path):
    """An engine over a gallery of few films of the run, in a loop of its own."""

    def call(rows, ask, *words):
        folder = tmp_path / f"gallery-{len(list(tmp_path.iterdir()))}"
        table = tmp_path / "films.csv"
        rows.drop(columns=["sha256", "case", "split"]).to_csv(table, index=False)
        index.main(["--run", str(place / "runs" / "base"), "--data", str(table), "--out", str(folder)])
        flags = ["--run", str(place / "runs" / "base"), "--gallery", str(folder), "--decoders", "1", *words]

        async def run():
            engine = make_engine(parse_flags(Serve, "embedlearn serve", flags), Metrics())
            await engine.start()
            try:
                return await ask(engine)
            finally:
                await engine.stop()

        return asyncio.run(run())

    return call


def test_a_class_that_only_the_film_itself_shows_is_no_answer(small, films):
    unseen = films[films["split"] == "test"].drop_duplicates("patient")
    some = unseen[unseen["label"] == "healthy"].head(6)
    only = films[films["label"] == "covid-19"].head(1)
    film = Path(only["path"].iloc[0]).read_bytes()
    rows = unseen[unseen["label"].str.startswith("pneumonia")].head(6)

    async def ask(engine):
        return await engine.classify(Asked(films=[film]), 2), await engine.search(Asked(films=[film]), Sought(k=20))

    found, similar = small(pd.concat([some, rows, only]), ask)
    assert {one.name: one.examples for one in found.classes}["covid-19"] == 1
    answer = found.films[0].answers[0]
    assert set(answer.probabilities) == {"healthy", "pneumonia"} and len(similar.films[0].cases) == 12
    assert any("no other example of covid-19 is left" in line for line in found.films[0].warnings)
    with pytest.raises(EpisodeError, match="two classes or more besides the film's own case, got healthy"):
        small(pd.concat([some, only]), lambda engine: engine.classify(Asked(films=[film]), 2))


def test_a_class_named_twice_counts_once(answered):
    once = answered(lambda engine: asyncio.sleep(0, engine.about()), "--classes", "healthy", "pneumonia")
    twice = answered(lambda engine: asyncio.sleep(0, engine.about()), "--classes", "healthy", "pneumonia", "pneumonia")
    assert once.classes == twice.classes and len(once.classes) == 2


def test_too_much_at_once_is_refused(answered):
    vectors = [[1.0] + [0.0] * 15] * 101
    with pytest.raises(ArgumentError, match="at most 10,000 cases in one answer"):
        answered(lambda engine: engine.search(Asked(embeddings=vectors), Sought(k=100)))
    with pytest.raises(EpisodeError, match="two different classes"):
        film = blank()
        answered(lambda engine: engine.explain(Asked(films=[film]), Why(why="healthy", why_not="healthy")))


def test_a_case_is_never_shown_by_another_film_that_lies_in_its_place(small, films, tmp_path):
    unseen = films[films["split"] == "test"].drop_duplicates("patient").head(12).copy()
    copied = []
    for number, path in enumerate(unseen["path"]):
        copied.append(shutil.copy(path, tmp_path / f"film-{number}.png"))
    unseen["path"] = copied

    async def ask(engine):
        cases = (await engine.search(Asked(embeddings=[[1.0] + [0.0] * 15]), Sought(k=1))).films[0].cases
        before = Image.open(io.BytesIO(await engine.case_film(cases[0].id))).size
        for path in copied:
            Image.fromarray(np.full((50, 50), 200, np.uint8)).save(path)
        after = Image.open(io.BytesIO(await engine.case_film(cases[0].id)))
        return before, after.size, int(np.asarray(after).std())

    before, after, contrast = small(unseen, ask, "--pictures", str(tmp_path))
    assert before == (64, 64) and after == (32, 32) and contrast > 5  # what was decoded before, not what lies there now


def test_where_one_fails_the_others_are_given_up():
    ended = []

    async def fail():
        raise ImageError("film 1: no film")

    async def wait():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append(True)
            raise

    async def both():
        with pytest.raises(ImageError, match="film 1"):
            await together([wait(), fail(), wait()])

    asyncio.run(both())
    assert ended == [True, True]
