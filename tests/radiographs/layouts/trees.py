"""All published sets as small trees: a builder NAME_tree, or NAME_release_tree, makes one in an empty folder."""

from collections.abc import Callable, Mapping
from pathlib import Path

import covid_trees
import hospital_trees

Builder = Callable[[Path], None]

TREES: Mapping[str, Builder] = {
    name.removesuffix("_tree"): build
    for module in (covid_trees, hospital_trees)
    for name, build in vars(module).items()
    if name.endswith("_tree")
}


def layout_of(tree: str) -> str:
    """The layout that a tree is of: "radiography_v5" -> "radiography"."""
    return tree.partition("_")[0]
