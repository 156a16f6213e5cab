"""`embedlearn explain check`: which films it takes, and what it refuses before any work."""

import numpy as np
import pytest
from PIL import Image

from embedlearn import explain
from embedlearn.encoders.checkpoints import load_encoder
from embedlearn.encoders.runs import open_run
from embedlearn.errors import EpisodeError
from embedlearn.explanations.checks.lungs import LungFilms
from embedlearn.explanations.checks.question import SUPPORT, CheckedFilms
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import load_film
from embedlearn.sources import collect_for_run
from embedlearn.tasks.explain.checking import _require_cases
from embedlearn.tasks.explain.flags import Check
from embedlearn.tasks.lungs import SEEN, numbered_together, outlined_lungs
from embedlearn.tasks.unseen import unseen_films


def outlined(paths, preprocessing, patients=None):
    films = np.stack([load_film(path, preprocessing) for path in paths])
    names = tuple(patients or [""] * len(paths))
    return LungFilms("masks", films, films / np.float32(255), np.arange(len(paths)), tuple(paths), names)


def test_films_that_the_run_has_seen_are_left_out_and_twins_are_of_one_case(place, tmp_path):
    run = open_run(place / "runs/base")
    saved = load_encoder(run.encoder)
    collection, _ = unseen_films(Check(), run, saved, ())
    whole = collect_for_run(Check(), run, saved.preprocessing).manifest
    learnt = whole.where(whole.frame["split"] == "train").paths[0]
    own = collection.manifest.paths
    film = np.asarray(Image.open(own[1]).convert("L"))
    Image.fromarray((film * 0.95).astype(np.uint8)).save(tmp_path / "twin.png")
    noise = np.random.default_rng(0).integers(0, 255, (2, 8, 8), np.uint8)
    for name, grey in zip(("one", "two"), noise, strict=True):
        Image.fromarray(np.kron(grey, np.ones((8, 8), np.uint8))).save(tmp_path / f"{name}.png")
    strange = [tmp_path / "one.png", tmp_path / "two.png"]
    masks = outlined([learnt, own[0], tmp_path / "twin.png"], saved.preprocessing)
    boxes = outlined(strange, saved.preprocessing, ["7", "7"])
    cases, (first, second) = numbered_together(collection, [masks, boxes], run, saved.preprocessing)
    assert first.paths == masks.paths[1:] and first.left_out == {SEEN: 1}
    assert first.cases.tolist() == cases[:2].tolist()
    assert not second.left_out and second.cases[0] == second.cases[1] and second.cases[0] not in cases
    before = collection.manifest.frame["case"].to_numpy()
    same = before[:, None] == before
    assert ((cases[:, None] == cases) == same).all()


def test_masks_take_the_patients_of_the_boxes_films(shared_data):
    boxes = next((shared_data / "ieee8023/annotations").glob("*.json"))
    masks, boxed = outlined_lungs(shared_data / "lungmasks", boxes, Preprocessing(size=48))
    assert len(masks.films) == 44 and len(set(masks.cases.tolist())) < 44
    patients = dict(zip((path.name for path in boxed.paths), boxed.patients, strict=True))
    both = [path.name in patients for path in masks.paths]
    assert any(both)
    for path, patient in zip(masks.paths, masks.patients, strict=True):
        assert patient == patients.get(path.name, patient)


def test_a_class_of_few_films_is_refused_where_it_was_named_and_told_otherwise(capsys):
    films = CheckedFilms(np.zeros((25, 4, 4), np.uint8), np.repeat(["a", "b", "c"], [10, 10, 5]), np.arange(25))
    with pytest.raises(EpisodeError, match="--classes c: c has 5, wanted 8 unseen cases or more"):
        _require_cases(films, ("a", "b", "c"), Check(classes=("a", "b", "c")))
    _require_cases(films, ("a", "b", "c"), Check())
    assert "left out for too few films: c has 5" in capsys.readouterr().out
    _require_cases(films, ("a", "b"), Check())
    assert not capsys.readouterr().out


def test_the_help_says_how_many_films_stand_for_a_class(capsys):
    with pytest.raises(SystemExit):
        explain.main(["check", "--help"])
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert f"up to {SUPPORT} others a class stand for it" in said and "the random networks" in said


def test_flags_are_refused_by_their_own_names_before_any_work(place, tmp_path, refused):
    run = ["--run", str(place / "runs/base")]
    assert "--methods gradcamm: no such method" in refused(explain.main, "check", *run, "--methods", "gradcamm")
    (tmp_path / "taken").write_text("a file")
    assert f"--out {tmp_path / 'taken'}" in refused(explain.main, "check", *run, "--out", tmp_path / "taken")
