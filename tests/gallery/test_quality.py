"""Retrieval quality is what a plain loop counts, what pytorch-metric-learning counts, and shows the hospital."""

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator

from embedlearn.errors import ArgumentError
from embedlearn.gallery.quality import Labelled, Measures, headline, joined_groups, quality_of_rows, retrieval_quality
from embedlearn.gallery.quality import ranking as ranking_module

SMALL = Measures(ks=(1, 2, 4), k=4, depth=6, resamples=40)
PML = ("precision_at_1", "r_precision", "mean_average_precision_at_r")


def made_up(count: int, seed: int = 0) -> Labelled:
    """Cases on a small grid, so that many are equally far, with gaps in everything that is known of them."""
    rng = np.random.default_rng(seed)
    label = np.array(["a", "b", "c", None], object)[rng.choice(4, count, p=[0.5, 0.3, 0.15, 0.05])]
    source = np.array(["s", "t", None], object)[rng.choice(3, count, p=[0.6, 0.3, 0.1])]
    groups = np.array([f"p{number}" for number in range(count // 3)] + [None] * 5, object)
    X = rng.integers(0, 3, (count, 3)).astype(np.float32)
    return Labelled(X, {"label": label, "source": source}, rng.choice(groups, count))


def plain_loop(gallery: Labelled, queries: Labelled, own: list[int]) -> dict[str, list[float]]:
    """The numbers of every query, None where it is left out, by sorting all candidates of each in turn."""
    found: dict[str, list[float]] = {}
    there = [dict(zip(gallery.columns, row, strict=True)) for row in zip(*gallery.columns.values(), strict=True)]
    for i, row in enumerate(own):
        mine = {name: values[i] for name, values in queries.columns.items()}
        group = queries.groups[i]
        allowed = [j for j in range(len(gallery)) if j != row and (group is None or gallery.groups[j] != group)]
        ordered = sorted(allowed, key=lambda j: (((queries.X[i] - gallery.X[j]) ** 2).sum(), j))
        elsewhere = [j for j in ordered if there[j]["source"] != mine["source"]]
        right = [there[j]["label"] == mine["label"] for j in ordered]
        count = sum(right) if mine["label"] else 0
        numbers: dict[str, float | None] = {}
        for k in SMALL.ks:
            numbers[f"recall {k}"] = any(right[:k])
            numbers[f"precision {k}"] = np.mean(right[:k])
        at_r = [right[r] * np.mean(right[: r + 1]) for r in range(count)]
        numbers |= {"map": sum(at_r) / max(count, 1), "r": sum(right[:count]) / max(count, 1)}
        numbers = {name: value if count else None for name, value in numbers.items()}
        for name, column, rows in (
            ("label", "label", ordered), ("source", "source", ordered), ("across", "label", elsewhere)
        ):  # fmt: skip
            same = [there[j][column] == mine[column] for j in rows]
            known = mine[column] and (name != "across" or mine["source"]) and any(same)
            numbers[name] = np.mean(same[:4]) if known else None
            numbers[f"{name} by chance"] = np.mean(same) if known else None
        for name, value in numbers.items():
            found.setdefault(name, []).append(value)
    return found


def mean(values: list[float]) -> float:
    return float(np.mean([value for value in values if value is not None]))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("how", ["leave one out", "some rows", "others"])
def test_all_numbers_are_those_of_a_plain_loop_with_groups_ties_and_gaps(how, seed):
    gallery = made_up(90, seed)
    if how == "others":
        queries, own = made_up(40, seed + 100), [-1] * 40
    else:
        own = list(range(90)) if how == "leave one out" else [3, 80, 41, 7, 8, 9, 60, 61, 62, 1]
        queries = gallery.take(np.array(own))
    asked = {} if how == "leave one out" else {"queries": queries, "own": np.array(own)}
    quality = retrieval_quality(gallery, **asked, measures=SMALL)
    expected = plain_loop(gallery, queries, own)
    left_out = expected["map"].count(None)
    assert (quality.queries, quality.left_out, quality.gallery) == (len(own) - left_out, left_out, 90)
    got = {f"recall {k}": each for k, each in quality.micro.recall.items()}
    got |= {f"precision {k}": each for k, each in quality.micro.precision.items()}
    got |= {"map": quality.micro.map_at_r, "r": quality.micro.r_precision}
    for name, purity in {**quality.purity, "across": quality.across}.items():
        got |= {name: purity.share, f"{name} by chance": purity.chance}
        assert purity.left_out == expected[name].count(None)
        assert purity.lift.mean == pytest.approx(mean(expected[name]) - mean(expected[f"{name} by chance"]))
    assert set(got) == set(expected)
    for name, estimate in got.items():
        assert estimate.mean == pytest.approx(mean(expected[name]), abs=1e-12), name
    labels = np.array(queries.columns["label"])
    classes = {name: mean(np.array(expected["map"], object)[labels == name]) for name in set(labels) - {None}}
    assert {name: each.map_at_r.mean for name, each in quality.classes.items()} == pytest.approx(classes)
    assert quality.macro.map_at_r.mean == pytest.approx(np.mean(list(classes.values())))
    assert [quality.cmc[k - 1] for k in SMALL.ks] == [each.mean for each in quality.micro.recall.values()]


@pytest.mark.parametrize("macro", [False, True])
@pytest.mark.parametrize("k", [None, "max_bin_count"])
def test_without_groups_they_are_those_of_pytorch_metric_learning(k, macro):
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(6, 16))
    labels, other = rng.choice(6, 150, p=[0.4, 0.2, 0.2, 0.1, 0.06, 0.04]), rng.integers(0, 7, 60)
    X = (centres[labels] + rng.normal(size=(150, 16))).astype(np.float32)
    Q = (centres[other % 6] + rng.normal(size=(60, 16))).astype(np.float32)
    calculator = AccuracyCalculator(include=PML, avg_of_avgs=macro, k=k)
    gallery, queries = Labelled(X, {"label": labels}), Labelled(Q, {"label": other})
    for quality, peer in (
        (retrieval_quality(gallery, measures=SMALL), calculator.get_accuracy(X, labels)),
        (retrieval_quality(gallery, queries, measures=SMALL), calculator.get_accuracy(Q, other, X, labels)),
    ):
        scores = quality.macro if macro else quality.micro
        assert scores.recall[1].mean == scores.precision[1].mean == pytest.approx(peer["precision_at_1"])
        assert scores.r_precision.mean == pytest.approx(peer["r_precision"])
        assert scores.map_at_r.mean == pytest.approx(peer["mean_average_precision_at_r"])
    assert quality.left_out == (other == 6).sum() > 0


def test_nothing_depends_on_blocks_or_on_what_values_are_called(monkeypatch):
    gallery = made_up(90)
    whole = retrieval_quality(gallery, measures=SMALL)
    monkeypatch.setattr(ranking_module, "PAIRS", 300)
    assert retrieval_quality(gallery, measures=SMALL) == whole
    number = {"a": 3, "b": 5, "c": 7, None: None}
    columns = {**gallery.columns, "label": np.array([number[name] for name in gallery.columns["label"]], object)}
    renamed = retrieval_quality(Labelled(gallery.X, columns, gallery.groups), measures=SMALL)
    assert {**renamed.as_plain(), "classes": 0} == {**whole.as_plain(), "classes": 0}
    assert list(renamed.classes.values()) == list(whole.classes.values())
    untied = Labelled(np.random.default_rng(0).normal(size=(90, 3)), gallery.columns, gallery.groups)
    shuffled = untied.take(np.random.default_rng(1).permutation(90))
    one, other = (retrieval_quality(each, measures=SMALL) for each in (untied, shuffled))
    assert one.cmc == pytest.approx(other.cmc) and one.micro.map_at_r.mean == pytest.approx(other.micro.map_at_r.mean)
    assert json.loads(json.dumps(whole.as_plain(), allow_nan=False))["micro"]["recall"]["4"]["mean"] > 0


def test_cosine_is_euclidean_at_length_one_and_distances_may_be_given():
    rng = np.random.default_rng(1)
    X, labels = rng.normal(size=(80, 8)) * rng.uniform(1, 9, (80, 1)), rng.integers(0, 3, 80)
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    by_cosine = retrieval_quality(Labelled(X, {"label": labels}), metric="cosine", measures=SMALL)
    assert by_cosine == retrieval_quality(Labelled(unit, {"label": labels}), measures=SMALL)
    given = 1 - unit @ unit.T
    assert by_cosine == retrieval_quality(Labelled(X, {"label": labels}), distances=abs(given), measures=SMALL)
    assert by_cosine != retrieval_quality(Labelled(X, {"label": labels}), measures=SMALL)


def test_of_equally_far_cases_the_lower_row_answers():
    labels = ["a", "b", "a", "b", "b"]
    gallery = Labelled([[1.0], [1.0], [-1.0], [-1.0], [1.0]], {"label": labels})
    nearest = retrieval_quality(gallery, Labelled([[0.0], [0.0]], {"label": ["a", "b"]}), measures=SMALL)
    assert nearest.classes["a"].recall[1].mean == 1
    assert nearest.classes["b"].recall[1].mean == 0
    assert nearest.classes["b"].r_precision.mean == pytest.approx(1 / 3)


def test_a_gallery_that_finds_the_hospital_says_so():
    rng = np.random.default_rng(0)
    label, source = rng.integers(0, 2, 400), rng.integers(0, 2, 400)
    X = np.stack([label + rng.normal(0, 1.5, 400), 9.0 * source], axis=1)
    rows = pa.table({"label": label.astype(str), "source": source.astype(str), "patient": [None] * 400})
    quality = quality_of_rows(X, rows)
    assert quality.purity["source"].told == 1 > quality.purity["label"].told > 0
    assert 0.5 < quality.across.share.mean < 0.7
    said = headline(quality)
    assert said[0].startswith("of the 10 nearest 5") and "100.0% (by chance" in said[0] and len(said) == 3
    assert said[2].startswith("warning: the nearest say more of the source than of the label (1.00 and 0.")
    disease = quality_of_rows(X[:, [1, 0]] * [1, 0.01], rows.set_column(0, "label", [source.astype(str)]), queries=300)
    assert disease.queries == 300 and disease.purity["label"].told == 1
    assert not [line for line in headline(disease) if "say more" in line]
    hopeless = Labelled(rng.normal(size=(400, 2)), {"label": label, "source": source})
    assert "hardly more often" in headline(retrieval_quality(hopeless))[-1]


def test_one_source_or_none_leaves_nothing_to_compare():
    X, labels = np.random.default_rng(0).normal(size=(30, 2)), ["a", "b"] * 15
    assert retrieval_quality(Labelled(X, {"label": labels, "source": ["s"] * 30})).across is None
    alone = retrieval_quality(Labelled(X, {"label": labels}))
    assert alone.across is None and len(headline(alone)) == 1
    nobody = retrieval_quality(Labelled(X, {"label": range(30)}))
    assert (nobody.queries, nobody.left_out, nobody.micro.map_at_r.mean, nobody.cmc) == (0, 30, None, ())
    assert headline(nobody)[0].startswith("note: ")


@pytest.mark.slow
def test_a_million_cases_fit_in_two_gigabytes():
    code = """
import resource, numpy as np
from embedlearn.gallery.quality import Labelled, retrieval_quality
X = np.random.default_rng(0).standard_normal((1_000_000, 128), dtype=np.float32)
rows = np.arange(100)
number = np.arange(len(X))
gallery = Labelled(X, {"label": number % 4, "source": number % 3}, number // 2)
retrieval_quality(gallery, gallery.take(rows), own=rows)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 500_000 < int(done.stdout) < 2_000_000  # KiB, of which the vectors are 500,000


def test_a_group_is_whoever_shares_a_patient_or_a_twin():
    groups = joined_groups(["p", "p", None, "q", None, "r"], [None, "t", "t", "u", None, "u"])
    assert [list(np.flatnonzero(groups == group)) for group in range(3)] == [[0, 1, 2], [3, 5], [4]]


def test_what_does_not_fit_together_is_refused():
    gallery = made_up(9)
    with pytest.raises(ArgumentError, match=r"groups: wanted a value for each of 2 vectors, got 3"):
        Labelled(np.eye(2), {"label": ["a", "b"]}, [1, 2, 3])
    with pytest.raises(ArgumentError, match=r"label: wanted a column of both sides \(label, source\), got finding"):
        retrieval_quality(gallery, measures=Measures(label="finding"))
    with pytest.raises(ArgumentError, match="own: wanted for each of 9 queries a row below 9, or -1"):
        retrieval_quality(gallery, gallery, own=np.arange(1, 10))
    with pytest.raises(ArgumentError, match=r"distances: wanted numbers of at least 0, of shape \(9, 9\)"):
        retrieval_quality(gallery, distances=-np.ones((9, 9)))
    with pytest.raises(ArgumentError, match="queries of 3 numbers as the gallery has them, got 2"):
        retrieval_quality(gallery, Labelled(np.eye(2), {"label": ["a", "b"]}))
    with pytest.raises(ArgumentError, match="k: wanted a number from 1 to 10000, got 0"):
        Measures(k=0)
    with pytest.raises(ArgumentError, match="wanted queries and cases, got 0 and 0"):
        retrieval_quality(made_up(0))
