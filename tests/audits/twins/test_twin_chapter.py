"""What is said of shared pictures: counts against plain loops, sentences, tables, the sheet."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from twin_films import audited

from embedlearn.audits.twins import Pictures, save_sheet, twins_chapter
from embedlearn.audits.twins.counting import count_shared, divided, shared_groups
from embedlearn.audits.twins.sheet import telling_pairs
from embedlearn.pages.blocks import Fold, Section, render


def made_up(groups, seed=0):
    """Pictures with these groups; all films of a group are pairs, the first of each pair of groups exact."""
    groups = np.asarray(groups)
    pairs = np.array([(a, b) for a, b in combinations(range(len(groups)), 2) if groups[a] == groups[b]], np.int64)
    pairs = pairs.reshape(-1, 2)
    exact = np.arange(len(pairs)) % 3 == 0
    correlation = np.where(exact, 1, np.random.default_rng(seed).uniform(0.82, 1, len(pairs))).astype(np.float32)
    return Pictures(pairs, exact, correlation, groups)


def films_of(groups, **columns):
    rng = np.random.default_rng(1)
    made = [rng.integers(0, 255, (40, 50), np.uint8) for _ in groups]
    return audited(made, **columns)


GROUPS = [0, 1, 0, 2, 0, 3, 1, 4, 4]
SOURCES = list("aabbcacbb")


def test_counts_are_those_of_plain_loops():
    pictures = made_up(GROUPS)
    shared = count_shared(SOURCES, pictures)
    assert shared.sources == ("a", "b", "c")
    for i, one in enumerate(shared.sources):
        for j, two in enumerate(shared.sources):
            joined = [
                (GROUPS[a], a, b)
                for a, b in combinations(range(9), 2)
                if GROUPS[a] == GROUPS[b] and sorted((SOURCES[a], SOURCES[b])) == sorted((one, two))
            ]
            assert shared.pairs[i, j] == len(joined)
            assert shared.pictures[i, j] == len({group for group, *_ in joined})
    assert shared.films.tolist() == [3, 4, 2]
    assert shared.repeated.tolist() == [2, 3, 2]
    assert [films.tolist() for films in shared_groups(pictures)] == [[0, 2, 4], [1, 6], [7, 8]]


def test_findings_say_what_is_shared():
    split = ["train", "train", "test", "test", None, "test", "train", "val", "val"]
    labels = ["x"] * 6 + ["y"] * 3
    patients = [None] * 7 + ["1", "2"]
    films = films_of(GROUPS, source=SOURCES, split=split, label=labels, patient=patients)
    chapter = twins_chapter(films, made_up(GROUPS), show=False)
    found = {finding.key: finding for finding in chapter.findings}
    values = {key: finding.value for key, finding in found.items()}
    assert values == {
        "twins.exact": 3, "twins.near": 2, "twins.within": 1, "twins.across": 2,
        "twins.labels": 1, "twins.splits": 1, "twins.patients": 1, "twins.kept": 4,
    }  # fmt: skip
    assert found["twins.labels"].level == found["twins.splits"].level == found["twins.across"].level == "warning"
    assert all(str(int(finding.value)) in finding.sentence for finding in found.values())
    assert found["twins.kept"].sentence.endswith("those labelled differently are left out: 1 (2 films).")
    assert sum(found[f"twins.{name}"].value for name in ("exact", "near")) == np.triu(chapter.data["pairs"]).sum()
    assert "the same at 192 pixels" in found["twins.exact"].sentence
    assert chapter.data["pictures"] == [[0, 1, 2], [1, 1, 1], [2, 1, 0]]
    assert not any(isinstance(block, Fold) for block in chapter.blocks)


def test_films_without_twins_are_fine():
    films = films_of(range(4), source=list("aabb"))
    chapter = twins_chapter(films, made_up(range(4)), show=True)
    assert {finding.level for finding in chapter.findings} == {"fine"}
    assert "No picture stands in more than one source." in [finding.sentence for finding in chapter.findings]
    assert {finding.key for finding in chapter.findings}.isdisjoint({"twins.splits", "twins.patients"})


def test_only_what_is_known_can_differ():
    pictures = made_up([0, 0, 1, 1, 2, 2])
    column = films_of(range(6), split=["train", None, "test", "train", None, None]).frame["split"]
    assert [films.tolist() for films in divided(column, pictures)] == [[2, 3]]


def test_films_of_no_class_are_told_as_others(tmp_path):
    films = films_of([0, 0, 1], source=list("abb"))
    films.frame["class"] = pd.array(["healthy", None, None], dtype="string")
    chapter = twins_chapter(films, made_up([0, 0, 1]), show=True)
    page = render("x", "y", [Section("twins", chapter.title, chapter.blocks)])
    assert "&lt;NA&gt;" not in page and "b, other" in page
    save_sheet(tmp_path / "twins.png", films, made_up([0, 0, 1]))


@pytest.mark.parametrize("show", [True, False])
def test_films_stand_in_the_page_only_when_wanted(show):
    films = films_of(GROUPS, source=SOURCES)
    chapter = twins_chapter(films, made_up(GROUPS), show=show)
    page = render("x", "y", [Section("twins", chapter.title, chapter.blocks)])
    assert page.count("data:image/jpeg") == (6 if show else 0)  # two films of each of three pictures


def test_pairs_to_show_are_one_of_a_picture_and_across_first():
    films, pictures = films_of(GROUPS, source=SOURCES), made_up(GROUPS)
    chosen = telling_pairs(films, pictures)
    groups = pictures.group[pictures.pairs[chosen, 0]]
    assert sorted(groups.tolist()) == [0, 1, 4]
    keys = [
        (bool(pictures.exact[pair]), SOURCES[a] == SOURCES[b], float(pictures.correlation[pair]))
        for pair, (a, b) in zip(chosen, pictures.pairs[chosen].tolist(), strict=True)
    ]
    assert keys == sorted(keys)
    assert len(telling_pairs(films, pictures, 2)) == 2


@pytest.mark.parametrize("groups", [GROUPS, range(9)])
def test_the_sheet_is_written(groups, tmp_path):
    save_sheet(tmp_path / "twins.png", films_of(groups, source=SOURCES), made_up(groups))
    with Image.open(tmp_path / "twins.png") as sheet:
        assert sheet.width > 1000


def test_names_are_escaped_in_the_page():
    films = films_of([0, 0], source=["<b>a", "c"])
    chapter = twins_chapter(films, made_up([0, 0]), show=True)
    page = render("x", "y", [Section("twins", chapter.title, chapter.blocks)])
    assert "<b>a" not in page
    assert page.count("&lt;b&gt;a") >= 3
