"""All checks together, and what is told of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from toy_squares import SETTINGS, seeing_grain, seeing_squares, squares

from embedlearn.errors import ArgumentError, EpisodeError, MismatchError, StorageError
from embedlearn.explanations.checks import lesions as planted
from embedlearn.explanations.checks.question import CheckedFilms, CheckedNetwork, draw_question, thin_classes
from embedlearn.explanations.checks.report import (
    FORMAT,
    HEADINGS,
    LEFT,
    METHOD,
    PAIRS,
    RIGHT,
    draw_checks,
    load_verdicts,
    one_line,
    save_verdicts,
    table,
)
from embedlearn.explanations.checks.run import run_checks
from embedlearn.explanations.checks.verdict import BEYOND, Verdict, not_asked
from embedlearn.radiographs.preprocessing import Preprocessing

NETWORK = CheckedNetwork(seeing_squares(), SETTINGS, fresh=seeing_grain)
LARGE = CheckedNetwork(seeing_squares(), Preprocessing(size=96))
VERDICTS = [
    Verdict("completeness, float32", "exact", 1e-7, None, None, "<= 1e-05", True, "adds up", 32),
    Verdict("randomisation", "exact", 0.05, -0.02, 0.12, "< 0.3", True, "falls", 32),
    Verdict("lesions, energy", "exact", -0.1, -0.2, 0.1, "> 0", False, "beside the lesion", 72),
    not_asked("completeness, float32", "gradcam", "<= 1e-05", "not claimed"),
    Verdict("randomisation", "gradcam", 0.9, 0.8, 1.0, "< 0.3", False, "stays", 32),
]


def test_all_checks_run_method_by_method(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planted, "SUPPORT", 4)
    monkeypatch.setattr(planted, "QUERIES", 3)
    films, _ = squares()
    seen: list[tuple[int, int]] = []
    other = CheckedNetwork(seeing_grain(4), SETTINGS)
    verdicts = run_checks(
        NETWORK, films, ["gradcam", "exact"], against=other, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(done, 7) for done in range(1, 8)]
    assert [verdict.method for verdict in verdicts] == ["gradcam"] * 15 + ["exact"] * 16
    by_check = {verdict.check: verdict for verdict in verdicts if verdict.method == "exact"}
    for check in (
        "completeness, float64",
        "randomisation",
        "insertion-deletion, blur",
        "insertion-deletion, mean",
        "ROAD",
        "ROAD, beyond the middle",
    ):
        assert by_check[check].passed, check
    assert by_check["repeatability"].passed is False  # the second encoder sees grain, not squares
    assert verdicts == run_checks(NETWORK, films, ["gradcam", "exact"], against=other)


def test_questions_keep_support_and_films_apart_and_ask_of_the_answer() -> None:
    films, _ = squares()
    question = draw_question(NETWORK, films, queries=20, support=10, seed=3)
    assert {name: len(found) for name, found in question.support.items()} == {"bright": 10, "dark": 10}
    assert len(question.films) == 20
    assert question.first == films.labels[question.cases].tolist()  # the toy is always right
    support = np.concatenate(list(question.support.values()))
    assert not any((film == support).all((1, 2)).any() for film in question.films)
    cases = [films.cases[(films.pixels == one).all((1, 2))][0] for one in support]
    assert sorted(question.known.tolist()) == sorted(cases)
    twins = replace(films, cases=films.cases // 4)
    assert len(set(draw_question(NETWORK, twins, queries=8, support=6).cases.tolist())) == 8


def test_classes_of_few_cases_are_told() -> None:
    films, _ = squares()
    labels = np.where(films.cases < 90, films.labels, "rare")
    rare = replace(films, labels=labels)
    assert thin_classes(rare, ["bright", "dark", "rare", "none"]) == {"rare": 6, "none": 0}
    assert set(draw_question(NETWORK, rare).support) == {"bright", "dark"}


def test_too_few_films_unknown_methods_and_wrong_second_runs_are_refused() -> None:
    films, _ = squares(96)
    few = CheckedFilms(films.pixels[:10], films.labels[:10], films.cases[:10])
    with pytest.raises(EpisodeError, match="wanted two classes"):
        run_checks(NETWORK, few, ["exact"])
    with pytest.raises(ArgumentError, match="nonsense"):
        run_checks(NETWORK, films, ["nonsense"])
    with pytest.raises(MismatchError, match="got the same one"):
        run_checks(NETWORK, films, ["exact"], against=NETWORK)
    with pytest.raises(MismatchError, match="size=96"):
        run_checks(NETWORK, films, ["exact"], against=LARGE)
    with pytest.raises(ArgumentError, match=r"eval\(\)"):
        CheckedNetwork(seeing_squares().train(), SETTINGS)


def test_the_table_says_what_was_wanted_and_what_was_found() -> None:
    rows = table(VERDICTS)
    assert all(len(row) == len(HEADINGS) for row in rows)
    assert rows[1] == ("exact", "randomisation", "0.05", "-0.02 to 0.12", "< 0.3", "pass", "32")
    assert rows[3][2] == "" and rows[3][5] == "not asked"


def test_one_line_names_what_fails_and_keeps_the_two_kinds_apart() -> None:
    line = one_line(VERDICTS, "exact")
    assert line == (
        "margin maps, exact: faithful in 2 of 2 checks; "
        "evidence where it should be in 0 of 1 checks (not: lesions, energy)"
    )
    assert one_line(VERDICTS, "gradcam") == "margin maps, gradcam: faithful in 0 of 1 checks (not: randomisation)"
    assert one_line(VERDICTS, "fem").startswith("margin maps, fem: not checked")
    assert "not checked" in PAIRS


def test_verdicts_are_saved_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "check.json"
    save_verdicts(path, VERDICTS, {"encoder": "abc"})
    found, about = load_verdicts(path)
    assert repr(found) == repr(VERDICTS) and about == {"encoder": "abc"}
    for text in (
        "[]",
        "{}",
        '{"format": "other"}',
        f'{{"format": "{FORMAT}", "about": {{}}, "checks": [{{}}]}}',
    ):
        path.write_text(text)
        with pytest.raises(StorageError, match="check.json"):
            load_verdicts(path)
    with pytest.raises(StorageError):
        load_verdicts(tmp_path / "none.json")


def test_verdicts_of_an_earlier_form_are_none(tmp_path: Path) -> None:
    save_verdicts(tmp_path / "check.json", VERDICTS, {"encoder": "abc"})
    text = (tmp_path / "check.json").read_text()
    (tmp_path / "check.json").write_text(text.replace(FORMAT, "embedlearn-map-checks-1"))
    assert FORMAT in text and load_verdicts(tmp_path / "check.json") == ([], {})


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_figure_grows_with_its_rows_and_keeps_its_theme(tmp_path: Path, theme: str) -> None:
    for number, verdicts in enumerate((VERDICTS[:1], VERDICTS)):
        draw_checks(tmp_path / f"{number}.png", verdicts, theme)
    short, long = (np.asarray(Image.open(tmp_path / f"{number}.png").convert("L")) for number in range(2))
    assert short.shape[1] == long.shape[1] and long.shape[0] > short.shape[0] + 150
    assert (np.median(long) > 200) == (theme == "light")
    draw_checks(tmp_path / "again.png", VERDICTS, theme)
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "1.png").read_bytes()
    assert (long != np.median(long)).mean() > 0.02


def test_the_longest_name_of_a_check_ends_before_the_methods(tmp_path: Path) -> None:
    long = replace(VERDICTS[1], check=f"insertion-deletion, mean{BEYOND}")
    draw_checks(tmp_path / "long.png", [long])
    grey = np.asarray(Image.open(tmp_path / "long.png").convert("L"))
    at = [round(grey.shape[1] * (0.01 + 0.98 * (x - LEFT) / (RIGHT - LEFT))) for x in (LEFT, METHOD - 0.08, METHOD)]
    ink = (grey[80:] < 100).any(0)  # below the heading
    assert ink[at[0] : at[1]].any() and not ink[at[1] : at[2] - 1].any()


def test_no_figure_in_an_unknown_theme(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="theme"):
        draw_checks(tmp_path / "check.png", VERDICTS, "sepia")
