"""Tasks hold the films they name; their answers are those of plain prototypes on the films that may be asked."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist

from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.errors import EpisodeError
from experiments.transfer.scores import QUERIES, Effort, answer, make_tasks, require_answers

PATIENTS, FILMS = 36, 2  # of each class in each source, and of each patient
LABELS = ("healthy", "pneumonia/bacterial", "pneumonia/viral", "covid-19")
EFFORT = Effort(shots=(1, 5), episodes=60, replicates=4)


def tasks_of(labels, sources):
    return {task.name: task for task in make_tasks(pd.DataFrame({"label": labels, "source": list(sources)}))}


@pytest.fixture(scope="module")
def frame():
    kinds = pd.DataFrame([(label, source) for source in "ab" for label in LABELS], columns=["label", "source"])
    patients = kinds.loc[kinds.index.repeat(PATIENTS)].reset_index(drop=True)
    patients["case"] = patients.index
    return patients.loc[patients.index.repeat(FILMS)].reset_index(drop=True)


@pytest.fixture(scope="module")
def tasks(frame):
    return tasks_of(frame["label"], frame["source"])


@pytest.fixture(scope="module")
def reported(frame):
    """Two folds, the patients of even and of odd numbers."""
    return {"1": (frame["case"] % 2 == 0).to_numpy(), "2": (frame["case"] % 2 == 1).to_numpy()}


@pytest.fixture
def ask(frame, reported):
    def ask(task, vectors, effort=EFFORT, seed=0):
        spaces = {"row": {"1": vectors, "2": vectors}}
        return {found.shots: found for found in answer(task, spaces, frame["case"], reported, effort, seed)}

    return ask


# Tasks.


def test_tasks_hold_the_films_they_name():
    labels = ["healthy", "pneumonia/viral", "pneumonia/bacterial", "covid-19", "tuberculosis"]
    labels += ["healthy", "pneumonia", "covid-19"]
    a, b = ["healthy", "pneumonia", "pneumonia", "covid-19", ""], ["healthy", "pneumonia", "covid-19"]
    wanted = {
        "W: within a": ([*a, "", "", ""], "a", "a"),
        "W: within b": (["", "", "", "", "", *b], "b", "b"),
        "X: all sources": (a + b, "ab", "ab"),
        "X: a to b": (a + b, "a", "b"),
        "X: b to a": (a + b, "b", "a"),
        "B: bacterial or viral": (["", *labels[1:3], "", "", "", "", ""], "a", "a"),
    }
    tasks = tasks_of(labels, "aaaaabbb")
    assert list(tasks) == list(wanted)
    for name, (classes, support, query) in wanted.items():
        assert tasks[name].classes.tolist() == classes
        assert tasks[name].n_way == (2 if name.startswith("B") else 3)
        for film, (source, label) in enumerate(zip("aaaaabbb", classes, strict=True)):
            assert not label or tasks[name].roles[film].tolist() == [source in support, source in query]


def test_a_source_without_all_three_classes_has_no_task_and_one_alone_has_none_across():
    tasks = tasks_of(["healthy", "pneumonia", "covid-19", "healthy", "covid-19"], "aaabb")
    assert list(tasks) == ["W: within a"]
    assert tasks["W: within a"].classes.tolist() == ["healthy", "pneumonia", "covid-19", "", ""]


def test_where_only_bacterial_and_viral_pneumonia_are_told_apart_only_that_is_asked():
    labels = ["pneumonia/viral", "pneumonia/bacterial", "pneumonia", "healthy"]
    tasks = tasks_of(labels, "aaaa")
    assert list(tasks) == ["B: bacterial or viral"]
    assert tasks["B: bacterial or viral"].classes.tolist() == [*labels[:2], "", ""]
    assert tasks_of(["pneumonia/viral", "pneumonia", "healthy"], "aaa") == {}


# Answers.


def one_hot(names):
    return (np.asarray(names)[:, None] == np.unique(names)).astype(float)


def test_a_perfect_embedding_is_always_right(frame, tasks, ask):
    assert len(tasks) == 6
    for task in tasks.values():
        found = ask(task, one_hot(frame["label"]) if task.name.startswith("B") else one_hot(task.classes))
        assert list(found) == [1, 5]
        for each in found.values():
            assert each.task == task.name
            assert each.means == {("row", "1"): 1, ("row", "2"): 1}
            assert all(drawn.tolist() == [1] * EFFORT.replicates for drawn in each.replicates.values())


@pytest.mark.parametrize(("name", "chance"), [("W: within a", 1 / 3), ("B: bacterial or viral", 1 / 2)])
def test_an_embedding_of_nothing_is_near_chance(frame, tasks, ask, name, chance):
    vectors = np.random.default_rng(0).normal(size=(len(frame), 16))
    for found in ask(tasks[name], vectors, Effort((1, 5), 300, 20)).values():
        assert np.mean(list(found.means.values())) == pytest.approx(chance, abs=0.05)
        assert np.mean(list(found.replicates.values())) == pytest.approx(chance, abs=0.05)
        assert all(drawn.std() > 0 for drawn in found.replicates.values())


@pytest.mark.parametrize("name", ["W: within b", "X: all sources", "X: a to b", "B: bacterial or viral"])
def test_the_accuracy_is_that_of_the_nearest_centroid_in_the_same_episodes(frame, tasks, reported, ask, name):
    task, vectors = tasks[name], np.random.default_rng(1).normal(size=(len(frame), 4)) + one_hot(frame["label"])
    for shots, found in ask(task, vectors, seed=7).items():
        for fold, films in reported.items():
            pool = np.flatnonzero(films & (task.classes != ""))
            drawn = EpisodeSampler(task.n_way, shots, QUERIES[shots], EFFORT.episodes, 7).sample(
                task.classes[pool], frame["case"].to_numpy()[pool], roles=task.roles[pool]
            )
            right = []
            for support, query in zip(drawn.support, drawn.query, strict=True):
                centroids = [vectors[pool[support[drawn.support_label == slot]]].mean(0) for slot in range(drawn.n_way)]
                right.append(cdist(vectors[pool[query]], centroids).argmin(1) == drawn.query_label)
            assert found.means["row", fold] == pytest.approx(np.mean(right), abs=1e-12)


@pytest.mark.parametrize(
    ("places", "right"),
    [
        (  # a's covid-19 lies where b has something else; b's lies beyond what a has
            {"a": {"covid-19": 0, "healthy": 1, "pneumonia": 2}, "b": {"covid-19": -9, "healthy": 1, "pneumonia": 2}},
            {"W: within a": 1, "W: within b": 1, "X: a to b": 1, "X: b to a": 2 / 3},
        ),
        (  # what a class is in one source is another in the other
            {"a": {"covid-19": 0, "healthy": 1, "pneumonia": 2}, "b": {"covid-19": 1, "healthy": 2, "pneumonia": 0}},
            {"W: within a": 1, "W: within b": 1, "X: a to b": 0, "X: b to a": 0},
        ),
    ],
    ids=["what a holds apart", "classes changed about"],
)
def test_support_and_queries_come_from_the_sources_that_the_task_names(frame, tasks, ask, places, right):
    kinds = frame["label"].str.split("/").str[0]
    vectors = np.array([[places[source][kind]] for source, kind in zip(frame["source"], kinds, strict=True)], float)
    for name, score in right.items():
        for found in ask(tasks[name], vectors).values():
            assert list(found.means.values()) == pytest.approx([score] * 2)
            assert all(drawn == pytest.approx([score] * EFFORT.replicates) for drawn in found.replicates.values())
    assert all(0.3 < mean < 1 for mean in ask(tasks["X: all sources"], vectors)[5].means.values())


def test_a_row_of_fewer_folds_is_scored_on_its_own_and_all_rows_see_the_same(frame, tasks, reported):
    vectors = np.random.default_rng(2).normal(size=(len(frame), 8))
    spaces = {"all": {"1": vectors, "2": vectors}, "some": {"2": vectors}, "other": {"2": vectors[::-1]}}
    for found in answer(tasks["X: a to b"], spaces, frame["case"].to_numpy(), reported, EFFORT, 0):
        assert set(found.means) == {("all", "1"), ("all", "2"), ("some", "2"), ("other", "2")}
        assert set(found.replicates) == set(found.means)
        assert found.means["some", "2"] == found.means["all", "2"] != found.means["other", "2"]
        assert (found.replicates["some", "2"] == found.replicates["all", "2"]).all()
        assert found.means["all", "1"] != found.means["all", "2"]


def test_films_that_are_not_reported_or_take_no_part_are_not_looked_at(frame, tasks, reported):
    task, cases = tasks["W: within a"], frame["case"].to_numpy()
    vectors = np.random.default_rng(3).normal(size=(len(frame), 8))
    spoilt = {
        fold: np.where((films & (task.classes != ""))[:, None], vectors, np.nan) for fold, films in reported.items()
    }
    whole = dict.fromkeys(reported, vectors)
    for found in answer(task, {"whole": whole, "spoilt": spoilt}, cases, reported, EFFORT, 0):
        for fold in reported:
            assert found.means["whole", fold] == found.means["spoilt", fold]
            assert (found.replicates["whole", fold] == found.replicates["spoilt", fold]).all()


def test_shots_that_the_films_do_not_allow_are_left_out_with_a_word(frame, tasks, ask, capsys):
    found = ask(tasks["W: within a"], one_hot(frame["label"]), Effort((1, 20), 10, 2))
    assert list(found) == [1]
    assert capsys.readouterr().out.startswith("W: within a, 20 shots: left out (class 'covid-19': 20 shots of 20 ")


def test_a_fold_without_a_class_leaves_the_task_out_rather_than_ask_for_the_others(frame, tasks, reported, capsys):
    task, cases = tasks["W: within a"], frame["case"].to_numpy()
    without = {**reported, "2": reported["2"] & (frame["label"] != "healthy").to_numpy()}
    assert list(answer(task, {"row": {"1": one_hot(frame["label"])}}, cases, without, EFFORT, 0)) == []
    said = capsys.readouterr().out
    assert "W: within a, 1 shots: left out (n_way: 3 classes wanted, 2 found (covid-19, pneumonia); " in said


def test_a_drawing_of_patients_that_leaves_a_fold_without_a_class_is_drawn_again(frame):
    """Four healthy patients of sixteen films in each of three folds: of 200 drawings some hold none of a fold's."""
    here = frame[(frame["source"] == "a") & ~frame["case"].between(12, PATIENTS - 1)]
    few = here.loc[here.index.repeat(np.where(here["label"] == "healthy", 8, 1))].reset_index(drop=True)
    (task, _), cases = make_tasks(few), few["case"].to_numpy()
    films = {str(number): cases % 3 == number for number in range(3)}
    vectors = one_hot(task.classes)
    (found,) = answer(task, {"row": dict.fromkeys(films, vectors)}, cases, films, Effort((1,), 20, 200), 0)
    assert all(drawn.tolist() == [1] * 200 for drawn in found.replicates.values())


def test_the_seed_decides(frame, tasks, ask):
    vectors = np.random.default_rng(4).normal(size=(len(frame), 8))
    first, again, other = (ask(tasks["X: all sources"], vectors, seed=seed) for seed in (1, 1, 2))
    for shots, found in first.items():
        assert found.means == again[shots].means and found.means != other[shots].means
        for key, drawn in found.replicates.items():
            assert (drawn == again[shots].replicates[key]).all() and (drawn != other[shots].replicates[key]).any()


def test_films_that_allow_no_task_are_refused_before_anything_is_trained():
    few = pd.DataFrame({"label": ["healthy", "pneumonia", "covid-19"] * 3, "source": ["a"] * 9})
    everything = [np.ones(9, bool)]
    with pytest.raises(EpisodeError, match=r"--data: too few films to report on \(W: within a: class"):
        require_answers(make_tasks(few), np.arange(9), everything)
    with pytest.raises(EpisodeError, match="wanted a source with films of healthy, pneumonia, covid-19"):
        require_answers([], np.arange(9), everything)
    many = pd.concat([few] * 10, ignore_index=True)
    require_answers(make_tasks(many), np.arange(90), [np.ones(90, bool)])
