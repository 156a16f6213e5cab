"""The model card: what the encoder is, how it came about, what it is for, and how it did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from embedlearn.pages.numbers import number
from embedlearn.radiographs.splits import SEEN
from embedlearn.tasks.cards.evaluation import evaluation_section
from embedlearn.tasks.cards.facts import Facts
from embedlearn.tasks.cards.start import before, first_weights, never_seen, unseen
from embedlearn.tasks.cards.words import SPLITS, bullets, clean, counted, listed, spaced, table

FRONT = ["---", "library_name: embedlearn", "pipeline_tag: image-feature-extraction", "license: unknown", "tags:"]
TAGS = ["metric-learning", "few-shot-learning", "radiographs", "research-use-only"]
LOSSES = {"supcon": "supervised contrastive loss (Khosla 2020)", "bce": "binary cross-entropy of each finding"}
BATCHES = {
    "classes": "some of each class",
    "pairs": "positive and negative pairs",
    "siamese": "pairs as the Siamese DeepCovid19 has them",
    "triplets": "triplets",
}
BALANCES = {"classes": "classes", "sources": "the classes of every source"}
VIEWS = (
    ("crop", "crops of {:.0%} of the film's area or more", 1),
    ("rotate", "rotation up to {:g} degrees", 0),
    ("contrast", "contrast and brightness up to {:.0%}", 0),
    ("gamma", "log gamma up to {:g}", 0),
    ("blur", "blur up to {:g} pixels", 0),
    ("noise", "grain up to {:.0%}", 0),
    ("spectrum", "another film's amplitude spectrum in {:.0%} of the views", 0),
)


def model_card(facts: Facts) -> str:
    """The card as Markdown."""
    lines = [
        *FRONT, *(f"- {tag}" for tag in TAGS), "---", "",
        f"# Model card: {clean(facts.name)}", "", *_summary(facts),
        "## The model", "", *_model(facts),
        "## What it is for, and what not", "", *_uses(facts),
        "## How it was trained", "", *_training(facts),
        "## Films", "", *_films(facts),
        "## Evaluation", "", *evaluation_section(facts),
        "## Known limits", "", *bullets(_limits(facts)),
        "## About this card", "",
        "embedlearn wrote it from the files of the run's folder, and writes it anew when one of its commands has "
        "evaluated the run. `DATA_CARD.md` beside it tells of the films. What a model card should say: "
        "[Mitchell 2019](https://doi.org/10.1145/3287560.3287596).",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _summary(facts: Facts) -> Iterator[str]:
    size, never = facts.settings["architecture"]["dimension"], never_seen(facts)
    yield (
        f"An encoder that turns a radiograph into {size} numbers, so that films which lie near each other are alike in "
        f"what it was trained to tell: {listed(_classes(facts))}."
        + (f" {never}" if never else "")
        + " With a handful of examples its numbers can be asked another question."
    )
    yield ""
    yield "**Research use only. It is fit for no diagnosis and for no decision about a person.**"
    yield ""
    if facts.synthetic:
        yield "**It was trained on synthetic phantoms, drawings of no patient, and says nothing of patients.**"
        yield ""


def _classes(facts: Facts) -> list[str]:
    return list(facts.settings["classes"])


def _model(facts: Facts) -> list[str]:
    settings, software, result = facts.settings, facts.config["software"], facts.config["result"]
    shape, film = settings["architecture"], settings["preprocessing"]
    weights = "an unknown number of" if facts.weights is None else f"{facts.weights:,}"
    pooling = {"mean": "mean", "gem": "generalised mean of power 3"}[shape["pooling"]]
    rows = [
        ("network", f"{clean(shape['backbone'])}, {weights} weights, pooled by the {pooling}"),
        ("answer", f"an embedding of {shape['dimension']} numbers, of length 1"),
        ("film", _preprocessing(film)),
        ("first weights", first_weights(facts)),
        ("files", f"`encoder.safetensors`, SHA-256 `{result['encoder']}`; `untrained.safetensors`, the same network "
         "with random weights, to compare with"),
        ("made with", ", ".join(_software(software))),
    ]  # fmt: skip
    use = [
        "```python",
        "from embedlearn import load_encoder",
        "",
        'saved = load_encoder("encoder.safetensors")  # encoder, preprocessing, centre of the training films',
        "```",
        "",
    ]
    return [*table(("", ""), rows), *use]


def _preprocessing(film: Mapping[str, Any]) -> str:
    fit = {"crop": "its central square", "pad": "padded with black to a square"}[film["fit"]]
    words = [f"one channel of grey, {fit}, {film['size']} x {film['size']} pixels"]
    if film["border"]:
        words.append(spaced(f"{film['border']:.0%} of each side cut away first"))
    if film["clahe"]:
        words.append("contrast equalised locally")
    words.append({"fixed": "(x - 0.5) / 0.25", "film": "mean 0 and variance 1 in every film"}[film["standardise"]])
    return "; ".join(words)


def _software(software: Mapping[str, Any]) -> Iterator[str]:
    packages = software["packages"]
    for name in ("embedlearn", "torch"):
        if packages.get(name):
            yield f"{name} {packages[name]}"
    yield f"Python {software['python']}"
    if software.get("commit"):
        yield f"commit `{software['commit']}`"


def _uses(facts: Facts) -> list[str]:
    return bullets(
        (
            "For: research on few-shot classification, retrieval and what a score on such films is worth; teaching.",
            "Not for: diagnosis, triage, screening, or a second opinion. Nothing in this folder says that a clinic "
            "has tried it or that an authority has cleared it.",
            f"Films it was made for: {'synthetic ' if facts.synthetic else ''}frontal radiographs like those of its "
            f"sources ({listed(facts.sources)}). Of other machines, views and ages nothing is known.",
            "Embeddings are not anonymous: who has another film of a patient can find that patient among them "
            "([Packhäuser 2022](https://doi.org/10.1038/s41598-022-19045-3)). Treat them as you treat the films.",
        )
    )


def _training(facts: Facts) -> list[str]:
    settings, kept = facts.settings, facts.kept
    aim, batch, schedule = settings["objective"], settings["sampling"], settings["schedule"]
    asked = settings["augmentation"]
    views = [spaced(words.format(asked[name])) for name, words, off in VIEWS if asked.get(name, off) != off]
    rise = spaced(f"{schedule['warmup']:.0%}")
    epochs = len(facts.history) or int(kept.get("epoch", 0)) or "not known how many"
    lines = [
        f"Asked for: {_objective(aim)}; classes {listed(_classes(facts))}"
        + (", of which a film may show several." if settings.get("multi_label") else "."),
        f"Batches of {batch['batch']} films: {BATCHES[batch['sampler']]}, {BALANCES[batch['balance']]} in equal parts.",
        f"Optimizer {schedule.get('optimizer', 'adamw')}, rate {schedule['learning_rate']:g} with a warm-up over "
        f"{rise} of the steps and a cosine behind it, weight decay {schedule['weight_decay']:g}; at most "
        f"{counted(schedule['epochs'], 'epoch')}; run: {epochs}. Seed {settings['seed']}.",
        f"Random views: {'; '.join(views) or 'none'}. No flips.",
        *_kept(facts),
        "Every setting is in `config.json`, every epoch in `history.csv`.",
    ]
    return bullets(lines)


def _kept(facts: Facts) -> Iterator[str]:
    if kept := facts.kept:
        before = f" (after the first epoch: {_scores(facts.history[0])})" if facts.history else ""
        yield (
            f"Kept: epoch {int(kept['epoch'])}, by the validation films: {_scores(kept)}{before}. They chose the "
            "epoch, and flatter it."
        )


def _objective(aim: Mapping[str, Any]) -> str:
    told = []
    loss = LOSSES.get(aim["loss"], aim["loss"])
    if loss != "none":
        extra = [
            f"{name} {clean(' '.join([aim[name], *aim.get(f'{name}_args', ())]))}"
            for name in ("miner", "distance", "reducer") if aim.get(name, "none") != "none"
        ]  # fmt: skip
        memory = [f"a memory of {aim['memory']} embeddings"] if aim.get("memory") else []
        told.append(", ".join([clean(" ".join([loss, *aim["loss_args"]])), *extra, *memory]))
    if aim["instance"]:
        heat = f"temperature {aim['temperature']:g}"
        told.append(f"{aim['instance']:g} x instance discrimination (NT-Xent over two views, Chen 2020), {heat}")
    return " + ".join(told)


def _scores(row: Mapping[str, float]) -> str:
    if "val_knn" in row:
        return f"recall@1 {number(row['val_recall_at_1'])}, 5-NN accuracy {number(row['val_knn'])}"
    return f"score {number(row.get('score'))}"


def _films(facts: Facts) -> list[str]:
    counts: Mapping[str, Mapping[str, int]] = facts.config["data"]["counts"]
    names = sorted({name for split in counts.values() for name in split})
    present = [split for split in SPLITS if split in counts]
    rows = [
        (*(clean(word) for word in name.rsplit(": ", 1)), *(counts[split].get(name, 0) for split in present))
        for name in names
    ]
    seen = sum(count for split in SEEN for count in counts.get(split, {}).values())
    all_ = sum(count for split in counts.values() for count in split.values())
    doubt = f"; {before(facts)}" if before(facts) else ""
    lines = [
        f"It learnt from the training films and was chosen by the validation films, {seen:,} of {all_:,}. The "
        f"others {unseen(facts)}{doubt}. `manifest.csv` names every film with its SHA-256 and its split.",
        "",
    ]
    return [*lines, *table(("source", "label", *(SPLITS[split] for split in present)), rows)]


def _limits(facts: Facts) -> Iterator[str]:
    data, films, size = facts.config["data"], facts.films, facts.settings["preprocessing"]["size"]
    if facts.synthetic:
        yield "Its films are drawings. It shows that the toolkit works, and is of no other use."
    if doubt := before(facts):
        yield never_seen(facts) or f"{doubt[0].upper()}{doubt[1:]}."
    elif data["labels_never_seen"]:
        yield f"What it tells of {listed(data['labels_never_seen'])} comes from a few examples only, given later."
    yield f"{counted(len(facts.sources), 'source')}, one split, one seed: another would give other numbers."
    if len(facts.sources) > 1 or not facts.synthetic:
        yield (
            "Where a film comes from can tell its label: machines, processing, borders and burned-in marks are learnt "
            "as readily as disease ([DeGrave 2021](https://doi.org/10.1038/s42256-021-00338-7)). `embedlearn audit` "
            "measures it."
        )
    yield f"A film is shown to it at {size} x {size} pixels; what is finer than that it cannot see."
    if films is None:
        yield "The manifest is missing or was changed: of patients, ages and views this card knows nothing."
        return
    if nameless := int(films["patient"].isna().sum()):
        yield (
            f"No patient is named for {nameless:,} of {len(films):,} films: one patient's films may stand on two sides "
            "there, unless they are near-identical."
        )
    if unknown := [f"the {name}" for name in ("age", "sex", "view") if name not in films or films[name].isna().all()]:
        told = " or ".join(filter(None, [", ".join(unknown[:-1]), unknown[-1]]))
        yield f"Of no film is {told} known: whether it does as well for all is not known either."
