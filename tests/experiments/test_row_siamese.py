"""The Siamese row: its settings as the authors had them, films that no encoder has seen, and a quick run."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from embedlearn.encoders.runs import Run
from embedlearn.episodes.intervals import Interval
from embedlearn.episodes.results import Estimate
from embedlearn.errors import ArgumentError
from embedlearn.radiographs.splits import SEEN
from experiments.systems.fewshots import METRICS, TASK, Pool, few_shot_score
from experiments.systems.layouts import plant
from experiments.systems.results import Missing, RowResult, Score, load_result
from experiments.systems.row import load_row
from experiments.systems.siamese import siamese_scores
from experiments.systems.trainings import named_trainings, quickened_trainings, wants_gpu

ROW = load_row("deepcovid19")


def test_the_published_settings_are_the_authors(tmp_path):
    made = named_trainings(ROW, ("somewhere",), tmp_path)
    pairs, triplets = made["Siamese pairs, as published"], made["Siamese triplets, as published"]
    for settings in (pairs, triplets):
        assert settings.architecture.backbone == "deepcovid19" and settings.architecture.dimension == 64
        assert (settings.preprocessing.size, settings.preprocessing.fit) == (512, "crop")
        schedule = settings.schedule
        assert (schedule.optimizer, schedule.learning_rate, schedule.epochs) == ("adagrad", 0.0169, 100)
        assert settings.objective.instance == 0 and settings.augmentation.crop == 1
        assert settings.data == ("somewhere",) and settings.test == 0.4
    assert (pairs.sampling.sampler, pairs.sampling.batch) == ("siamese", 8)
    assert (pairs.objective.loss, pairs.objective.loss_args) == ("contrastive", ("margin=1",))
    assert (triplets.objective.loss, triplets.objective.loss_args) == ("triplet", ("margin=0.2",))
    assert len({settings.name for settings in made.values()}) == len(made)
    assert [name for name in made if wants_gpu(ROW, name)] == list(made)[:2]


def test_the_small_models_differ_from_the_published_in_size_and_epochs_alone(tmp_path):
    made = named_trainings(ROW, (), tmp_path)
    for kind in ("pairs", "triplets"):
        large, small = made[f"Siamese {kind}, as published"], made[f"Siamese {kind}, 64 px, 20 epochs"]
        changed = dataclasses.replace(
            small, name=large.name, preprocessing=dataclasses.replace(small.preprocessing, size=512),
            schedule=dataclasses.replace(small.schedule, epochs=100),
        )  # fmt: skip
        assert changed == large


def test_what_is_said_of_all_goes_before_what_is_said_of_one(tmp_path):
    for settings in named_trainings(quickened_trainings(ROW), (), tmp_path).values():
        assert (settings.preprocessing.size, settings.schedule.epochs) == (32, 1)
    wrong = dataclasses.replace(ROW, pretrain={"models": {"one": {"schedule": {"speed": 3}}}})
    with pytest.raises(ArgumentError, match="speed: no such setting"):
        named_trainings(wrong, (), tmp_path)


def test_a_score_has_the_interval_by_patient_where_there_is_one():
    pool = Pool(np.array(["healthy", "covid-19", "covid-19"]), np.array([0, 1, 1]), {})
    episode, patient = Interval(0.9, 0.7, 1.2), Interval(0.88, 0.6, 0.95)
    by_patient = few_shot_score(pool, "one", "accuracy", Estimate(0.9, episode, patient), 5, 30)
    assert (by_patient.low, by_patient.high, by_patient.interval) == (0.6, 0.95, "patient bootstrap")
    assert (by_patient.films, by_patient.cases, by_patient.shots) == (3, 2, 5)
    by_episode = few_shot_score(pool, "one", "accuracy", Estimate(0.9, episode, None), 5, 30)
    assert (by_episode.value, by_episode.low, by_episode.high) == (0.9, 0.7, 1.0)  # no accuracy is above 1
    assert by_episode.interval == "over 30 episodes of the same films"
    gained = Estimate(-0.1, Interval(-0.1, -0.4, 0.2), None)
    told = few_shot_score(pool, "one", "accuracy less prototypes", gained, 5, 30)
    assert (told.low, told.high) == (-0.4, 0.2)
    assert np.isnan(few_shot_score(pool, "one", "accuracy", Estimate(0.9, episode, None), 5).low)


@pytest.mark.slow
def test_a_quick_run_says_every_model_at_every_number_of_shots(tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDLEARN_CACHE", str(tmp_path / "cache"))
    data = (str(plant("sandrofab", tmp_path / "sandrofab", patients=60, seed=0)),)
    told = list(siamese_scores(ROW, data, tmp_path / "runs", quick=True))
    scores = [each for each in told if isinstance(each, Score)]
    left_out = {each.what for each in told if isinstance(each, Missing)}
    assert left_out == {"Siamese pairs, as published", "Siamese triplets, as published"}
    trained = [name for name in ROW.pretrain["models"] if name not in left_out]
    models = {f"{name}, {how}" for name in trained for how in ("prototypes", "fine-tuned")}
    models |= {"untrained", "header probe", "border probe"}
    assert ROW.main in models
    assert {(each.model, each.shots) for each in scores} == {(name, shots) for name in models for shots in (1, 5)}
    assert {each.task for each in scores} == {TASK} and {each.metric for each in scores} >= set(METRICS.values())
    for each in scores:
        assert each.low <= each.high and each.films > each.cases > 0
    seen = [
        Run(folder, json.loads((folder / "config.json").read_text())) for folder in (tmp_path / "runs").glob("*-*/")
    ]
    assert len(seen) == 3
    for run in seen:
        frame: pd.DataFrame = run.manifest().frame
        assert not frame["label"][frame["split"].isin(SEEN)].str.startswith("covid").any()
    result = RowResult("deepcovid19", True, {}, tuple(scores))
    result.save(tmp_path / "row.json")
    assert load_result(tmp_path / "row.json") == result
    again = list(siamese_scores(ROW, data, tmp_path / "runs", quick=True))
    assert again == told
