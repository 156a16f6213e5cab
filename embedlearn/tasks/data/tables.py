"""A survey as tables: what is in each class of each source, and what is known of the films."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from embedlearn.radiographs.reading import FilmHeader
from embedlearn.tasks.data.survey import Survey

HEADINGS = ("source", "class", "films", "patients", "no patient", "sizes", "modes")
COUNTED = ("view", "split", "published_split", "sex", "licence")
MOST = 8  # values that are listed


class Counted(NamedTuple):
    """Films of a source and class: how many, of how many patients, of how many none is known, and their headers."""

    source: str
    label: str
    films: int
    patients: int
    unknown: int
    headers: list[FilmHeader]

    def row(self) -> tuple[str, ...]:
        """As words under `HEADINGS`."""
        numbers = (f"{number:,}" if number else "" for number in (self.films, self.patients, self.unknown))
        return self.source, self.label, *numbers, sizes(self.headers), modes(self.headers)

    def plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        found = _by_area(self.headers)
        return {
            "source": self.source,
            "class": self.label,
            "films": self.films,
            "patients": self.patients,
            "patient_unknown": self.unknown,
            "sizes": len(found),
            "smallest": list(found[0]) if found else None,
            "largest": list(found[-1]) if found else None,
            "modes": dict(Counter(header["mode"] for header in self.headers).most_common()),
        }


def count_classes(survey: Survey) -> list[Counted]:
    """Each class of each source; a film of several findings counts in each."""
    counts = []
    for (source, label), found in survey.findings.groupby(["source", "class"]):
        headers = [header for place in found.index if (header := survey.headers[place])]
        patients = survey.frame["patient"].loc[found.index]
        unknown = int(patients.isna().sum())
        counts.append(Counted(str(source), str(label), len(found), patients.nunique(), unknown, headers))
    return counts


def known_rows(survey: Survey) -> list[tuple[str, str]]:
    """What is known of the films beside their class: a name, and the values with their counts."""
    frame = survey.frame
    patients = frame["source"].str.cat(frame["patient"], "/")
    unknown = int(patients.isna().sum())
    people = f"{patients.nunique():,}" + (f", not known of {unknown:,} films" if unknown else "")
    rows = [("films", f"{len(frame):,}"), ("patients", people)]
    for name in COUNTED:
        if name in frame and frame[name].notna().any():
            rows.append((name.replace("_", " "), counted(frame[name])))
    if "age" in frame and frame["age"].notna().any():
        rows.append(("age", _ages(frame["age"])))
    headers = [header for header in survey.headers if header]
    rows += [("modes", modes(headers)), ("formats", _listed(header["format"] for header in headers))]
    return rows


def counted(values: pd.Series) -> str:
    """The values and how many films have each, the commonest first, as in: PA 20, AP 10, not known 3."""
    missing = int(values.isna().sum())
    said = _listed(values.dropna())
    return f"{said}, not known {missing:,}" if missing else said


def sizes(headers: Sequence[FilmHeader]) -> str:
    """The width and height of films in pixels; where they have several, how many, and the smallest and largest."""
    found = _by_area(headers)
    ends = " to ".join(f"{width}×{height}" for width, height in dict.fromkeys([*found[:1], *found[-1:]]))
    return f"{len(found):,}: {ends}" if len(found) > 1 else ends


def modes(headers: Sequence[FilmHeader]) -> str:
    """The colour modes and how many films have each."""
    return _listed(header["mode"] for header in headers)


def _listed(values: Iterable[str]) -> str:
    counts = Counter(values).most_common()
    rest = sum(count for _, count in counts[MOST:])
    said = ", ".join(f"{value} {count:,}" for value, count in counts[:MOST])
    return f"{said}, {len(counts) - MOST} others {rest:,}" if rest else said


def _by_area(headers: Sequence[FilmHeader]) -> list[tuple[int, int]]:
    """The different widths and heights, the smallest area first."""
    return sorted({(one["width"], one["height"]) for one in headers}, key=lambda size: (size[0] * size[1], size))


def _ages(ages: pd.Series) -> str:
    years = pd.to_numeric(ages, errors="coerce").dropna().to_numpy(float)
    missing = len(ages) - len(years)
    said = "" if not len(years) else f"{years.min():g} to {years.max():g} years, median {np.median(years):g}"
    return f"{said}, not known {missing:,}" if missing else said
