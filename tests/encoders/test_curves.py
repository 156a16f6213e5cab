"""The picture of a training."""

import numpy as np
import pytest
from PIL import Image

from embedlearn.encoders.curves import draw_curves
from embedlearn.errors import StorageError

HISTORY = [
    {"epoch": k, "label_loss": 1 / k, "instance_loss": 2 / k, "val_recall_at_1": 0.5, "val_knn": 1 - 1 / k}
    for k in (1, 2, 3)
]


@pytest.mark.parametrize("epochs", [1, 3])
def test_the_curves_are_a_png_of_a_sensible_size_with_something_on_it(tmp_path, epochs):
    path = tmp_path / "curves.png"
    draw_curves(path, HISTORY[:epochs], kept=epochs - 1, title="toy")
    with Image.open(path) as drawn:
        assert drawn.format == "PNG" and drawn.size == (1200, 480)
        assert 0.01 < np.mean(np.asarray(drawn.convert("L")) < 200) < 0.3
    assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]


def test_the_same_history_gives_the_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        draw_curves(tmp_path / name, HISTORY, kept=1, title="toy")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_where_nothing_can_be_written_the_path_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="curves.png: cannot be written"):
        draw_curves(tmp_path / "file" / "curves.png", HISTORY, kept=0, title="toy")


def test_a_training_on_findings_shows_each_and_their_mean(tmp_path):
    aucs = [{"val_mean_auc": 0.5 + k / 10, "val_auc mass": 0.6, "val_auc edema": 0.4 + k / 5} for k in (1, 2, 3)]
    history = [{**row, **found} for row, found in zip(HISTORY, aucs, strict=True)]
    draw_curves(tmp_path / "findings.png", history, kept=2, title="toy")
    draw_curves(tmp_path / "classes.png", HISTORY, kept=2, title="toy")
    assert (tmp_path / "findings.png").read_bytes() != (tmp_path / "classes.png").read_bytes()
