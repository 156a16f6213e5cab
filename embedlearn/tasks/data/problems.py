"""What in a data set a user should know of before training: each a line with a count and the first film."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from embedlearn.radiographs.manifest import FURTHER
from embedlearn.radiographs.reading import DEEP_MODES, MAX_PIXELS, MIN_SIDE, FilmHeader
from embedlearn.tasks.data.survey import Survey

FEW = 10  # patients of a class, below which intervals are wide
MOST = 12  # classes that are named in a line
HOW_READ = {
    "CMYK": "read as RGB, then as luminance",
    "YCbCr": "read as RGB, then as luminance",
    "LAB": "read as RGB, then as luminance",
    "HSV": "read as RGB, then as luminance",
    "P": "read through their palette as luminance",
    "PA": "read through their palette as luminance, transparency on black",
    "RGBA": "read as luminance, transparency on black",
    "RGBX": "read as RGB, then as luminance",
    "LA": "read as grey, transparency on black",
    "La": "read as grey, transparency on black",
}


@dataclass(frozen=True)
class Problem:
    """One kind of problem: its name for programs, the sentence, how many it is of, and the films, the first first."""

    key: str
    sentence: str
    count: int
    films: tuple[str, ...] = ()


def find_problems(survey: Survey) -> list[Problem]:
    """All that was found, what stops other commands first."""
    return [*_of_files(survey), *_of_headers(survey), *_copies(survey), *_of_rows(survey), *_of_classes(survey)]


def one_line(path: object) -> str:
    """A path or a word so that it takes one line, its line breaks and the like written out."""
    text = str(path)
    return text if text.isprintable() else repr(text)[1:-1]


def _of_films(key: str, what: str, films: Iterable[str]) -> Iterator[Problem]:
    """A problem of these films, `what` following their number; none where there are none."""
    films = tuple(films)
    if films:
        number = "1 film" if len(films) == 1 else f"{len(films):,} films"
        first = f"the first is {one_line(films[0])}" if len(films) > 1 else one_line(films[0])
        yield Problem(key, f"{number} {what}: {first}", len(films), films)


def _of_files(survey: Survey) -> Iterator[Problem]:
    paths = survey.frame["path"]
    torn = [place for place in survey.bad if place not in survey.several]
    yield from _of_films("unreadable", "cannot be read (--skip-bad leaves them out)", paths.iloc[torn])
    frames = "with several frames (data convert --frame takes out one or all)"
    yield from _of_films("frames", frames, paths.iloc[list(survey.several)])
    yield from _of_films(
        "names", "with a line break or the like in the name", (p for p in paths if not p.isprintable())
    )
    if survey.links:
        sentence = f"links to folders, which are not followed: {len(survey.links)}, the first is "
        films = tuple(map(str, survey.links))
        yield Problem("links", sentence + one_line(films[0]), len(films), films)


def _of_headers(survey: Survey) -> Iterator[Problem]:
    films = [(path, header) for path, header in zip(survey.frame["path"], survey.headers, strict=True) if header]
    if survey.digests is None:  # else they are among those that cannot be read
        beyond = f"beyond {MAX_PIXELS // 10**6} million pixels or below {MIN_SIDE} a side, which other commands refuse"
        yield from _of_films("sides", beyond, (path for path, header in films if _is_beyond(header)))
    deep = "of 16 bits or more, each scaled by its own smallest and largest value"
    yield from _of_films("deep", deep, (path for path, header in films if header["mode"] in DEEP_MODES))
    by_mode: dict[str, list[str]] = {}
    for path, header in films:
        by_mode.setdefault(header["mode"], []).append(path)
    for mode in (name for name in HOW_READ if name in by_mode):
        yield from _of_films(f"mode-{mode}", f"of mode {mode}, {HOW_READ[mode]}", by_mode[mode])
    turned = "lie on their side and are turned as their EXIF says"
    yield from _of_films("turned", turned, (path for path, header in films if header["turned"]))


def _is_beyond(header: FilmHeader) -> bool:
    width, height = header["width"], header["height"]
    return width * height > MAX_PIXELS or min(width, height) < MIN_SIDE


def _copies(survey: Survey) -> Iterator[Problem]:
    """Films whose files are the same, byte for byte."""
    if survey.digests is None:
        return
    frame = survey.frame.assign(digest=survey.digests)
    frame = frame[frame["digest"] != ""]
    alike = frame[frame.duplicated("digest", keep=False)]
    again = alike[alike.duplicated("digest")]
    parted = {name: alike.groupby("digest")[name].transform("nunique") > 1 for name in ("source", "label")}
    said = "".join(f", {held[again.index].sum():,} across {name}s" for name, held in parted.items() if held.any())
    yield from _of_films("copies", f"are a file that stands here already, byte for byte{said}", again["path"])


def _of_rows(survey: Survey) -> Iterator[Problem]:
    frame = survey.frame
    yield from _of_films("patients", "without a known patient", frame["path"][frame["patient"].isna()])
    for name in ("view", *(name for name in FURTHER if name in frame and name != "labels")):
        missing = frame[name].isna() | (frame[name] == "")
        if not missing.all():
            yield from _of_films(f"no-{name}", f"without a known {name}", frame["path"][missing])
    if not survey.has_sets:
        known = frame[frame["patient"].notna()]
        labels = known.groupby(["source", "patient"])["label"].transform("nunique")
        torn = known[labels > 1]
        count = len(torn[["source", "patient"]].drop_duplicates())
        whose = f"of {count:,} patient{'s' if count != 1 else ''} with different labels"
        yield from _of_films("labels", whose, torn["path"])


def _of_classes(survey: Survey) -> Iterator[Problem]:
    findings = survey.findings
    people = findings.groupby("class")["person"].nunique()
    if few := [f"{name} ({count})" for name, count in people.items() if count < FEW]:
        yield Problem("few", f"classes of fewer than {FEW} patients: {_some(few)}", len(few))
    sources: pd.Series[int] = findings.groupby("class")["source"].nunique()
    if findings["source"].nunique() > 1 and (sources == 1).any():
        alone = findings.drop_duplicates("class").set_index("class")["source"][sources.index[sources == 1]]
        named = _some([f"{name} (in {source})" for name, source in alone.items()])
        why = "where the class and the source cannot be told apart"
        yield Problem("one-source", f"classes in one source only, {why}: {named}", len(alone))


def _some(names: Sequence[str]) -> str:
    """How many there are, and the first of them by name."""
    rest = f" and {len(names) - MOST:,} more" if len(names) > MOST else ""
    return f"{len(names):,}, {', '.join(names[:MOST])}{rest}"
