"""What a run has seen is known by content, by near-identical picture and by patient, whoever asks."""

import pandas as pd
import pytest
from PIL import Image

from embedlearn.console import DataFlags
from embedlearn.encoders.checkpoints import load_encoder
from embedlearn.encoders.runs import open_run
from embedlearn.sources import collect, collect_for_run
from embedlearn.tasks.unseen import less_seen, seen_cases, unseen_films


@pytest.fixture
def films(place, tmp_path):
    """Three films of the training and three that are not, saved anew as JPEG, of no patient."""
    frame = pd.read_csv(place / "runs/base/manifest.csv")
    for split in ("train", "test"):
        rows = frame[frame["split"] == split].drop_duplicates("case").head(3)
        for number, path in enumerate(rows["path"]):
            folder = tmp_path / "films" / rows["class"].iloc[number]
            folder.mkdir(parents=True, exist_ok=True)
            with Image.open(path) as film:
                film.convert("L").save(folder / f"{split}-{number}.jpeg", quality=90)
    return tmp_path / "films"


@pytest.fixture
def run(place):
    return open_run(place / "runs/base")


def test_a_film_saved_anew_is_seen_by_either_way(films, run):
    preprocessing = load_encoder(run.encoder).preprocessing
    flags = DataFlags(data=(str(films),))
    collection = collect(flags, preprocessing)
    trained = [path.name.startswith("train") for path in collection.manifest.paths]
    assert sorted(trained) == [False] * 3 + [True] * 3
    assert seen_cases(collection, run, preprocessing).tolist() == trained
    marked = collect_for_run(flags, run, preprocessing).manifest.frame["split"]
    assert [split in ("train", "val") for split in marked] == trained


def test_films_that_another_run_has_seen_are_left_out_and_counted(films, run, capsys):
    preprocessing = load_encoder(run.encoder).preprocessing
    collection = collect(DataFlags(data=(str(films),)), preprocessing)
    left = less_seen(collection, run, preprocessing)
    assert sorted(path.name for path in left.manifest.paths) == [f"test-{number}.jpeg" for number in range(3)]
    assert "3 films left out" in capsys.readouterr().out


def test_the_unseen_films_of_a_run_are_of_its_classes_and_the_rare_one(run):
    collection, classes = unseen_films(DataFlags(), run, load_encoder(run.encoder), ())
    assert classes == ("healthy", "pneumonia", "covid-19")
    assert not set(collection.manifest.frame["split"]) & {"train", "val"}


def test_flags_of_data_without_data_are_refused(place, refused, tmp_path):
    from embedlearn import embed, visualize

    run = ("--run", place / "runs/base")
    for words in (("--map", "tb=tuberculosis"), ("--columns", "path=file")):
        assert "--map and --columns: are for films that --data names" in refused(
            embed.main, *run, *words, "--out", tmp_path / "a.parquet"
        )
        assert "--map and --columns" in refused(visualize.main, *run, *words, "--out", tmp_path / "maps")
