"""The page as a file: what it holds, that it fetches and evaluates nothing, and that it trusts no word."""

import base64
import hashlib
import io
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up_page import chests, make_page
from PIL import Image

from embedlearn.errors import ArgumentError, StorageError
from embedlearn.figures import COLOURS, GREY
from embedlearn.maps.page import NewFilms, PageData, write_page
from embedlearn.maps.page.columns import MISSING, columns_of
from embedlearn.maps.page.markup import HERE, SCRIPTS
from embedlearn.maps.page.packing import as_bytes, spread

HOSTILE = ("</script><script>pwned=1</script>", "<!--<script>", "\"'`${pwned=1}\\u003c\u2028]]>", "{{ 7*7 }}&lt;")


class Read(HTMLParser):
    """A page taken apart: its tags, and the text of each script."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.words: list[str] = []
        self.inside: str | None = None
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        data = {attributes["id"]: text for attributes, text in self.scripts if "type" in attributes}
        self.document, self.contents = (json.loads(data[name]) for name in ("document", "contents"))
        self.policy = next(attributes["content"] for _, attributes in self.tags if "http-equiv" in attributes) or ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside = tag
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        else:
            self.words.append(data)


def unpacked(text: str, dtype: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype)


def written(folder: Path, page: PageData) -> Read:
    write_page(folder / "map.html", page)
    return Read(folder / "map.html")


@pytest.fixture(scope="module")
def page() -> PageData:
    return make_page()


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory, page: PageData) -> Read:
    return written(tmp_path_factory.mktemp("page"), page)


def test_the_policy_names_the_scripts_and_allows_nothing_else(read: Read) -> None:
    rules = dict(rule.strip().split(" ", 1) for rule in read.policy.split(";"))
    assert rules["default-src"] == "'none'" and rules["img-src"] == "data:" and "connect-src" not in rules
    assert "unsafe-eval" not in read.policy and "http" not in read.policy
    run = [text for attributes, text in read.scripts if "type" not in attributes]
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in run]
    assert rules["script-src"].split() == [f"'sha256-{digest}'" for digest in digests] and len(run) == 2


def test_nothing_in_the_page_asks_for_another_file(read: Read) -> None:
    assert not {tag for tag, _ in read.tags} & {"link", "iframe", "object", "embed", "base", "form", "img", "a"}
    names = {name for _, attributes in read.tags for name in attributes}
    assert not names & {"src", "href"} and not [name for name in names if name.startswith("on")]
    for name in (*SCRIPTS, "page.css", "page.html.jinja"):
        text = (HERE / name).read_text(encoding="utf-8")
        assert not [word for word in ("http:", "https:", "//cdn", "@import", "url(", "fetch(", "eval(") if word in text]
        assert "new Function" not in text and "innerHTML" not in text


def test_words_from_the_data_never_become_markup(tmp_path: Path, page: PageData) -> None:
    films = len(page.ids)
    named = np.array(HOSTILE)[np.arange(films) % 4]
    read = written(tmp_path, replace(
        page, title=HOSTILE[0], ids=[f"{name} {row}" for row, name in enumerate(named)],
        maps={HOSTILE[0]: page.maps["blobs"]}, columns={"label": named, HOSTILE[1]: named}, notes=HOSTILE,
        quality={HOSTILE[0]: HOSTILE}, reliability={}, explained=HOSTILE[1],
        new=NewFilms(HOSTILE, {HOSTILE[0]: np.zeros((4, 2), np.float32)}, np.zeros(4, bool)),
    ))  # fmt: skip
    assert len(read.scripts) == 4
    rows = unpacked(read.contents["rows"], "<u4")
    assert read.contents["ids"] == [f"{named[row]} {row}" for row in rows]
    assert set(read.contents["columns"][0]["names"]) == set(HOSTILE) and read.contents["new"]["names"] == list(HOSTILE)
    assert HOSTILE[0] in read.words and "&amp;lt;" not in "".join(read.words)


def test_the_same_page_gives_the_same_bytes(tmp_path: Path, page: PageData) -> None:
    from bokeh.models import Range1d

    write_page(tmp_path / "one.html", page)
    assert Range1d().id  # takes one of the numbers from which Bokeh makes its ids
    write_page(tmp_path / "two.html", page)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_every_position_and_value_comes_back(page: PageData, read: Read) -> None:
    rows = unpacked(read.contents["rows"], "<u4")
    assert sorted(rows) == list(range(len(page.ids)))
    for found, (name, positions) in zip(read.contents["maps"], page.maps.items(), strict=True):
        assert found["name"] == name and found["quality"] == list(page.quality.get(name, ()))
        back = np.stack([unpacked(found[axis], "<f4") for axis in "xy"], axis=1)
        np.testing.assert_array_equal(back, positions[rows])
    columns = {column["name"]: column for column in read.contents["columns"]}
    for name in ("label", "source", "prediction"):
        words = np.array(columns[name]["names"])[unpacked(columns[name]["codes"], "<u4")]
        assert words.tolist() == page.columns[name][rows].tolist()
    np.testing.assert_array_equal(unpacked(columns["age"]["values"], "<f4"), page.columns["age"][rows])
    assert columns["reliability"]["map"] == "blobs" and columns["label"]["map"] is None


def test_explanations_come_back_to_half_a_step(page: PageData, read: Read) -> None:
    assert page.explanations is not None
    found, rows = read.contents["explanations"], unpacked(read.contents["rows"], "<u4")
    steps = unpacked(found["steps"], "i1").reshape(len(rows), found["rows"], found["columns"])
    scale = unpacked(found["scale"], "<f4")
    error = np.abs(steps * scale[:, None, None] - page.explanations[rows])
    assert (error <= 0.501 * scale[:, None, None]).all()
    assert not as_bytes(np.zeros((2, 3, 3), np.float32))[0].any()


def test_thumbnails_are_on_sheets_and_as_many_as_allowed(tmp_path: Path, page: PageData) -> None:
    thumbnails = np.repeat(np.repeat(np.arange(240, dtype=np.uint8)[:, None, None], 20, 1), 20, 2)
    read = written(tmp_path, replace(page, thumbnails=thumbnails, most_thumbnails=100))
    found, rows = read.contents["thumbnails"], unpacked(read.contents["rows"], "<u4")
    place = unpacked(found["place"], "<i4")
    shown = np.sort(rows[place >= 0])
    assert len(shown) == 100 and shown[0] == 0 and shown[-1] == 239 and set(np.diff(shown)) == {2, 3}
    assert "100 of the 240 films" in " ".join(read.words)
    [sheet] = (Image.open(io.BytesIO(base64.b64decode(text.split(",")[1]))) for text in found["sheets"])
    pixels = np.asarray(sheet).astype(int)
    for row, at in zip(rows[place >= 0], place[place >= 0], strict=True):
        top, left = (at // found["columns"]) * found["pitch"], (at % found["columns"]) * found["pitch"]
        assert np.abs(pixels[top : top + 20, left : left + 20] - row).max() <= 4


def test_films_are_shown_only_when_they_are_given(tmp_path: Path, page: PageData) -> None:
    read = written(tmp_path, replace(page, thumbnails=None, explanations=None, new=None))
    assert read.contents["thumbnails"] is None and "image/jpeg" not in (tmp_path / "map.html").read_text()
    assert not {"New films", "thumbnail"} & set(read.words)


def test_colours_go_to_the_commonest_classes_and_the_rest_is_joined() -> None:
    words = pd.Series(np.repeat(list("abcdefghi"), np.arange(10, 100, 10))).sample(frac=1, random_state=0)
    page = make_page(450, columns={"label": words.to_numpy(), "prediction": words.sample(frac=1, random_state=1)})
    label, prediction, _ = columns_of(page)
    counts = words.value_counts()
    assert [group.name for group in label.groups] == [*counts.index[:6], "other (3 more)"]
    assert [group.films for group in label.groups] == [*counts[:6], counts[6:].sum()]
    assert [group.colour for group in label.groups] == [*COLOURS[:6], GREY]
    assert [(group.name, group.colour) for group in prediction.groups] == [(g.name, g.colour) for g in label.groups]
    names = np.array([group.name for group in label.groups])[label.group]
    assert (names == words.where(words.isin(counts.index[:6]), "other (3 more)")).all()


def test_numbers_are_coloured_in_five_steps() -> None:
    ages = np.array([0.0, 19.9, 20, 55, 99.9, 100, np.nan], np.float32)
    page = make_page(
        7, columns={"age": ages, "share": ages / 200, "ok": ages > 50, "who": np.array([None, ""] + ["x"] * 5)}
    )
    age, share, ok, who, _ = columns_of(page)
    assert age.group.tolist() == [0, 0, 1, 2, 4, 4, 5] and age.groups[-1].name == MISSING
    cut = pd.cut(ages / 200, np.linspace(0, 1, 6), labels=False, right=False)
    assert share.group.tolist() == [*cut[:-1].astype(int), 5]
    assert [(group.name, group.films) for group in ok.groups] == [("no", 4), ("yes", 3)]
    assert [(group.name, group.films) for group in who.groups] == [("x", 5), (MISSING, 2)]


def test_films_of_one_place_stand_around_it_and_no_other(page: PageData) -> None:
    drawn, moved = spread(page.maps["grid"])
    assert moved and len(np.unique(drawn, axis=0)) == len(drawn)
    assert (np.rint(drawn) == page.maps["grid"]).all()
    same, moved = spread(page.maps["blobs"])
    assert not moved and same is page.maps["blobs"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"maps": {}}, "got 0 of 240"),
        ({"maps": {"a": np.zeros((3, 2), np.float32)}}, r"maps\['a'\]: wanted shape \[240, 2\], got \[3, 2\]"),
        ({"maps": {"a": np.full((240, 2), np.nan)}, "quality": {}, "reliability": {}}, "finite positions"),
        ({"columns": {"label": np.array(["x"])}}, r"columns\['label'\]: wanted shape \[240\]"),
        ({"quality": {"tsne": []}}, "no such map; wanted one of blobs, grid"),
        ({"thumbnails": np.zeros((240, 8, 9), np.uint8)}, r"thumbnails: wanted shape \[240, 8, 8\]"),
        ({"thumbnails": np.zeros((240, 8, 8))}, "wanted uint8, got float64"),
        ({"explanations": np.zeros((2, 7, 7))}, r"explanations: wanted \[240, h, w\]"),
        ({"new": NewFilms(["a"], {"tsne": np.zeros((1, 2))}, np.zeros(1, bool))}, "no such map; wanted one of blobs"),
        ({"new": NewFilms(["a"], {"grid": np.zeros((2, 2))}, np.zeros(1, bool))}, r"shape \[1, 2\], got \[2, 2\]"),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit_are_refused(tmp_path: Path, page: PageData, changes: dict, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        write_page(tmp_path / "map.html", replace(page, **changes))
    assert not list(tmp_path.iterdir())


def test_a_page_that_cannot_be_written_is_told(tmp_path: Path, page: PageData) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="nothing was changed"):
        write_page(tmp_path / "file" / "map.html", page)


def test_ten_thousand_films_with_thumbnails_stay_within_15_mb(tmp_path: Path) -> None:
    page = make_page(10_000)
    write_page(tmp_path / "map.html", replace(page, thumbnails=chests(10_000, 64)))
    assert (tmp_path / "map.html").stat().st_size < 15e6
