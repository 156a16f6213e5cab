"""Imports point one way, from commands down to plain Python; importing does nothing else."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import embedlearn
from embedlearn.__main__ import COMMANDS

ROOT = Path(embedlearn.__file__).parent

FACE = ""  # the names that `import embedlearn` offers

# Each room of the house may import those of the floors below, and those beside it.
FLOORS = (
    ("errors",),
    ("arrays", "flags", "files"),
    ("provenance", "figures"),
    ("radiographs",),
    ("pages",),
    ("encoders",),
    ("embeddings",),
    ("gallery", "episodes", "audits", "maps", "explanations"),
    ("console", "sources", "web"),
    (
        "tasks",
        "tasks.base",
        "tasks.training",
        "tasks.sharding",
        "tasks.unseen",
        "tasks.lungs",
        "tasks.findings",
        "tasks.cards",
    ),
    ("tasks.fewshot", "tasks.gallery", "tasks.maps", "tasks.explain", "tasks.audit", "tasks.data", "tasks.serve"),
    (*COMMANDS, FACE),
    ("__main__",),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
TENSORS = {"torch", "torchvision", "pytorch_metric_learning", "lightning", "lightning_fabric", "timm"}
DRAWING = {"umap", "openTSNE", "minisom", "bokeh", "pytorch_grad_cam"}
WITH_TENSORS = {
    "encoders", "explanations", "sources", "tasks.training", "tasks.sharding", "tasks.findings", "tasks.fewshot",
    "tasks.maps", "tasks.explain", "tasks.audit", "tasks.data", "tasks.base", "tasks.serve", "web", *COMMANDS,
}  # fmt: skip
# Of the commands' rooms, what works on embeddings alone.
WITHOUT_TORCH = {
    f"embedlearn.tasks.{name}"
    for name in ("maps.drawing", "maps.fitting", "maps.flags", "maps.paging", "maps.spaces", "maps.telling")
} | {f"embedlearn.tasks.gallery.{name}" for name in ("asking", "flags", "indexing", "pictures", "showing")}
WITHOUT_ENCODERS = {"gallery", "episodes", "audits", "embeddings", "maps", "pages"}


class Import(NamedTuple):
    """One import statement, wherever in the module it stands."""

    module: str
    """The module that imports, such as embedlearn.radiographs.cache."""
    target: str
    """What it imports: a module, or a name inside one."""
    line: int
    at_top: bool
    """Whether importing the module runs the statement."""


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def read_imports(path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = {id(inner) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            targets = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in targets:
            yield Import(module_name(path), target, node.lineno, id(node) in top)


PATHS = sorted(ROOT.rglob("*.py"))
MODULES = {module_name(path) for path in PATHS}
IMPORTS = [found for path in PATHS for found in read_imports(path)]
OURS = [found for found in IMPORTS if found.target.split(".")[0] == "embedlearn"]


def room_of(name: str) -> str:
    """embedlearn.radiographs.cache -> radiographs; the package itself, and names that it offers -> the face.

    Inside the tasks every command has a room of its own: embedlearn.tasks.maps.flags -> tasks.maps.
    """
    _, *parts = name.split(".")
    room = ".".join(parts[: 2 if parts[:1] == ["tasks"] else 1])
    while room and f"embedlearn.{room}" not in MODULES:
        room = room.rpartition(".")[0]
    return room or FACE


def show(found: list[Import]) -> list[str]:
    return [f"{one.module}, line {one.line}, imports {one.target}" for one in found]


def test_the_parser_finds_what_is_there() -> None:
    assert {"embedlearn.errors", "embedlearn.radiographs", "embedlearn.radiographs.cache"} <= MODULES
    found = {(one.module, one.target, one.at_top) for one in IMPORTS}
    assert ("embedlearn.radiographs.cache", "embedlearn.errors.StorageError", True) in found
    assert ("embedlearn.radiographs.manifest", "pandas", False) in found


def test_every_module_has_a_floor_and_every_room_is_there() -> None:
    assert {room_of(name) for name in MODULES} == set(FLOOR_OF), (
        "give the room a floor, or the command a line in COMMANDS; or take the floor away"
    )


def test_no_task_knows_another() -> None:
    tasks = {room for room in FLOOR_OF if room.startswith("tasks.") and FLOOR_OF[room] == FLOOR_OF["tasks.maps"]}
    crossing = [one for one in OURS if {room_of(one.module), room_of(one.target)} <= tasks]
    assert show([one for one in crossing if room_of(one.module) != room_of(one.target)]) == []


def test_imports_point_down() -> None:
    upward = [one for one in OURS if FLOOR_OF[room_of(one.target)] > FLOOR_OF[room_of(one.module)]]
    assert show(upward) == []


def test_nobody_imports_a_command() -> None:
    commands = {*COMMANDS, "__main__"}
    assert show([one for one in OURS if room_of(one.target) in commands and room_of(one.module) != "__main__"]) == []


def test_the_console_is_for_commands_only() -> None:
    users = [one for one in OURS if room_of(one.target) == "console"]
    assert show([one for one in users if FLOOR_OF[room_of(one.module)] < FLOOR_OF["sources"]]) == []
    assert {one.target for one in OURS if room_of(one.module) == "console"} == {"embedlearn.errors.EmbedlearnError"}


def test_modules_form_no_circle() -> None:
    graph: dict[str, set[str]] = {name: set() for name in MODULES}
    for one in OURS:
        target = one.target if one.target in MODULES else one.target.rpartition(".")[0]
        if target != one.module:
            graph[one.module].add(target)
    assert set(TopologicalSorter(graph).static_order()) == MODULES  # which raises CycleError, naming the circle


def test_tensors_stay_in_their_rooms() -> None:
    strays = [one for one in IMPORTS if one.target.split(".")[0] in TENSORS and room_of(one.module) not in WITH_TENSORS]
    assert show(strays) == []


def test_commands_load_neither_arrays_nor_tensors_before_they_act() -> None:
    heavy = {*TENSORS, "numpy", "pandas", "scipy", "sklearn", "matplotlib", "faiss", "pyarrow", "numba", *DRAWING}
    early = [
        one
        for one in IMPORTS
        if room_of(one.module) in {*COMMANDS, "__main__"} and one.at_top and one.target.split(".")[0] in heavy
    ]
    assert show(early) == []


def test_answering_knows_no_encoder() -> None:
    strays = [one for one in OURS if room_of(one.module) in WITHOUT_ENCODERS and room_of(one.target) == "encoders"]
    assert show(strays) == []


@pytest.mark.parametrize("room", [*sorted(WITHOUT_ENCODERS), "tasks"])
def test_answering_needs_no_torch(room: str) -> None:
    names = sorted(WITHOUT_TORCH if room == "tasks" else {name for name in MODULES if room_of(name) == room})
    assert set(names) <= MODULES
    code = "import importlib, json, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
    code += "; print(json.dumps([name for name in ('torch', 'tyro') if name in sys.modules]))"
    allowed = ["tyro"] if room == "tasks" else []  # flags are tyro's
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == allowed


def test_importing_prints_nothing_and_touches_no_generator() -> None:
    code = """
import importlib, sys
import numpy, torch
def states():
    return torch.get_rng_state().tolist(), numpy.random.get_state()[1].tolist(), numpy.random.get_state()[2]
before = states()
for name in sys.argv[1:]:
    importlib.import_module(name)
assert states() == before, "a global generator was seeded or drawn from"
"""
    done = subprocess.run([sys.executable, "-c", code, *sorted(MODULES)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
