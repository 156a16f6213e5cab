"""The documents' tables: made from the stored results alone, between their markers, and nothing else is touched."""

import json
import re
from dataclasses import asdict

import pytest
from written_tables import brackets, cells

from embedlearn.errors import ArgumentError, StorageError
from experiments.benchmarks.measuring import Measurement
from experiments.systems.results import Missing, RowResult, Score
from experiments.tables import __main__ as tables
from experiments.tables.documents import filled, find_documents
from experiments.tables.named import make, table_names
from experiments.tables.store import Store

TOML = """title = "Old system"
main = "ours"

[[published]]
task = "three classes"
model = "Theirs"
metric = "accuracy"
value = 0.8702
protocol = "by image, 5 folds"
films = 1125

[[published]]
task = "three classes"
model = "Their best"
metric = "accuracy"
value = 0.95
protocol = "by image, 5 folds"
films = 1125
"""


def some(model, metric, value, protocol="by patient", shots=None, task="three classes"):
    return Score(task, protocol, model, metric, value, value - 0.1, value + 0.04, 1125, 980, shots=shots)


SCORES = (
    some("another", "accuracy", 0.5, "by image"),
    some("ours", "accuracy", 0.88, "by image"),
    some("ours", "accuracy", 0.71),
    some("untrained", "accuracy", 0.41),
    some("header probe", "accuracy", 0.9),
    some("ours", "AUC covid-19", 0.81),
    some("ours", "accuracy less header probe", -0.19),
    some("ours", "accuracy", 0.3, "episodes by patient", shots=1),
    some("ours", "accuracy", 0.6, "episodes by patient", shots=5),
)


@pytest.fixture
def store(tmp_path):
    """A store of one row without a result, and nothing else."""
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "old.toml").write_text(TOML, encoding="utf-8")
    return Store(tmp_path / "results", tmp_path / "rows")


def save(store, *, quick=False, missing=()):
    (store.results / "rows").mkdir(parents=True, exist_ok=True)
    RowResult("old", quick, {}, SCORES, missing).save(store.results / "rows" / "old.json")


def test_what_stands_between_markers_is_replaced_and_nothing_else():
    text = (
        "a\n<!-- table: x -->\nold\n| old |\n<!-- /table -->\n\n```\n<!-- table: shown -->\n```\nb  \n"
        "<!-- table: y -->\n<!-- /table -->"
    )
    done = filled(text, lambda name: f"[{name}]", "README.md")
    assert done == (
        "a\n<!-- table: x -->\n\n[x]\n\n<!-- /table -->\n\n```\n<!-- table: shown -->\n```\nb  \n"
        "<!-- table: y -->\n\n[y]\n\n<!-- /table -->"
    )
    assert filled(done, lambda name: f"[{name}]", "README.md") == done


@pytest.mark.parametrize(("text", "said"), [
    ("<!-- table: x -->\n", "line 1: table x has no end"),
    ("\n<!-- table: x -->\n<!-- table: y -->\n<!-- /table -->", "line 2: table x has no end"),
    ("\n<!-- /table -->", "line 2: .* ends no table"),
    ("<!-- table:x -->\n<!-- /table -->", "line 1: wanted <!-- table: NAME -->"),
    ("<!-- table: x -->\n<!-- /Table -->", "line 2: wanted"),
])  # fmt: skip
def test_a_marker_without_its_other_half_is_named_with_its_line(text, said):
    with pytest.raises(ArgumentError, match=f"^a.md, {said}"):
        filled(text, str, "a.md")


def test_the_command_writes_once_and_check_names_what_is_not_current(tmp_path, store, capsys):
    flags = ["--folder", str(tmp_path), "--results", str(store.results), "--rows", str(store.rows)]
    (tmp_path / "docs" / "deep").mkdir(parents=True)
    for name in ("README.md", "docs/deep/a.md"):
        (tmp_path / name).write_text("<!-- table: rows -->\n<!-- /table -->\n", encoding="utf-8")
    (tmp_path / "docs" / "b.md").write_text("no table", encoding="utf-8")
    before = (tmp_path / "README.md").read_bytes()
    with pytest.raises(SystemExit) as exit_:
        tables.main([*flags, "--check"])
    assert exit_.value.code == 1 and "not current: README.md, docs/deep/a.md;" in capsys.readouterr().out
    assert (tmp_path / "README.md").read_bytes() == before
    tables.main(flags)
    written = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in find_documents(tmp_path)}
    assert len(written) == 3 and b"Old system" in written[tmp_path / "README.md"][0]
    tables.main([*flags, "--check"])
    tables.main(flags)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in written} == written


def test_mistakes_are_one_line(tmp_path, store, refused):
    flags = ["--folder", tmp_path, "--results", store.results, "--rows", store.rows]
    readme = tmp_path / "README.md"
    readme.write_text("\n<!-- table: rwos -->\n<!-- /table -->\n", encoding="utf-8")
    said = refused(tables.main, *flags)
    assert "README.md, line 2: rwos: there is no such table" in said and "rows/old" in said
    (store.results / "benchmarks").mkdir(parents=True)
    for name, content in (("few-shot.json", "{"), ("audit.json", "{}"), ("benchmarks/mine.json", '[{"ours": 1}]')):
        (store.results / name).write_text(content, encoding="utf-8")
        readme.write_text(f"<!-- table: {name[:-5]} -->\n<!-- /table -->\n", encoding="utf-8")
        assert name in refused(tables.main, *flags)
    assert readme.read_text(encoding="utf-8").count("\n") == 2


@pytest.mark.parametrize("name", ["few-shot", "few-shot/heads", "transfer", "retrieval", "audit", "check", "benchmarks",
                                  "benchmarks/gallery", "rows/old"])  # fmt: skip
def test_a_result_that_is_not_there_is_said_to_be_with_its_command(store, name):
    assert re.search(r"Not run here: `python -m (embedlearn|experiments)\.\w+", make(name, store))


def test_a_row_shows_the_authors_figures_beside_every_score(store):
    save(store, missing=(Missing("ImageNet weights", "they are not here"),))
    text = make("rows/old", store)
    plain, differences, few = cells(text)
    assert [(line["model"], line["accuracy"]) for line in plain] == [
        ("*published:* Theirs", ".8702"), ("*published:* Their best", ".95"),
        *((each.model, brackets(each.value, each.low, each.high)) for each in SCORES[:5]),
    ]  # fmt: skip
    assert plain[0]["films (cases)"] == "1,125" and plain[4]["films (cases)"] == "1,125 (980)"
    assert [line["AUC covid-19"] for line in plain] == ["–"] * 4 + [".810 [.710 .850]"] + ["–"] * 2
    assert differences == [{
        "model": "ours", "protocol": "by patient", "accuracy less header probe": "−.190 [−.290 −.150]"
    }]  # fmt: skip
    assert few[0]["1 shot"] == brackets(0.3, 0.2, 0.34) and few[0]["5 shots"] == brackets(0.6, 0.5, 0.64)
    assert "- ImageNet weights: they are not here" in text


def test_the_overview_has_the_main_model_by_image_and_by_patient(store):
    assert set(list(cells(make("rows", store))[0][0].values())[4:]) == {"not run here"}
    save(store)
    [[line]] = cells(make("rows", store))
    assert line == {
        "system": "Old system", "question": "three classes: accuracy", "published": ".95 Their best, best of 2",
        "ours": "ours", "by image": ".880 [.780 .920]", "by patient": ".710 [.610 .750]",
        "untrained": ".410 [.310 .450]", "header probe": ".900 [.800 .940]", "border probe": "–",
    }  # fmt: skip
    save(store, missing=(Missing("probe", "no films"),))
    assert cells(make("rows", store))[0][0]["border probe"] == "not run here"


def test_a_quick_run_is_no_result(store):
    save(store, quick=True)
    with pytest.raises(StorageError, match="--quick"):
        make("rows", store)


def test_benchmarks_are_written_with_their_ratios(store):
    (store.results / "benchmarks").mkdir(parents=True)
    found = [Measurement("a | b", 143769.2, 1881.04, "easyfsl", 76.43, 5), Measurement("c", 0.0123, 1.5, "x", 0.911, 3)]
    (store.results / "benchmarks" / "mine.json").write_text(json.dumps([*map(asdict, found)]), encoding="utf-8")
    text = make("benchmarks/mine", store)
    assert "| a \\| b | 143,769 | 1,881 | easyfsl | 76.4 | 5 |\n| c | 0.0123 | 1.5 | x | 0.91 | 3 |" in text
    assert "| mine | c | 0.0123 |" in make("benchmarks", store) and "benchmarks/mine" in table_names(store)
