"""Every published tree is known by its own layout, and by no other."""

from pathlib import Path

import pytest
from trees import TREES, layout_of

from embedlearn.radiographs.layouts import PUBLISHED, read_data

NAMES = [layout.NAME for layout in PUBLISHED]


@pytest.mark.parametrize("tree", TREES)
def test_a_tree_is_recognised_by_its_own_layout_only(tmp_path: Path, tree: str) -> None:
    TREES[tree](tmp_path)
    recognising = [layout.NAME for layout in PUBLISHED if layout.recognises(tmp_path)]
    assert recognising == [name for name in NAMES if name == layout_of(tree)]


@pytest.mark.parametrize("tree", TREES)
def test_a_tree_is_read_by_its_own_layout(tmp_path: Path, tree: str) -> None:
    TREES[tree](tmp_path / "films")
    manifest = read_data(tmp_path / "films")
    named = read_data(f"{layout_of(tree)}:{tmp_path / 'films'}")
    assert len(manifest) == len(named) > 0
    assert manifest.digest() == named.digest()
    assert manifest.paths == named.paths
    own = layout_of(tree) if layout_of(tree) in NAMES else "films"
    assert {source.partition("/")[0] for source in manifest.counts("source")} == {own}


def test_every_published_layout_has_a_tree() -> None:
    made_elsewhere = {"phantoms"}
    assert set(NAMES) - made_elsewhere <= {layout_of(tree) for tree in TREES}
