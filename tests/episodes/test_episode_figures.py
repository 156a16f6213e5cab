"""The figures of a study show the numbers that it holds."""

from pathlib import Path

import numpy as np
import pytest
from made_up_study import make_pool, make_study
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from embedlearn.episodes.figures import (
    _look,
    draw_confusion,
    draw_roc,
    draw_shots,
    precision_recall_picture,
    rejection_picture,
    reliability_picture,
    roc_picture,
    shots_picture,
    supports_picture,
)
from embedlearn.episodes.results import Setting
from embedlearn.episodes.study import FewShotStudy
from embedlearn.figures import Panel, Picture


@pytest.fixture(scope="module")
def study() -> FewShotStudy:
    return make_study(make_pool(), leakage_gap=False)


def drawn(panel: Panel) -> Axes:
    axes = Figure().subplots()
    panel.draw(axes)
    return axes


def lines(panel: Panel) -> dict[str, np.ndarray]:
    return {str(line.get_label()): np.array(line.get_data()) for line in drawn(panel).lines}


def is_a_picture(path: Path) -> bool:
    with Image.open(path) as image:
        return image.format == "PNG" and len(np.unique(np.asarray(image.convert("L")))) > 30


def test_the_files_are_pictures(tmp_path: Path, study: FewShotStudy) -> None:
    draw_shots(tmp_path / "shots.png", study.result)
    draw_roc(tmp_path / "roc.png", study.result)
    draw_confusion(tmp_path / "confusion.png", study.result, "trained")
    for name, picture in {
        "pr": precision_recall_picture(study.result), "reliability": reliability_picture(study.result),
        "rejection": rejection_picture(study.unknown), "supports": supports_picture(study.supports),
    }.items():  # fmt: skip
        picture.save(tmp_path / f"{name}.png")
    paths = list(tmp_path.iterdir())
    assert len(paths) == 7 and all(map(is_a_picture, paths))


def test_accuracy_and_its_interval_by_shots(study: FewShotStudy) -> None:
    heads, spaces = shots_picture(study.result).panels
    assert "trained" in heads.title and "prototype" in spaces.title
    containers = drawn(heads).containers
    assert [each.get_label() for each in containers] == list(study.plan.heads)
    for head, container in zip(study.plan.heads, containers, strict=True):
        found = [study.result.estimate("trained", head, shots, "accuracy") for shots in study.plan.shots]
        np.testing.assert_allclose(container.lines[0].get_ydata(), [each.mean for each in found])
        for each, segment in zip(found, container.lines[2][0].get_segments(), strict=True):
            assert each.patient is not None
            ends = min(each.patient.low, each.mean), max(each.patient.high, each.mean)
            np.testing.assert_allclose(segment[:, 1], ends)


def test_one_number_of_shots_makes_rows(tmp_path: Path) -> None:
    study = make_study(make_pool(), shots=(3,), bootstrap=0, leakage_gap=False, unknown=False, supports=0)
    picture = shots_picture(study.result)
    assert [label.get_text() for label in drawn(picture.panels[0]).get_yticklabels()] == list(study.plan.heads)
    picture.save(tmp_path / "shots.png")
    assert is_a_picture(tmp_path / "shots.png")


def test_roc_and_precision_recall_are_the_curves(study: FewShotStudy) -> None:
    for head in study.plan.heads:
        scores = study.result.scores[Setting("trained", head, 3)]
        assert scores.curve is not None
        roc = lines(roc_picture(study.result).panels[0])[f"{head} {scores.estimate('auc').mean:.3f}"]
        np.testing.assert_array_equal(roc, [scores.curve.false_positive_rate, scores.curve.recall])
        label = f"{head} {scores.curve.average_precision:.3f}"
        precision = lines(precision_recall_picture(study.result).panels[0])[label]
        np.testing.assert_array_equal(precision, [scores.curve.recall, scores.curve.precision])


def test_reliability_before_and_after(study: FewShotStudy) -> None:
    for head, panel in zip(study.plan.heads, reliability_picture(study.result).panels, strict=True):
        found = study.result.scores[Setting("trained", head, 3)].calibration
        assert panel.title == head and found.mended is not None
        shown = lines(panel)
        for told, label in ((found.raw, "as it comes"), (found.mended, f"T = {found.temperature:.2g}")):
            there = told.films > 0
            points = shown[f"{label}, ECE {told.ece:.3f}"]
            np.testing.assert_array_equal(points, [told.confidence[there], told.accuracy[there]])


def test_rejection_of_every_measure_and_space(study: FewShotStudy) -> None:
    picture = rejection_picture(study.unknown)
    for (space, measure, shots), found in study.unknown.items():
        if shots == 3:
            panel = next(panel for panel in picture.panels if panel.title == measure)
            np.testing.assert_array_equal(lines(panel)[f"{space} {found.auroc.mean:.3f}"], found.pooled.curve)


def test_the_spread_of_supports(study: FewShotStudy) -> None:
    axes = drawn(supports_picture(study.supports).panels[0])
    whole, most = axes.collections
    for place, found in enumerate(study.supports.values()):
        worst, low, _, high, best = found.quantiles
        np.testing.assert_allclose(whole.get_segments()[place], [(place, worst), (place, best)])
        np.testing.assert_allclose(most.get_segments()[place], [(place, low), (place, high)])


def test_sixteen_curves_look_different() -> None:
    looks = [tuple(sorted(_look(number).items())) for number in range(16)]
    assert len(set(looks)) == 16


def test_inline_figures_share_no_id_and_are_the_same_twice(study: FewShotStudy) -> None:
    pictures: dict[str, Picture] = {"roc": roc_picture(study.result), "shots": shots_picture(study.result)}
    first, again = ([svg for name, each in pictures.items() for svg in each.svgs(name)] for _ in range(2))
    assert first == again
    ids = [part.partition('"')[0] for svg in first for part in svg.split(' id="')[1:]]
    assert len(ids) > 8 and len(set(ids)) == len(ids)


def test_a_class_may_be_named_in_dollars(tmp_path: Path) -> None:
    study = make_study(make_pool(("$\\frac", "a$b$c", "<b>")), leakage_gap=False, unknown=False, supports=0)
    draw_confusion(tmp_path / "confusion.png", study.result, "trained")
    assert is_a_picture(tmp_path / "confusion.png")
