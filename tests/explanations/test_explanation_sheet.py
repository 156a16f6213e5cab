"""Sheets: every film in its place, sorted, on one scale, a wrong answer framed."""

import numpy as np
import pytest
from PIL import Image
from test_overlay import words

from embedlearn.errors import ArgumentError
from embedlearn.explanations.filmmap import FilmMap
from embedlearn.explanations.geometry import Sight
from embedlearn.explanations.sheet import MOST, Answered, Matched, draw_answers, draw_matches
from embedlearn.figures import theme_of
from embedlearn.radiographs.preprocessing import Preprocessing

SQUARE = Sight(Preprocessing(size=48))


def answered(name, answer, score, label=None, grey=100, peak=0.1):
    values = np.array([[peak, 0.0], [0.0, 0.0]])
    return Answered(np.full((60, 60), grey, np.uint8), name, answer, FilmMap("why", values, score, score - peak), label)


def test_films_are_sorted_by_answer_and_score(tmp_path):
    films = [answered("b2", "b", 0.1), answered("a2", "a", 0.2), answered("b1", "b", 0.4), answered("a1", "a", 0.3)]
    draw_answers(tmp_path / "s.svg", films, SQUARE, title="sheet", sides=("not", "yes"))
    text = (tmp_path / "s.svg").read_text()
    places = [text.index(f"<!-- {name} -->") for name in ("a1", "a2", "b1", "b2")]
    assert places == sorted(places)
    assert {"sheet", "a +0.300", "+0.100 yes", "\N{MINUS SIGN}0.100 not"} <= words(tmp_path / "s.svg")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_only_wrong_answers_are_framed(tmp_path, theme):
    hue = [int(theme_of(theme).colours[3][start : start + 2], 16) for start in (1, 3, 5)]
    framed = {}
    for label in ("a", "b", None):
        draw_answers(tmp_path / "s.png", [answered("film", "a", 0.3, label)], SQUARE, theme=theme)
        pixels = np.asarray(Image.open(tmp_path / "s.png").convert("RGB")).astype(int)
        framed[label] = (np.abs(pixels - hue) <= 3).all(2).sum()
    assert framed["b"] > 1000 and framed["a"] == framed[None] == 0
    draw_answers(tmp_path / "s.svg", [answered("film", "a", 0.3, "b")], SQUARE)
    said = " ".join(sorted(words(tmp_path / "s.svg")))
    assert "labelled b" in said and "framed: the answer is not" in said


def test_all_films_share_one_scale(tmp_path):
    """The same map is paler beside a stronger one."""
    alone, beside = [answered("a", "a", 0.5)], [answered("a", "a", 0.5), answered("b", "a", 0.4, peak=0.4)]
    colours = []
    for number, films in enumerate((alone, beside)):
        draw_answers(tmp_path / f"{number}.png", films, SQUARE)
        pixels = np.asarray(Image.open(tmp_path / f"{number}.png").convert("RGB")).astype(int)
        film = pixels[25:200, 20:230]
        colours.append((film[..., 0] - film[..., 2]).max())
    assert colours[0] > 2 * colours[1] > 0


def test_as_many_films_as_there_are_and_no_more(tmp_path):
    greys = (30, 60, 90, 120, 150, 180, 210)
    films = [answered(f"f{grey}", "a", 0.3, grey=grey, peak=0.0) for grey in greys]
    draw_answers(tmp_path / "s.png", films, SQUARE)
    pixels = np.asarray(Image.open(tmp_path / "s.png").convert("L")).astype(int)
    for grey in greys:
        assert (np.abs(pixels - round(0.7 * grey)) <= 1).sum() > 30_000
    with pytest.raises(ArgumentError, match=f"films: wanted 1 to {MOST} on one sheet, got 0"):
        draw_answers(tmp_path / "t.png", [], SQUARE)
    with pytest.raises(ArgumentError, match=f"pairs: wanted 1 to {MOST} on one sheet, got {MOST + 1}"):
        draw_matches(tmp_path / "t.png", [None] * (MOST + 1), SQUARE)
    assert not (tmp_path / "t.png").exists()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pairs_stand_in_the_order_given(tmp_path, theme):
    grey, shown = np.full((60, 40), 90, np.uint8), FilmMap("like", np.array([[0.2, 0.1]]), 0.3)
    pairs = [
        Matched(grey, grey, f"film{number}", f"case{number}", shown, shown, "a", "b") for number in range(3)
    ]  # fmt: skip
    draw_matches(tmp_path / "p.svg", pairs, SQUARE, theme=theme)
    text = (tmp_path / "p.svg").read_text()
    places = [text.index(f"<!-- {name}{number} -->") for number in range(3) for name in ("film", "case")]
    assert places == sorted(places)
    assert {"1: cosine +0.300", "3: cosine +0.300", "labelled a", "labelled b"} <= words(tmp_path / "p.svg")


def test_large_films_are_no_larger_in_a_sheet(tmp_path):
    big = Answered(np.full((1500, 1200), 90, np.uint8), "big", "a", FilmMap("why", np.ones((2, 2)) / 9, 0.4, 0.0))
    draw_answers(tmp_path / "s.svg", [big], SQUARE)
    assert (tmp_path / "s.svg").stat().st_size < 300_000
