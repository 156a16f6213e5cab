"""The few-shot command from end to end on small phantoms."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from small_runs import FEW, SMALL, scores_of

from embedlearn import embed, fewshot, pretrain
from embedlearn.embeddings import load_embeddings


def test_fewshot_takes_the_newest_run_and_writes_the_whole_report(place, capsys):
    fewshot.main(["--runs", str(place / "runs"), "--shots", "1", "3", *FEW])
    folder = place / "runs" / "base" / "fewshot"
    files = {"report.html", "result.json", "table.csv", "shots.png", "confusion.png", "roc.png"}
    assert {path.name for path in folder.iterdir()} == files | {"episodes-1.parquet", "episodes-3.parquet"}
    for name in ("shots", "confusion", "roc"):
        with Image.open(folder / f"{name}.png") as picture:
            assert picture.size > (300, 300)
    printed = capsys.readouterr().out
    assert "3-way 3-shot" in printed and "minus untrained" in printed and "synthetic phantoms" in printed
    scores = scores_of(folder)
    assert {key[0] for key in scores} == {"trained", "untrained", "border probe", "header probe"}
    assert {key[2] for key in scores} == {1, 3}
    for row in scores.values():
        assert row["episode_low"] <= row["mean"] <= row["episode_high"]
        assert row["patient_low"] <= row["patient_high"]
    assert len(pd.read_csv(folder / "table.csv")) == len(scores)


@pytest.fixture(scope="module")
def drawn(_built_place):
    """The report of an evaluation at two shots, made once."""
    out = _built_place / "drawn"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDLEARN_CACHE", str(_built_place / "cache"))
        fewshot.main(["--run", str(_built_place / "runs" / "base"), "--shots", "2", *FEW, "--out", str(out)])
    return out


def test_no_episode_holds_a_film_of_the_training_or_a_patient_on_both_sides(place, drawn):
    episodes = pd.read_parquet(drawn / "episodes-2.parquet")
    rows = pd.read_csv(place / "runs" / "base" / "manifest.csv").set_index("path")
    assert set(rows.loc[episodes["path"], "split"]) <= {"test", "held-out"}
    for _, episode in episodes.groupby("episode"):
        sides = [set(part["patient"]) for _, part in episode.groupby("role")]
        assert not sides[0] & sides[1]


def test_a_replay_answers_the_same_episodes_the_same(place, drawn):
    run, replay = str(place / "runs" / "base"), str(drawn / "episodes-2.parquet")
    fewshot.main(["--run", run, "--shots", "2", *FEW, "--seed", "9", "--replay", replay, "--out", str(place / "again")])
    first, again = scores_of(drawn), scores_of(place / "again")
    assert {key: row["mean"] for key, row in first.items()} == {key: row["mean"] for key, row in again.items()}


def test_embeddings_of_a_file_score_as_the_films_do(place, drawn):
    run, file = place / "runs" / "base", place / "base.parquet"
    embed.main(["--run", str(run), "--out", str(file)])
    assert set(load_embeddings(file).frame["split"]) == {"train", "val", "test", "held-out"}
    common = ["--shots", "2", *FEW]
    fewshot.main(["--run", str(run), "--embeddings", str(file), *common, "--out", str(place / "file-report")])
    fewshot.main(["--embeddings", str(file), *common, "--out", str(place / "alone-report")])
    films, stored, alone = map(scores_of, (drawn, place / "file-report", place / "alone-report"))
    assert films == stored
    assert {key[0] for key in alone} == {"trained"}
    assert all(films[key] == row for key, row in alone.items())


def result_of(place, *words):
    """What `result.json` says of an evaluation of the base run."""
    out = place / "asked"
    fewshot.main(["--run", str(place / "runs" / "base"), "--shots", "2", *FEW, *words, "--out", str(out)])
    return json.loads((out / "result.json").read_text())


def test_every_head_has_a_row_and_transductive_ones_are_asked_twice(place, capsys):
    from embedlearn.episodes.heads import HEADS, TRANSDUCTIVE

    result = result_of(place, "--heads", "all", "--bootstrap", "2", "--episodes", "12")
    assert {(row["queries"], row["head"]) for row in result["scores"]} == {
        (queries, head) for queries in ("balanced", "dirichlet") for head in HEADS
    }
    printed = capsys.readouterr().out
    assert "dirichlet queries" in printed and "pt-map: transductive" in printed.replace(
        ", ".join(TRANSDUCTIVE), "pt-map"
    )
    calibrated = [row for row in result["calibration"] if row["space"] == "trained"]
    assert {row["head"] for row in calibrated} == set(HEADS)
    assert all(row["temperature"] > 0 and 0 <= row["mended_ece"] <= 1 for row in calibrated)


def test_what_stands_beside_the_scores(place, capsys):
    result = result_of(place, "--heads", "prototype", "knn", "--leakage-gap", "--fine-tune", "3")
    assert {(row["space"], row["measure"]) for row in result["unknown"]} == {
        (space, measure)
        for space in ("trained", "untrained", "border probe", "header probe")
        for measure in ("prototype", "knn", "energy")
    }
    bounded = [row for row in result["unknown"] if row["bound"] is not None]
    assert {row["space"] for row in bounded} == {"trained", "untrained"}
    assert [row["head"] for row in result["comparisons"]] == ["knn minus prototype"]
    assert 0 < result["comparisons"][0]["patient_p"] <= 1
    supports = result["supports"][0]
    assert supports["quantiles"]["worst"] <= supports["quantiles"]["median"] <= supports["quantiles"]["best"]
    assert all(len(files) == 6 for files in supports["files"].values())
    assert {row["head"] for row in result["leakage"]} == {"prototype", "knn"}
    assert {row["head"] for row in result["fine_tuned"]} == {"prototype", "logistic", "fine-tune"}
    assert {row["episodes"] for row in result["fine_tuned"]} == {3}
    assert [len(result["extremes"][0][side]) for side in ("best", "worst")] == [3, 3]
    printed = capsys.readouterr().out
    for words in ("unknown: covid-19 left out", "supports of 2, prototype:", "leakage, 2 shots:", "fine-tune:"):
        assert words in printed


def test_shots_and_queries_by_class_and_by_source(place):
    from embedlearn.embeddings import load_embeddings

    unequal = ["--shots-of", "healthy=6", "--prevalence", "covid-19=1", "healthy=4", "pneumonia=4"]
    result_of(place, "--heads", "prototype", *unequal)
    episodes = pd.read_parquet(place / "asked" / "episodes-2.parquet")
    support = episodes[episodes["role"] == "support"]
    assert set(support.groupby(["episode", "class"]).size()[:, "healthy"]) == {6}
    assert set(support.groupby(["episode", "class"]).size()[:, "covid-19"]) == {2}
    counts = episodes[episodes["role"] == "query"]["class"].value_counts()
    assert counts["covid-19"] < counts["healthy"] / 2
    embed.main(["--run", str(place / "runs" / "base"), "--out", str(place / "sourced.parquet")])
    sources = sorted(set(load_embeddings(place / "sourced.parquet").frame["source"]))
    result = result_of(place, "--heads", "prototype", "--support-from", sources[0])
    assert result["settings"]["support_from"] == [sources[0]]


def test_transforms_go_before_every_head(place, capsys):
    plain = scores_of_row(result_of(place, "--heads", "prototype"))
    moved = result_of(place, "--transform", "center", "power", "unit", "--bootstrap", "0")
    assert scores_of_row(moved) != plain
    assert "simpleshot" not in {row["head"] for row in moved["scores"]}
    assert "simpleshot is left out" in capsys.readouterr().out


def scores_of_row(result):
    return [row["mean"] for row in result["scores"] if (row["space"], row["head"]) == ("trained", "prototype")]


def test_an_unreadable_film_is_left_out_where_that_is_asked_for(place, tmp_path, capsys, refused):
    shutil.copytree(place / "films", tmp_path / "films")
    film = next((tmp_path / "films").rglob("healthy/*.png"))
    film.write_text("no picture")
    words = ["--run", str(place / "runs" / "base"), "--data", str(tmp_path / "films"), "--shots", "2", *FEW]
    words += ["--heads", "prototype", "--supports", "0", "--out", str(tmp_path / "out")]
    complaint = refused(fewshot.main, *words)
    assert film.name in complaint and "--skip-bad" in complaint
    fewshot.main([*words, "--skip-bad"])
    assert f"left out: {film}" in capsys.readouterr().out
    assert film.name not in (tmp_path / "out" / "result.json").read_text()


def test_another_encoder_answers_the_same_episodes(place, capsys):
    pretrain.main(
        ["--data", str(place / "films"), "--runs", str(place / "second"), "--name", "b", *SMALL, "--instance", "0"]
    )
    capsys.readouterr()
    result = result_of(place, "--heads", "prototype", "--against", str(place / "second" / "b"))
    printed = capsys.readouterr().out
    assert "trained minus other encoder, prototype" in printed
    seen = pd.read_csv(place / "second" / "b" / "manifest.csv").query("split in ('train', 'val')")
    assert not set(pd.read_parquet(place / "asked" / "episodes-2.parquet")["path"]) & set(seen["path"])
    leads = {row["space"]: row for row in result["differences"] if row["metric"] == "accuracy"}
    assert set(leads) == {"trained minus untrained", "trained minus other encoder"}
    lead = leads["trained minus other encoder"]
    assert lead["patient_low"] <= lead["patient_high"] and 0 < lead["patient_p"] <= 1


def test_the_same_encoder_is_no_other(place, refused):
    complaint = refused(fewshot.main, "--run", place / "runs" / "base", "--against", place / "runs" / "base", *FEW)
    assert "wanted another encoder, got the same" in complaint


def test_an_encoder_that_saw_the_films_is_no_judge_of_them(place, refused):
    words = ["--data", str(place / "films"), "--runs", str(place / "third"), "--name", "c", *SMALL, "--seed", "9"]
    pretrain.main(words)
    complaint = refused(fewshot.main, "--run", place / "runs" / "base", "--against", place / "third" / "c", *FEW)
    assert "it has seen all films of" in complaint or "use fewer" in complaint


def test_a_replay_is_of_what_was_drawn_whatever_the_flags_default_to(place, refused):
    drawn = ["--prevalence", "covid-19=1", "healthy=4", "pneumonia=4", "--shots-of", "healthy=3"]
    first = result_of(place, "--heads", "prototype", *drawn)
    kept = place / "drawn.parquet"
    shutil.copy(place / "asked" / "episodes-2.parquet", kept)
    words = ["--run", str(place / "runs" / "base"), "--heads", "prototype", "--bootstrap", "10", "--supports", "10"]
    fewshot.main([*words, "--replay", str(kept), "--out", str(place / "replayed")])
    again = json.loads((place / "replayed" / "result.json").read_text())
    assert again["scores"] == first["scores"] and first["scores"][0]["queries"] == "weighed"
    for flag, value in (("--queries", "7"), ("--prevalence", "natural"), ("--shots", "3"), ("--ways", "2")):
        complaint = refused(fewshot.main, *words, "--replay", kept, flag, value)
        assert f"drawn with {flag}" in complaint and f"leave {flag} out" in complaint


def test_files_of_others_and_of_the_replay_are_left_alone(place):
    out = place / "asked"
    result_of(place, "--heads", "prototype")
    (out / "episodes-mine.parquet").write_text("mine")
    shutil.copy(out / "episodes-2.parquet", out / "episodes-9.parquet")
    replay = [*FEW[4:], "--heads", "prototype", "--bootstrap", "0", "--out", str(out)]
    fewshot.main(["--run", str(place / "runs" / "base"), "--replay", str(out / "episodes-9.parquet"), *replay])
    assert (out / "episodes-9.parquet").is_file()
    result_of(place, "--heads", "prototype")
    assert not (out / "episodes-9.parquet").exists() and (out / "episodes-mine.parquet").is_file()


def test_an_unreadable_film_of_the_run_itself(place, tmp_path, capsys, refused):
    shutil.copytree(place / "films", tmp_path / "films")
    runs = ["--runs", str(tmp_path / "runs"), "--name", "own"]
    pretrain.main(["--data", str(tmp_path / "films"), *runs, *SMALL])
    rows = pd.read_csv(tmp_path / "runs" / "own" / "manifest.csv")
    for split in ("held-out", "val"):
        film = rows["path"][rows["split"] == split].iloc[0]
        Path(film).write_text("no picture")
    words = ["--run", str(tmp_path / "runs" / "own"), "--shots", "2", *FEW, "--heads", "prototype", "--out",
             str(tmp_path / "out")]  # fmt: skip
    assert "--skip-bad leaves out such films" in refused(fewshot.main, *words)
    fewshot.main([*words, "--skip-bad"])
    printed = capsys.readouterr().out
    assert "left out: " in printed and "nothing is fitted on base films: " in printed
