"""The figures of the rows: they are written, say the numbers, and show what they are given."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from sklearn.metrics import roc_auc_score

from embedlearn.episodes.calibration import reliability, tempered
from embedlearn.errors import ArgumentError, StorageError
from experiments.systems import comparison, figures, film_figures
from experiments.systems.figures import FewShots
from experiments.systems.results import RowResult, Score
from experiments.systems.row import Protocol, Published, Row, Task, load_row

CLASSES = ("bacterial", "covid-19", "healthy")
RNG = np.random.default_rng(0)
TRUTHS = RNG.integers(0, 3, 90)
SCORES = RNG.normal(size=(90, 3)) + 2 * np.eye(3)[TRUTHS]
FILMS = RNG.integers(0, 256, (5, 48, 48)).astype(np.uint8)
Drawn = Callable[[], Figure]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Drawn:
    """The figure that was saved last, to be asked what it says; saved coarsely, which is soon done."""
    saved: list[Figure] = []
    save = Figure.savefig

    def keep(self: Figure, *words: Any, **more: Any) -> None:
        saved.append(self)
        save(self, *words, **{**more, "dpi": 20})

    monkeypatch.setattr(Figure, "savefig", keep)
    return lambda: saved[-1]


def words(drawn: Figure) -> list[str]:
    """All texts of a figure: titles, ticks, legends, what stands in it."""
    from matplotlib.text import Text

    return [text.get_text() for text in drawn.findobj(Text) if text.get_text()]


def legend(drawn: Figure) -> list[str]:
    return [text.get_text() for text in drawn.axes[0].get_legend().get_texts()]


def test_a_confusion_matrix_says_counts_and_shares_of_the_truth(tmp_path: Path, drawn: Drawn) -> None:
    counts = np.array([[30, 10, 0], [1, 9, 0], [0, 0, 0]])
    figures.draw_confusion(tmp_path / "a.png", counts, CLASSES, "resdense")
    assert {"30\n75 %", "10\n25 %", "1\n10 %", "9\n90 %", "resdense\n78.0 % right"} <= set(words(drawn()))
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PNG"


def test_roc_curves_carry_the_area_of_each_class(tmp_path: Path, drawn: Drawn) -> None:
    figures.draw_rocs(tmp_path / "a.png", TRUTHS, SCORES, CLASSES)
    areas = [roc_auc_score(number == TRUTHS, SCORES[:, number]) for number in range(3)]
    assert legend(drawn()) == [f"{name}, AUC {area:.3f}" for name, area in zip(CLASSES, areas, strict=True)]
    figures.draw_rocs(tmp_path / "b.png", TRUTHS % 2, SCORES[:, :2], CLASSES[:2])
    assert len(legend(drawn())) == 1
    figures.draw_rocs(tmp_path / "c.png", np.where(TRUTHS == 2, 1, TRUTHS), SCORES, CLASSES)
    assert [name.split(",")[0] for name in legend(drawn())] == ["bacterial", "covid-19"]


def test_curves_lie_at_their_epochs(tmp_path: Path, drawn: Drawn) -> None:
    losses = {"fold 1": [(1, 1.0), (2, 0.5), (3, 0.2)], "fold 2": [(1, 0.9), (2, 0.4), (3, 0.1)]}
    figures.draw_curves(tmp_path / "a.png", losses, {"fold 1": [(1, 0.5), (3, 0.8)]}, "resdense")
    left, right = drawn().axes
    assert [[*map(tuple, line.get_xydata())] for line in left.lines] == list(losses.values())
    assert [*map(tuple, right.lines[0].get_xydata())] == [(1, 0.5), (3, 0.8)]
    assert right.get_legend() is None  # of one line nothing need be told apart
    figures.draw_roc_per_epoch(tmp_path / "b.png", losses)
    assert legend(drawn()) == ["fold 1", "fold 2"]


def test_reliability_before_and_after(tmp_path: Path, drawn: Drawn) -> None:
    before, after = (reliability(tempered(SCORES, heat), TRUTHS) for heat in (0.3, 1.0))
    figures.draw_reliability(tmp_path / "a.png", before, after)
    assert legend(drawn()) == [f"as it comes, error {before.ece:.3f}", f"tempered, error {after.ece:.3f}"]


def test_few_shot_curves_keep_their_values_and_reach(tmp_path: Path, drawn: Drawn) -> None:
    curve = FewShots((1, 5), (0.5, 0.7), (0.4, 0.65), (0.6, 0.72))
    figures.draw_few_shot(tmp_path / "a.png", {"ours": curve, "untrained": curve}, 1 / 3)
    axes = drawn().axes[0]
    assert legend(drawn()) == ["ours", "untrained"]
    assert np.allclose(axes.containers[0].lines[0].get_ydata(), curve.value)
    ends = np.array([segment[:, 1] for segment in axes.containers[0].lines[2][0].get_segments()])
    assert np.allclose(ends, np.transpose([curve.low, curve.high]))


def test_views_stand_beside_their_film(tmp_path: Path, drawn: Drawn) -> None:
    film_figures.draw_views(tmp_path / "a.png", FILMS[0], FILMS[1:], "rotated")
    assert {"the film", "random views", "rotated"} <= set(words(drawn()))
    shown = [axes.images[0].get_array() for axes in drawn().axes]
    assert all((ours == film).all() for ours, film in zip(shown, FILMS, strict=True))


def test_activations_of_the_channels_that_answer_most(tmp_path: Path, drawn: Drawn) -> None:
    features = np.zeros((9, 3, 3))
    for channel, peak in ((2, 4.0), (7, 8.0), (5, 1.0)):
        features[channel, 1, channel % 3] = peak
    film_figures.draw_activations(tmp_path / "a.png", FILMS[0], features, channels=3)
    told = words(drawn())
    assert [text for text in told if text.startswith("channel")] == ["channel 7", "channel 2", "channel 5"]
    assert {"0 to 8.00", "0 to 4.00", "0 to 1.00"} <= set(told)
    assert all(axes.images[0].get_array().max() == 255 for axes in drawn().axes[1:])


@pytest.mark.parametrize("adds_up", [True, False])
def test_evidence_frames_what_was_answered_wrongly(tmp_path: Path, drawn: Drawn, adds_up: bool) -> None:
    maps = RNG.normal(size=(5, 3, 3))
    answers, truths = ["healthy"] * 5, ["healthy"] * 4 + ["covid-19"]
    film_figures.draw_evidence(tmp_path / "a.png", FILMS, maps, np.arange(5.0), answers, truths, adds_up=adds_up)
    told = words(drawn())
    assert sum("labelled covid-19" in text for text in told) == 1
    framed = [
        axes
        for axes in drawn().axes[:5]
        if axes.spines["left"].get_linewidth() == 2 and axes.spines["left"].get_visible()
    ]
    assert len(framed) == 1
    assert any("scale to" in text for text in told) is not adds_up


def test_probabilities_colour_the_truth_and_a_wrong_answer(tmp_path: Path, drawn: Drawn) -> None:
    from matplotlib.colors import to_hex

    from embedlearn.figures import COLOURS, GREY

    proba = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    film_figures.draw_probabilities(tmp_path / "a.png", FILMS[:2], proba, CLASSES, [0, 1])
    bars = [axes.patches for axes in drawn().axes[1::2]]
    assert [[bar.get_width() for bar in group] for group in bars] == proba.tolist()
    hues = [[to_hex(bar.get_facecolor()).upper() for bar in group] for group in bars]
    assert hues == [[COLOURS[2], GREY, GREY], [GREY, COLOURS[2], COLOURS[1]]]


def test_no_films_make_no_sheet(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="films: wanted 1 to"):
        film_figures.draw_evidence(tmp_path / "a.png", FILMS[:0], np.zeros((0, 3, 3)), np.zeros(0), [], [])
    with pytest.raises(StorageError, match="cannot be written"):
        figures.draw_confusion(Path("/dev/null/a.png"), np.eye(3, dtype=np.int64), CLASSES)


def a_score(model: str, protocol: str, value: float, metric: str = "accuracy") -> Score:
    return Score("four classes", protocol, model, metric, value, value - 0.02, value + 0.02, 100, 90)


def test_the_comparison_shows_the_best_published_figure_and_ours(tmp_path: Path, drawn: Drawn) -> None:
    published = tuple(Published("four classes", name, value=value) for name, value in (("a", 0.80), ("b", 0.86)))
    row = Row(
        "one", title="One", main="resdense", published=published, protocols=(Protocol(),),
        tasks=(Task("four classes", {"a": ("covid-19",), "b": ("healthy",)}),),
    )  # fmt: skip
    scores = (
        a_score("resdense", "by image", 0.9), a_score("resdense", "by patient", 0.7),
        a_score("header probe", "by patient", 0.75), a_score("resdense", "by patient", 0.99, "macro F1"),
    )  # fmt: skip
    run, not_run = RowResult("one", False, {}, scores), RowResult("two", False, {}, ())
    comparison.draw_comparison(tmp_path / "rows.svg", [(row, run), (row, not_run)])
    axes = drawn().axes[0]
    marks = {(line.get_marker(), float(line.get_xdata()[0])) for line in axes.lines if len(line.get_xdata()) == 1}
    assert marks == {("D", 0.86), ("o", 0.9), ("o", 0.7), ("s", 0.75)}
    assert words(drawn()).count(comparison.NOT_RUN) == 1
    assert "One\nfour classes, accuracy" in words(drawn())


@pytest.mark.parametrize(("name", "best", "models"), [("three-class", 0.9875, 12), ("four-class", 0.94, 2)])
def test_the_rows_of_the_radiography_database(name: str, best: float, models: int) -> None:
    row = load_row(name)
    assert max(each.value for each in row.published if each.metric == "accuracy") == best
    assert {each.task for each in row.published} == {task.name for task in row.tasks}
    assert len({model.name for model in row.models}) == models and row.main in {model.name for model in row.models}
    assert [protocol.by for protocol in row.protocols] == ["image", "patient"]
    assert not row.protocols[1].repeat_twins
