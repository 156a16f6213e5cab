"""The data card: which films a run was made of, who is in them, how they were split, and what is not known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from embedlearn.encoders.runs import CONFIG
from embedlearn.radiographs.splits import PARTS
from embedlearn.tasks.cards.facts import Facts
from embedlearn.tasks.cards.notes import OF_FILMS, known_notes
from embedlearn.tasks.cards.words import SPLITS, bullets, clean, counted, listed, spaced, table

if TYPE_CHECKING:
    import pandas as pd

UNKNOWN = "not known"
TOLD = ("view", "age", "sex", "licence")
FEWEST = 5  # films of a label of which ages, or one sex or view, are told together
TOO_FEW = f"not told: fewer than {FEWEST} films of a value"


def data_card(facts: Facts) -> str:
    """The card as Markdown."""
    films = facts.films
    lines = [
        f"# Data card: the films of {clean(facts.name)}", "", *_summary(facts),
        "## Sources", "", *(_bare(facts) if films is None else _sources(films)),
        *([] if films is None else ["## Films and cases", "", *_splits(films), "## Who is in it", "", *_people(films)]),
        "## How they were split", "", *bullets(_splitting(facts)),
        "## What is not known", "", *bullets(_unknown(facts)),
        *_notes(facts),
        "## Where to find what", "", *bullets(_places(facts)),
        "embedlearn wrote this card from the files of the run's folder. No path, no film's name and no patient stands "
        "in it; a source is called as its folder or table is. `MODEL_CARD.md` beside it tells of the encoder. "
        "What a data card should say: [Gebru 2021](https://doi.org/10.1145/3458723).",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _summary(facts: Facts) -> Iterator[str]:
    data = facts.config["data"]
    films = sum(count for split in data["counts"].values() for count in split.values())
    labels = sorted({*data["labels_seen"], *data["labels_never_seen"]})
    yield (
        f"{counted(films, 'film')} from {counted(len(facts.sources), 'source')} ({listed(facts.sources)}), labelled "
        f"{listed(labels)}. They made an encoder that tells {listed(facts.settings['classes'])} apart, and test it."
    )
    yield ""
    if facts.synthetic:
        yield "**All of them are synthetic phantoms: drawings, of no patient.**"
    else:
        yield "**Research use only.** The run's folder holds no film; for the films their owners' terms hold."
    yield ""


def _sources(films: pd.DataFrame) -> list[str]:
    rows = []
    for source, own in films.groupby("source"):
        named = own["patient"].dropna()
        rows.append(
            (
                clean(str(source)),
                len(own),
                int(own["case"].nunique()),
                int(named.nunique()),
                int(own["patient"].isna().sum()),
                _values(own, "licence"),
            )
        )
    heads = ("source", "films", "cases", "patients named", "films without a patient", "licences the data names")
    return table(heads, rows)


def _bare(facts: Facts) -> list[str]:
    """Films by source, label and split, where the manifest cannot be read."""
    counts: Mapping[str, Mapping[str, int]] = facts.config["data"]["counts"]
    names = sorted({name for split in counts.values() for name in split})
    rows = [(clean(name), *(counts.get(split, {}).get(name, 0) for split in SPLITS)) for name in names]
    return table(("source: label", *SPLITS.values()), rows)


def _splits(films: pd.DataFrame) -> list[str]:
    """Films, and cases in brackets, of each label by split."""
    present = [split for split in SPLITS if (films["split"] == split).any()]
    rows = [
        (clean(str(label)), *(_films_of_cases(own[own["split"] == split]) for split in present))
        for label, own in films.groupby("label")
    ]
    whole = ("all", *(_films_of_cases(films[films["split"] == split]) for split in present))
    told = "Films, and in brackets their cases: what must stay together, by patient and by near-identical picture."
    return [told, "", *table(("label", *(SPLITS[split] for split in present)), [*rows, whole])]


def _films_of_cases(films: pd.DataFrame) -> str:
    return f"{len(films):,} ({films['case'].nunique():,})" if len(films) else "–"


def _people(films: pd.DataFrame) -> list[str]:
    """View, sex and age by label, as far as they are told."""
    if not any(name in films and films[name].notna().any() for name in ("view", "sex", "age")):
        return ["Of no film is the view, or the patient's age or sex, known.", ""]
    rows = [
        (clean(str(label)), _values(own, "view", FEWEST), _values(own, "sex", FEWEST), _ages(own))
        for label, own in films.groupby("label")
    ]
    return table(("label", "view", "sex", "age, middle half"), rows)


def _values(films: pd.DataFrame, name: str, fewest: int = 1) -> str:
    """Each value of a column with its films, the most frequent first; none where one of them has too few."""
    if name not in films:
        return UNKNOWN
    counts = films[name].fillna(UNKNOWN).value_counts()
    ordered = sorted(counts.items(), key=lambda pair: (pair[0] == UNKNOWN, -pair[1], str(pair[0])))
    if [value for value, _ in ordered] == [UNKNOWN]:
        return UNKNOWN
    if any(count < fewest for value, count in ordered if value != UNKNOWN):
        return TOO_FEW
    return ", ".join(f"{clean(str(value))} {count:,}" for value, count in ordered)


def _ages(films: pd.DataFrame) -> str:
    import pandas as pd

    if "age" not in films:
        return UNKNOWN
    years = pd.to_numeric(films["age"], errors="coerce").dropna().astype(float)
    if len(years) < FEWEST:
        return UNKNOWN if years.empty else f"of {counted(len(years), 'film')} only"
    low, middle, high = years.quantile([0.25, 0.5, 0.75])
    return f"{low:.0f} to {high:.0f} years, median {middle:.0f}; {len(films) - len(years):,} {UNKNOWN}"


def _splitting(facts: Facts) -> Iterator[str]:
    settings, films = facts.settings, facts.films
    shares = spaced(f"{settings['val']:.0%} to validation, {settings['test']:.0%} to test")
    how = f"cases by lot within each source and class, seed {settings['seed']}, about {shares}"
    if settings["split"] == "auto":
        how = f"as the data says where it brings a split; else {how}"
    yield f"Films of {listed(settings['classes'])}: {how}."
    if never := facts.config["data"]["labels_never_seen"]:
        yield (
            f"Films of every other label ({listed(never)}), and whatever shares a case with them, are set aside: "
            "this training does not see them."
        )
    if films is None:
        return
    torn = films[films["split"].isin(PARTS)].groupby("case")["split"].nunique().gt(1).sum()
    yield (
        "No case stands in two splits; that was counted from the manifest for this card."
        if not torn
        else f"{counted(int(torn), 'case stands', 'cases stand')} in two splits: the data's own split tears them apart."
    )
    alone = films["patient"].isna()
    person = (films["source"] + "/" + films["patient"]).where(~alone, "row " + films.index.astype("string"))
    joined = counted(int(person.groupby(films["case"]).nunique().gt(1).sum()), "case holds", "cases hold")
    yield f"{joined} films that no common patient joins, but that are near-identical pictures."
    if repeated := int(films["sha256"].duplicated().sum()):
        yield f"{counted(repeated, 'film is', 'films are')} the same file as another, byte for byte."


def _unknown(facts: Facts) -> Iterator[str]:
    yield "Who labelled the films, from what, and how often they err: the data's authors may tell; the files do not."
    films = facts.films
    if films is None:
        yield (
            "`manifest.csv` is missing or is not the file that `config.json` speaks of: patients, ages, sexes, views "
            "and licences are not told here."
        )
        return
    for label, own in films.groupby("label"):
        if nameless := int(own["patient"].isna().sum()):
            yield f"The patients of {nameless:,} of {len(own):,} films of {clean(str(label))}."
    told = {name: 0 if name not in films else int(films[name].notna().sum()) for name in TOLD}
    if none := [name for name, count in told.items() if not count]:
        yield f"The {listed(none)} of every film."
    for name, count in told.items():
        if 0 < count < len(films):
            yield f"The {name} of {len(films) - count:,} of {len(films):,} films."
    whole = films["label"].str.partition("/")[0]  # a finer label may be known in one source only
    spread = films["source"].groupby(whole).nunique()
    if lonely := [str(label) for label, count in spread.items() if count < films["source"].nunique()]:
        yield f"Whether {listed(lonely)} would be told as well elsewhere: not every source has such films."


def _notes(facts: Facts) -> list[str]:
    names = {part for source in facts.sources for part in (source, source.partition("/")[0])}
    told = known_notes(facts.notes, OF_FILMS, names, CONFIG)
    return ["## What the readers of the data noted", "", *told] if told else []


def _places(facts: Facts) -> Iterator[str]:
    data = facts.config["data"]
    yield "`manifest.csv`: every film with its label, split, case and SHA-256. It names files and patients: keep it so."
    yield f"SHA-256 of the rows `{data['manifest']}`, of the films `{data['films']}`."
    yield "`python -m embedlearn.audit DATA --run FOLDER` measures leaks, twins, shortcuts and sources of these films."
