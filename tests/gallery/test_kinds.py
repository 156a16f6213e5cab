"""Which kind of index is taken, and what is said of it."""

import faiss
import pytest

from embedlearn.errors import ArgumentError
from embedlearn.gallery.kinds import A_LIST, KINDS, NAMES, choose_kind, codes_for, lists_for


def test_the_names():
    assert NAMES == ("auto", "flat", "hnsw", "ivf", "ivfpq", "sq8")


@pytest.mark.parametrize(
    ("count", "recall", "device", "kind", "why"),
    [
        (1, None, "cpu", "flat", "1 vectors are compared in no time"),
        (49_999, 0.5, "cpu", "flat", "49,999 vectors are compared in no time"),
        (50_000, None, "cpu", "flat", "exact up to 1,000,000 vectors unless a --recall is asked for"),
        (50_000, 0.9, "cpu", "ivfpq", "50,000 vectors, recall 0.9: short codes"),
        (50_000, 0.9, "cuda", "ivf", "50,000 vectors, recall 0.9: lists are what a GPU searches"),
        (999_999, None, "cuda", "flat", "exact up to"),
        (1_000_000, None, "cpu", "ivfpq", "1,000,000 vectors, recall 0.95"),
        (1_000_000, None, "cuda", "ivf", "recall 0.95"),
        (10**8, 0.994, "cpu", "ivfpq", "recall 0.994"),
        (10**8, 0.995, "cpu", "flat", "only comparing all gives a recall of 0.995"),
        (10**8, 1, "cuda", "flat", "only comparing all gives a recall of 1"),
    ],
)
def test_what_auto_takes(count, recall, device, kind, why):
    taken, reason = choose_kind("auto", count, recall, device)
    assert taken == kind
    assert why in reason


def test_what_is_asked_for_is_taken_where_it_can_be():
    for name in ("flat", *KINDS):
        assert choose_kind(name, 10**6) == (name, "as asked")
        assert choose_kind(name, 10**6, 0.3) == (name, "as asked")
    for name, kind in KINDS.items():
        assert choose_kind(name, kind.least)[0] == name
        with pytest.raises(
            ArgumentError, match=f"--kind {name}: wanted {kind.least} vectors or more, got .*; take flat"
        ):
            choose_kind(name, kind.least - 1)
        if kind.gpu:
            assert choose_kind(name, 10**6, device="cuda")[0] == name
        else:
            with pytest.raises(ArgumentError, match=f"--kind {name}: runs on the processor only; take flat or ivf"):
                choose_kind(name, 10**6, device="cuda")
    assert choose_kind("flat", 1, device="cuda")[0] == "flat"


def test_other_words_and_numbers_are_refused():
    with pytest.raises(ArgumentError, match="--kind: wanted auto, flat, hnsw, ivf, ivfpq or sq8, got lsh"):
        choose_kind("lsh", 100)
    for recall in (0, -0.5, 1.01, 95, float("nan")):
        with pytest.raises(ArgumentError, match="--recall: wanted a number from 0.01 to 1"):
            choose_kind("auto", 100, recall)


def test_lists_are_never_more_than_can_be_trained():
    counts = [1, 38, 39, 77, 78, 100, 1000, 24_335, 24_336, 10**5, 10**6, 10**8]
    lists = [lists_for(count) for count in counts]
    assert lists == sorted(lists)
    for count, number in zip(counts, lists, strict=True):
        assert 1 <= number <= max(1, count // A_LIST)
    assert lists_for(10**6) == 4000


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("dimension", [1, 2, 3, 5, 64, 97, 512, 2048])
def test_faiss_knows_every_kind_in_every_width(name, dimension):
    codes = codes_for(dimension)
    assert dimension % codes == 0
    index = faiss.index_factory(dimension, KINDS[name].factory.format(lists=3, codes=codes))
    assert index.d == dimension
    assert index.metric_type == faiss.METRIC_L2
