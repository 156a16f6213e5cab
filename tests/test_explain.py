"""`embedlearn explain`: from films to maps that add up, and what it refuses."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embedlearn import embed, explain
from embedlearn.embeddings import load_embeddings
from embedlearn.encoders.checkpoints import load_encoder
from embedlearn.encoders.runs import open_run
from embedlearn.explanations.filmmap import FilmMap, scale_of
from embedlearn.explanations.geometry import Sight
from embedlearn.explanations.lag import measure_lag
from embedlearn.explanations.overlay import painted
from embedlearn.radiographs.reading import read_film


@pytest.fixture(scope="module")
def _explained(_built_place, tmp_path_factory):
    """The default films of the small run, explained once, with the pair view."""
    out = tmp_path_factory.mktemp("explained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDLEARN_CACHE", str(_built_place / "cache"))
        explain.main(["--run", str(_built_place / "runs/base"), "--out", str(out), "--each", "2", "--pairs"])
    return out


@pytest.fixture
def explained(_explained, place):
    return _explained


@pytest.fixture(scope="module")
def embedded(_built_place, tmp_path_factory):
    path = tmp_path_factory.mktemp("embedded") / "films.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDLEARN_CACHE", str(_built_place / "cache"))
        embed.main(["--run", str(_built_place / "runs/base"), "--out", str(path)])
    return load_embeddings(path)


def films_of(out):
    return json.loads((out / "explain.json").read_text())["films"]


def unseen(place, count, label="covid-19"):
    frame = pd.read_csv(place / "runs/base/manifest.csv")
    return list(frame["path"][(frame["label"] == label) & ~frame["split"].isin(["train", "val"])][:count])


def test_every_film_has_its_pictures_and_its_numbers(explained):
    films = films_of(explained)
    assert sorted({film["label"] for film in films}) == ["covid-19", "healthy", "pneumonia"]
    assert len(films) == 6
    for film in films:
        for ending in ("", "-overlay", "-pair"):
            assert (explained / f"{film['name']}{ending}.png").is_file()
        assert [one["target"] for one in film["maps"]] == [
            f"{film['why']}, not {film['why_not']}",
            f"like {film['why']}",
            "like its 5 nearest cases",
            "like its nearest case",
        ]
        with Image.open(explained / f"{film['name']}-overlay.png") as overlay:
            size = overlay.size
        assert size == (film["width"], film["height"]) == (64, 64)
    assert (explained / "sheet.png").is_file() and (explained / "pairs.png").is_file()


def test_maps_and_constants_are_the_scores_that_embeddings_give(explained, embedded):
    """The scores are those of class means over the unseen films of other cases, found here with numpy alone."""
    frame, vectors = embedded.frame, embedded.vectors.astype(float)
    classes = frame["label"].str.split("/").str[0].to_numpy()
    pool = (~frame["split"].isin(["train", "val"]) & np.isin(classes, ["covid-19", "healthy", "pneumonia"])).to_numpy()
    for film in films_of(explained):
        row = int(np.flatnonzero(frame["path"] == film["path"])[0])
        others = pool & (frame["case"] != frame["case"][row]).to_numpy()
        means = {name: vectors[others & (classes == name)].mean(0) for name in set(classes[others])}
        apart = {name: np.square(vectors[row] - mean).sum() for name, mean in means.items()}
        near = sorted(apart, key=apart.__getitem__)
        assert [film["answer"], film["why"], film["why_not"]] == [near[0], near[0], near[1]]
        margin, own, neighbours, case = film["maps"]
        nearest = np.argsort(-(vectors[others] @ vectors[row]))[:5]
        scores = [
            apart[near[1]] - apart[near[0]],
            vectors[row] @ means[near[0]] / np.linalg.norm(means[near[0]]),
            (vectors[others][nearest] @ vectors[row]).mean(),
            (vectors[others] @ vectors[row]).max(),
        ]
        for shown, score in zip((margin, own, neighbours, case), scores, strict=True):
            assert shown["score"] == pytest.approx(score, abs=1e-5)
            assert np.sum(shown["map"]) + shown["constant"] == pytest.approx(shown["score"], abs=1e-4)
            assert shown["residual"] < 1e-5
        assert film["nearest"] == list(frame["path"][others].iloc[nearest])
        assert film["case"] == film["nearest"][0]


def test_the_same_seed_gives_the_same_bytes(explained, place, tmp_path):
    out = tmp_path / "again"
    explain.main(["--run", str(place / "runs/base"), "--out", str(out), "--each", "2", "--pairs"])
    again, first = films_of(out), films_of(explained)
    assert again == first
    for film in first[:2]:
        for ending in ("", "-overlay", "-pair"):
            name = f"{film['name']}{ending}.png"
            assert (out / name).read_bytes() == (explained / name).read_bytes()


def test_a_film_that_is_an_example_is_not_explained_by_itself(place, tmp_path, capsys):
    shutil.copy(unseen(place, 1)[0], tmp_path / "mine.png")
    explain.main([str(tmp_path / "mine.png"), "--run", str(place / "runs/base"), "--out", str(tmp_path / "out")])
    said = capsys.readouterr().out
    assert "1 films are among the examples" in said
    (film,) = films_of(tmp_path / "out")
    assert film["label"] == "covid-19"
    assert film["maps"][3]["score"] < 0.99999
    assert unseen(place, 1)[0] not in film["nearest"]


def test_classes_and_the_case_can_be_named(place, tmp_path):
    asked, case = unseen(place, 2, "healthy")
    words = ["--why", "covid-19", "--why-not", "healthy", "--case", case, "--masks", str(tmp_path / "masks")]
    (tmp_path / "masks").mkdir()
    mask = np.zeros((64, 64), np.uint8)
    mask[20:40, 10:30] = 255
    name = asked.rsplit("/", 1)[1]
    Image.fromarray(mask).save(tmp_path / "masks" / name)
    explain.main([asked, "--run", str(place / "runs/base"), "--out", str(tmp_path / "out"), *words])
    (film,) = films_of(tmp_path / "out")
    assert film["maps"][0]["target"] == "covid-19, not healthy"
    assert film["maps"][3]["target"] == f"like {case.rsplit('/', 1)[1]}"
    assert film["case"] == case
    with Image.open(tmp_path / "out" / f"{film['name']}-overlay.png") as overlay:
        painted = np.array(overlay)
    assert (painted[20, 12:28] == 255).all()  # the outline of the mask


def test_a_point_of_a_film_can_be_named(place, tmp_path):
    asked = unseen(place, 1)[0]
    words = ["--run", str(place / "runs/base"), "--pairs", "--at", "0.9", "0.2", "--out"]
    explain.main([asked, *words, str(tmp_path / "out")])
    (film,) = films_of(tmp_path / "out")
    assert (tmp_path / "out" / f"{film['name']}-at.png").is_file()


def test_pictures_are_drawn_where_the_encoder_looks_and_say_so(explained, place):
    saved = load_encoder(open_run(place / "runs/base").encoder)
    lag = measure_lag(saved.encoder, saved.preprocessing)
    film = films_of(explained)[0]
    assert film["lag"] == lag != 0
    margins = [FilmMap("margin", np.array(one["maps"][0]["map"]), 0.0) for one in films_of(explained)]
    pixels, values, scale = read_film(Path(film["path"])), margins[0].values, scale_of(margins)
    with Image.open(explained / f"{film['name']}-overlay.png") as overlay:
        drawn = np.array(overlay).astype(int)
    there, evenly = (painted(pixels, values, Sight(saved.preprocessing, at), scale) for at in (lag, 0.0))
    assert np.abs(drawn - there).max() <= 1 < np.abs(drawn - evenly).max()


def test_a_point_beyond_what_the_encoder_sees_leaves_nothing_behind(place, tmp_path, refused):
    film = np.zeros((64, 128), np.uint8)
    film[:, 32:96] = np.random.default_rng(0).integers(0, 255, (64, 64))
    Image.fromarray(film).save(tmp_path / "wide.png")
    words = ["--run", place / "runs/base", "--pairs", "--out", tmp_path / "out", "--at"]
    assert "does not see this point" in refused(explain.main, tmp_path / "wide.png", *words, "0.5", "0.1")
    assert not list((tmp_path / "out").glob("*"))
    explain.main([str(word) for word in (tmp_path / "wide.png", *words, 1, 0.74)])
    assert (tmp_path / "out/wide-at.png").is_file()


def test_films_of_like_names_keep_their_pictures_and_an_earlier_calls_go(place, tmp_path):
    films = tmp_path / "films"
    films.mkdir()
    for name, path in zip(("a.png", "a-overlay.png"), unseen(place, 2), strict=True):
        shutil.copy(path, films / name)
    words = ["--run", str(place / "runs/base"), "--out", str(tmp_path / "out")]
    explain.main([str(films), *words])
    first = {path.name for path in (tmp_path / "out").iterdir()}
    assert first == {
        "a-overlay.png", "a-overlay-overlay.png", "a-2.png", "a-2-overlay.png", "sheet.png", "explain.json"
    }  # fmt: skip
    (tmp_path / "out/mine.png").write_bytes(b"a user's own")
    explain.main([str(films / "a.png"), *words])
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "a.png", "a-overlay.png", "sheet.png", "explain.json", "mine.png"
    }  # fmt: skip


def test_films_that_the_encoder_has_seen_are_said(place, tmp_path, capsys):
    frame = pd.read_csv(place / "runs/base/manifest.csv")
    learnt = frame["path"][frame["split"] == "train"].iloc[0]
    explain.main([learnt, "--run", str(place / "runs/base"), "--out", str(tmp_path / "out")])
    assert "1 of 1 films: the encoder has seen them" in capsys.readouterr().out


def test_examples_can_be_ones_own(place, tmp_path):
    support = tmp_path / "examples"
    for label in ("covid-19", "healthy"):
        (support / label).mkdir(parents=True)
        for path in unseen(place, 4, label):
            shutil.copy(path, support / label)
    asked = unseen(place, 9)[-1]
    words = ["--support", str(support), "--neighbours", "3", "--theme", "dark"]
    explain.main([asked, "--run", str(place / "runs/base"), "--out", str(tmp_path / "out"), *words])
    (film,) = films_of(tmp_path / "out")
    assert film["label"] is None
    assert {film["why"], film["why_not"]} == {"covid-19", "healthy"}
    assert all(str(support) in path for path in film["nearest"]) and len(film["nearest"]) == 3


def test_a_gradient_method_claims_no_sum_and_its_trap_is_told(place, tmp_path, capsys):
    asked = unseen(place, 1)[0]
    run = ["--run", str(place / "runs/base")]
    explain.main([asked, *run, "--out", str(tmp_path / "out"), "--method", "gradcam-cosine"])
    (film,) = films_of(tmp_path / "out")
    assert all(shown["constant"] is None and shown["residual"] is None for shown in film["maps"])
    assert "sums to zero" in capsys.readouterr().out
    for shown in film["maps"]:
        assert abs(np.sum(shown["map"])) < 1e-4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--method", "crystal-ball"], "--method crystal-ball: no such method; wanted one of exact"),
        (["nowhere.png"], "FILM nowhere.png: wanted a film"),
        (["--why", "tuberculosis"], "--why tuberculosis: no example"),
        (["--classes", "healthy", "tuberculosis"], "tuberculosis"),
        (["--why", "healthy", "--why-not", "healthy"], "--why-not healthy: wanted another class"),
        (["--pairs", "--method", "gradcam"], "--pairs: is made of exact maps"),
        (["--at", "0.5", "0.5"], "--at: a point is looked for"),
        (["--at", "0.5", "1.5", "--pairs"], "--at"),
        (["--columns", "path=file"], "--map and --columns: are for the examples"),
        (["--case", "nowhere.png"], "--case nowhere.png: wanted a film"),
        (["--each", "0"], "--each"),
        (["film.png", "--each", "5"], "--each: is for films that are chosen for you"),
        (["--masks", "nowhere"], "nowhere: wanted a folder of masks"),
    ],
)
def test_what_cannot_be_explained_is_refused_in_a_line(words, said, place, tmp_path, refused):
    out = tmp_path / "out"
    assert said in refused(explain.main, *words, "--run", place / "runs/base", "--out", out)
    assert not out.exists() or not list(out.iterdir())


def test_checks_are_written_and_carried_by_later_pictures(place, tmp_path, capsys):
    run = tmp_path / "runs/base"
    shutil.copytree(place / "runs/base", run)
    with pytest.raises(SystemExit) as exit_:
        explain.main(["check", "--run", str(run), "--at-most", "8", "--methods", "exact", "randomcam"])
    assert exit_.value.code == 1  # a random map fails
    said = capsys.readouterr().out
    assert "completeness, float64" in said
    checked = json.loads((run / "explain/check.json").read_text())
    verdicts = {(one["method"], one["check"]): one["passed"] for one in checked["checks"]}
    assert verdicts["exact", "completeness, float32"] is True
    assert False in [passed for (method, _), passed in verdicts.items() if method == "randomcam"]
    assert (run / "explain/check.png").is_file()
    asked = unseen(place, 1)[0]
    explain.main([asked, "--run", str(run), "--out", str(tmp_path / "out")])
    assert "exact: faithful in" in films_of(tmp_path / "out")[0]["verdict"]
    checked["about"]["encoder"] = "another"
    (run / "explain/check.json").write_text(json.dumps(checked))
    explain.main([asked, "--run", str(run), "--out", str(tmp_path / "other")])
    assert "not checked" in films_of(tmp_path / "other")[0]["verdict"]


def test_a_check_that_cannot_be_made_is_refused(place, tmp_path, refused):
    run = ["--run", place / "runs/base", "--out", tmp_path / "out"]
    assert "no such method" in refused(explain.main, "check", *run, "--methods", "crystal-ball")
    assert "got the same" in refused(explain.main, "check", *run, "--against", place / "runs/base")
    assert "--boxes" in refused(explain.main, "check", *run, "--boxes", tmp_path / "boxes.json")
    assert not (tmp_path / "out").exists()
