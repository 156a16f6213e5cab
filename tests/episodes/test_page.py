"""The page: one whole HTML file that fetches nothing, says everything, and trusts no name."""

import html
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from made_up_study import make_pool, make_study
from PIL import Image

from embedlearn.episodes.cautions import cautions
from embedlearn.episodes.page import write_page
from embedlearn.episodes.page.cells import METRICS
from embedlearn.episodes.page.summary import summary
from embedlearn.episodes.pool import Pool
from embedlearn.episodes.results import FewShotResult, Setting
from embedlearn.episodes.study import FewShotStudy
from embedlearn.errors import StorageError
from embedlearn.pages.numbers import number, p_value

VOID = {"meta", "img", "br"}
SETTINGS = {"shots": (1, 3), "out": None, "heads": ("prototype",)}


class Page(HTMLParser):
    """A page taken apart; it must be well formed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(self.source)
        self.close()
        assert self.open == []
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    def values(self, name: str) -> list[str]:
        return [attributes[name] or "" for _, attributes in self.tags if name in attributes]


def page_of(folder: Path, study: FewShotStudy, pool: Pool, **options: bool) -> Page:
    write_page(folder / "report.html", study, pool, SETTINGS, **options)
    return Page(folder / "report.html")


@pytest.fixture(scope="module")
def pool() -> Pool:
    return make_pool()


@pytest.fixture(scope="module")
def study(pool: Pool) -> FewShotStudy:
    return make_study(pool)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, study: FewShotStudy, pool: Pool) -> Page:
    return page_of(tmp_path_factory.mktemp("page"), study, pool)


def test_nothing_is_fetched_or_run(page: Page) -> None:
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "iframe", "object", "embed", "base", "form", "img"}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert all(value.startswith("#") for value in page.values("href"))
    assert set(re.findall(r"url\((.)", page.source)) == {"#"}
    assert "@import" not in page.source and not re.search(r"https?:|//\w", page.source)
    policy = next(attributes["content"] for tag, attributes in page.tags if "http-equiv" in attributes)
    assert policy is not None and policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")


def test_every_address_leads_to_one_place(page: Page) -> None:
    places = page.values("id")
    assert len(set(places)) == len(places)
    wanted = [value[1:] for value in page.values("href")] + re.findall(r"url\(#([^)]+)\)", page.source)
    assert set(wanted) <= set(places)


def test_the_sections_come_in_order(page: Page) -> None:
    sections = [attributes["id"] for tag, attributes in page.tags if tag == "section"]
    assert sections == [
        "summary", "scores", "heads", "shots", "queries", "confusion", "curves", "calibration", "unknown", "supports",
        "leakage", "episodes", "provenance",
    ]  # fmt: skip
    assert [attributes["href"] for tag, attributes in page.tags if tag == "a"] == [f"#{name}" for name in sections]


def test_every_head_score_and_caution_is_told(page: Page, study: FewShotStudy, pool: Pool) -> None:
    for name in (*METRICS.values(), "trained minus untrained, paired", "border probe", "Dirichlet", "medoids"):
        assert name in page.text
    for (space, head, _), scores in study.result.scores.items():
        found = scores.estimate("accuracy")
        assert found.patient is not None
        cell = f"{number(found.mean)} [{number(found.patient.low)}, {number(found.patient.high)}]"
        assert {space, head} <= set(page.text.split(" ")) | {"border probe"} and cell in page.text
    warnings = cautions(study, pool)
    assert len(warnings) > 4
    for line in (*(line.partition(": ")[2] for line in warnings), *summary(study), "Research use only", "e" * 64):
        assert line.replace("\N{NO-BREAK SPACE}", " ") in page.text.replace("\N{NO-BREAK SPACE}", " ")


def test_the_films_of_supports_and_of_extreme_episodes_are_named(page: Page, study: FewShotStudy) -> None:
    best, worst = study.extremes(3)
    episodes = study.result.episodes[3]
    for episode in (*best, *worst):
        assert f"episode {episode}, accuracy" in page.text
        for film in (*episodes.support[episode], *episodes.query[episode]):
            assert f"film-{film}.png" in page.words
    assert {f"film-{film}.png" for found in study.supports.values() for film in found.medoid} <= set(page.words)


def test_the_same_study_gives_the_same_bytes(tmp_path: Path, page: Page, study: FewShotStudy, pool: Pool) -> None:
    assert page_of(tmp_path, study, pool).source == page.source


def test_names_are_never_markup(tmp_path: Path) -> None:
    names = ("<script>alert(1)</script>", "a\"b'c&amp;d", "{{ 7*7 }} $x$ $")
    paths = [f"/films/<img src=x onerror=alert({number})>.png" for number in range(150)]
    pool = make_pool(names, paths)
    study = make_study(pool, heads=("prototype",), positive=names[0])
    page = page_of(tmp_path, study, pool)
    assert not {tag for tag, _ in page.tags} & {"script", "img"}
    assert not page.values("onerror")
    assert "&amp;lt;" not in page.source
    for name in names:
        assert name in page.text and html.escape(name, quote=False) in page.source.replace("&#34;", '"').replace(
            "&#39;", "'"
        )
    assert "<img src=x onerror=alert(0)>.png" in html.unescape(page.source)


def test_films_are_shown_only_when_asked_for(tmp_path: Path) -> None:
    for film in range(100):
        pixels = np.random.default_rng(film).integers(0, 255, (40, 60), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{film}.png")
    pool = make_pool(paths=[str(tmp_path / f"{film}.png") for film in range(150)])  # some are missing
    study = make_study(pool, heads=("prototype",), leakage_gap=False)
    shown = page_of(tmp_path, study, pool, thumbnails=True)
    pictures = shown.values("src")
    assert pictures and all(value.startswith("data:image/jpeg;base64,") for value in pictures)
    listed = re.findall(r"<li>(<img [^>]*>)?(\d+)\.png", shown.source)
    assert {bool(picture) for picture, film in listed if int(film) < 100} == {True}
    assert {bool(picture) for picture, film in listed if int(film) >= 100} == {False}
    hidden = page_of(tmp_path, study, pool)
    assert not hidden.values("src") and "Films are not shown" in hidden.text


def test_what_was_not_asked_for_leaves_nothing_behind(tmp_path: Path) -> None:
    pool = make_pool(beside=False)
    plan = {"heads": ("prototype",), "shots": (3,), "bootstrap": 0, "leakage_gap": False, "supports": 0}
    page = page_of(tmp_path, make_study(pool, **plan, unknown=False), pool)
    sections = [attributes["id"] for tag, attributes in page.tags if tag == "section"]
    assert sections == ["summary", "scores", "shots", "confusion", "curves", "calibration", "episodes", "provenance"]
    assert not re.search(r"mended|untrained|[Dd]irichlet|\bnan\b|\bNone\b", page.text)
    assert "by patient" not in page.text.replace("the interval by patient may be too narrow", "")
    assert not re.search(r"<tbody>\s*</tbody>|<details>\s*</details>|<td></td>", page.source)


def test_sixteen_heads_at_four_shots_stay_below_the_size_of_a_picture(
    tmp_path: Path, study: FewShotStudy, pool: Pool
) -> None:
    heads, shots = tuple(f"some-long-head-{number}" for number in range(16)), (1, 5, 10, 20)

    def widened(result: FewShotResult) -> FewShotResult:
        spaces = dict.fromkeys(setting.space for setting in result.scores)
        scores = {
            Setting(space, head, k): result.scores[Setting(space, "prototype", 3)]
            for k in shots for space in spaces for head in heads
        }  # fmt: skip
        return replace(result, scores=scores, episodes=dict.fromkeys(shots, result.episodes[3]))

    assert study.beside is not None and study.naive is not None
    large = replace(
        study, plan=replace(study.plan, heads=heads, shots=shots), result=widened(study.result),
        beside=widened(study.beside), naive=widened(study.naive),
    )  # fmt: skip
    page = page_of(tmp_path, large, pool)
    assert all(page.text.count(head) > 20 for head in heads)
    assert len(page.source.encode()) < 1_500_000


def test_a_page_that_cannot_be_written_leaves_nothing(tmp_path: Path, study: FewShotStudy, pool: Pool) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(StorageError, match=r"report\.html: cannot be written"):
        write_page(tmp_path / "report.html", study, pool, SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_gain_that_may_be_none_is_called_so(pool: Pool) -> None:
    spaces = {**pool.spaces, "untrained": pool.spaces["trained"]}
    study = make_study(replace(pool, spaces=spaces), unknown=False, supports=0, leakage_gap=False)
    assert any("cannot be told from no change" in line for line in summary(study))


def test_fine_tuning_has_a_section_where_it_was_asked_for(tmp_path: Path, study: FewShotStudy, pool: Pool) -> None:
    page = page_of(tmp_path, replace(study, fine_tuned=study.naive), pool)
    section = page.text.partition("The first of the episodes again")[2].partition("Confusion")[0]
    assert study.naive is not None
    for head in study.plan.heads:
        assert f"{head} {number(study.naive.estimate('trained', head, 3, 'accuracy').mean)}" in section


def test_a_support_of_unequal_shots_is_told_class_by_class(tmp_path: Path, pool: Pool) -> None:
    plan = {
        "shots": (1,),
        "shots_of": {"healthy": 4},
        "prevalence": {"covid-19": 0.2, "healthy": 0.4, "pneumonia": 0.4},
    }
    page = page_of(tmp_path, make_study(pool, **plan, heads=("prototype",), unknown=False), pool)
    assert "labelled films: 1 of covid-19, 4 of healthy, 1 of pneumonia" in page.text
    assert "queries weighed covid-19 0.2, healthy 0.4, pneumonia 0.4" in page.text


@pytest.mark.parametrize(
    ("value", "options", "written"),
    [
        (0.7414, {}, ".741"), (-0.0124, {}, "−.012"), (1.0, {}, "1.000"), (10.04, {}, "10.040"), (20.5, {}, "20.500"),
        (0.05, {"signed": True}, "+.050"), (-0.0001, {"signed": True}, ".000"), (0.597, {"digits": 2}, ".60"),
        (float("nan"), {}, "–"), (None, {}, "–"),
    ],
)  # fmt: skip
def test_numbers(value: float | None, options: dict[str, bool], written: str) -> None:
    assert number(value, **options) == written


def test_p_values_claim_no_more_than_three_decimals() -> None:
    assert [p_value(value) for value in (0.0, 0.0004, 0.0096, 1.0, None)] == ["<.001", "<.001", ".010", "1.000", "–"]
