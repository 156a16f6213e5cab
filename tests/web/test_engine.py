"""The engine's answers, against the commands and against plain loops."""

import base64
import io
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from embedlearn import search
from embedlearn.encoders.checkpoints import load_encoder
from embedlearn.encoders.runs import open_run
from embedlearn.errors import ArgumentError, EpisodeError
from embedlearn.explanations.exact import explain_films
from embedlearn.explanations.targets import margin_target
from embedlearn.gallery.gallery import Gallery
from embedlearn.gallery.where import And
from embedlearn.radiographs.phantom import draw_film
from embedlearn.radiographs.reading import load_film
from embedlearn.web.face import Asked, Sought, UnknownError, Why
from embedlearn.web.forms import Support


def new_film(label="covid-19", patient=3):
    """A film that no run has seen, as a PNG."""
    packed = io.BytesIO()
    Image.fromarray(draw_film(label, seed=77, patient=patient, source="phantom-a", size=128)).save(packed, "PNG")
    return packed.getvalue()


@pytest.fixture(scope="module")
def held(_built_gallery):
    """Rows and vectors of the gallery's cases that the encoder was not trained on."""
    with Gallery.open(_built_gallery) as gallery:
        rows = gallery.matching(And(()))
        frame = gallery.take(rows).to_pandas()
        vectors = gallery.vectors_of(rows)
    kept = ~frame["split"].isin(["train", "val"]).to_numpy()
    return frame[kept].reset_index(drop=True), vectors[kept]


def class_of_case(label):
    return label.split("/")[0]


def test_prototypes_answer_as_a_plain_loop_does(answered, held):
    frame, vectors = held
    found = answered(lambda engine: engine.classify(Asked(films=[new_film(), new_film("healthy")]), 4))
    embedded = answered(lambda engine: engine.embed([new_film(), new_film("healthy")]))
    names = frame["label"].map(class_of_case)
    assert [(one.name, one.examples) for one in found.classes] == sorted(Counter(names).items())
    means = {name: vectors[(names == name).to_numpy()].mean(0) for name in sorted(set(names))}
    for film, told in zip(embedded.films, found.films, strict=True):
        vector = np.array(film.embedding, np.float32)
        far = {name: float(np.linalg.norm(mean - vector)) for name, mean in means.items()}
        prototype, knn = told.answers
        assert prototype.head == "prototype" and prototype.class_ == min(far, key=far.get)
        assert prototype.strangeness == pytest.approx(min(far.values()), abs=1e-5)
        temperature = found.heads[0].temperature
        weights = {name: np.exp(-(value**2) / temperature) for name, value in far.items()}
        for name, value in prototype.probabilities.items():
            assert value == pytest.approx(weights[name] / sum(weights.values()), abs=1e-4)
        assert prototype.unknown == (prototype.strangeness > found.heads[0].bound)
        assert prototype.answer == ("unknown" if prototype.unknown else prototype.class_)
        order = np.argsort(np.linalg.norm(vectors - vector, axis=1))
        assert [near.id for near in prototype.nearest] == list(frame["id"][order[:4]])
        assert [near.label for near in knn.nearest] == list(names[order[:4]])
        votes = Counter(names[order[:5]]).most_common()
        if len(votes) == 1 or votes[0][1] > votes[1][1]:
            assert knn.class_ == votes[0][0]


def test_similar_cases_are_those_of_the_command(answered, gallery, place, tmp_path):
    (tmp_path / "new.png").write_bytes(new_film())
    table = tmp_path / "cases.json"
    out = ["--table", str(table), "--out", str(tmp_path / "sheet.png")]
    search.main([str(gallery), str(tmp_path / "new.png"), "-k", "7", "--runs", str(place / "runs"), *out])
    wanted = json.loads(table.read_text())["cases"]
    found = answered(lambda engine: engine.search(Asked(films=[new_film()]), Sought(k=7))).films[0].cases
    for mine, theirs in zip(found, wanted, strict=True):
        told = mine.model_dump()
        for name in ("rank", "id", "label", "source", "view", "same_picture"):
            assert told[name] == theirs[name]
        assert mine.distance == pytest.approx(theirs["distance"], abs=1e-5)


def test_a_film_of_the_gallery_is_not_answered_from_itself_nor_from_its_patient(answered, held, place):
    frame, _ = held
    rows = open_run(place / "runs" / "base").manifest().frame
    row = rows[rows["split"] == "test"].iloc[0]
    film = Path(row["path"]).read_bytes()
    found = answered(lambda engine: engine.read(film, None, Sought(k=50)))
    near = {case.id for case in found.similar.films[0].cases}
    with_same = answered(lambda engine: engine.search(Asked(embeddings=[found.embedding]), Sought(k=50)))
    first = with_same.films[0].cases[0]
    assert first.distance < 1e-3 and first.id not in near
    own = set(frame["id"][frame["patient"] == frame.set_index("id").loc[first.id, "patient"]])
    assert near.isdisjoint(own)
    for part in (found.similar, found.classified, found.explained):
        assert any("left out" in warning for warning in part.films[0].warnings)
    assert own.isdisjoint(one.id for one in found.classified.films[0].answers[0].nearest)


def test_maps_are_the_encoders_own_and_add_up(answered, held, place, tmp_path):
    found = answered(lambda engine: engine.explain(Asked(films=[new_film()]), Why())).films[0]
    frame, vectors = held
    names = frame["label"].map(class_of_case)
    mine, other = (torch.from_numpy(vectors[(names == name).to_numpy()]) for name in (found.why, found.why_not))
    (tmp_path / "new.png").write_bytes(new_film())
    saved = load_encoder(place / "runs" / "base" / "encoder.safetensors")
    pixels = torch.from_numpy(load_film(tmp_path / "new.png", saved.preprocessing).astype(np.float32))[None, None] / 255
    wanted = explain_films(saved.encoder, (pixels - 0.5) / 0.25, [margin_target("a", "b", mine, other)])
    margin = found.maps[0]
    assert np.allclose(margin.map, wanted.maps[0, 0].detach(), atol=1e-4)
    assert found.answer == found.why and margin.score > 0
    assert (found.height, found.width) == (128, 128)
    for each in found.maps:
        assert np.sum(each.map) + each.constant == pytest.approx(each.score, abs=1e-4)
        assert each.residual < 1e-4
        assert each.scale == pytest.approx(max(np.abs(each.map).max(), 0.01 / np.size(each.map)), rel=1e-4)


def test_a_case_can_be_asked_for_and_is_explained_on_its_own_film_too(answered, held):
    case = held[0]["id"][5]
    found = answered(lambda engine: engine.explain(Asked(films=[new_film()]), Why(case=case))).films[0]
    assert found.case == case and found.maps[-1].target == "like this case"
    back = found.of_case
    assert back is not None and back.maps[0].score == pytest.approx(found.maps[-1].score, abs=1e-3)
    shown = answered(lambda engine: engine.case_film(case))
    assert Image.open(io.BytesIO(shown)).size == (back.width, back.height)
    with pytest.raises(UnknownError):
        answered(lambda engine: engine.explain(Asked(films=[new_film()]), Why(case="nobody")))
    with pytest.raises(EpisodeError):
        answered(lambda engine: engine.explain(Asked(films=[new_film()]), Why(why="gout")))


def test_a_support_that_is_sent_takes_the_place_of_the_gallerys(answered):
    films = [new_film(label, patient) for label in ("covid-19", "healthy") for patient in (11, 12, 13)]
    vectors = [one.embedding for one in answered(lambda engine: engine.embed(films)).films]
    support = Support(classes={"mine": vectors[:3], "other": vectors[3:]})

    async def ask(engine):
        asked = Asked(embeddings=vectors[4:5], support=support)
        return await engine.classify(asked, 2), await engine.read(new_film(patient=14), support, Sought(k=1))

    found, read = answered(ask)
    means = {"mine": np.mean(vectors[:3], axis=0), "other": np.mean(vectors[3:], axis=0)}
    far = {name: float(np.linalg.norm(mean - vectors[4])) for name, mean in means.items()}
    first = found.films[0].answers[0]
    assert first.class_ == min(far, key=far.get) and first.strangeness == pytest.approx(min(far.values()), abs=1e-5)
    near = first.nearest[0]
    assert (near.example, near.id, near.label) == (4, None, "other")
    assert "among the examples" in found.films[0].warnings[0]
    assert read.explained.films[0].why in ("mine", "other") and read.explained.films[0].of_case is None
    assert all("among the examples" not in warning for warning in read.classified.films[0].warnings)
    assert {one.name: one.examples for one in read.classified.classes} == {"mine": 3, "other": 3}


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        ({"one": [[1.0] + [0.0] * 15]}, "two classes or more"),
        ({"one": [[1.0, 0.0]], "two": [[0.0, 1.0]]}, "embeddings of 16 numbers, got 2"),
        ({"one": [[2.0] + [0.0] * 15], "two": [[1.0] + [0.0] * 15]}, "of length 1"),
        ({"one": [[1.0] + [0.0] * 15] * 1001, "two": [[1.0] + [0.0] * 15]}, "at most 1,000 examples, got 1,002"),
    ],
)
def test_a_support_that_cannot_be_used_is_refused(answered, classes, said):
    asked = Asked(films=[new_film()], support=Support(classes=classes))
    with pytest.raises(ArgumentError, match=said):
        answered(lambda engine: engine.classify(asked, 1))


def test_only_shown_columns_are_shown_or_asked_about(answered, held):
    frame, _ = held
    read = answered(lambda engine: engine.read(new_film(), None, Sought(k=20)))
    whole = read.model_dump_json() + answered(lambda engine: engine.case(frame["id"][0])).model_dump_json()
    assert not any(patient in whole for patient in set(frame["patient"]))
    for where in ("patient == 'p0001'", "split == 'test'", "film != ''"):
        with pytest.raises(ArgumentError, match="wanted columns id, label, source, view"):
            answered(lambda engine, where=where: engine.search(Asked(films=[new_film()]), Sought(where=where)))
    some = answered(lambda engine: engine.search(Asked(films=[new_film()]), Sought(k=5, where="view == 'AP'")))
    assert [case.view for case in some.films[0].cases] == ["AP"] * 5
    shown = answered(lambda engine: engine.case(frame["id"][0]), "--show", "label", "patient")
    assert shown.model_dump()["patient"] == frame["patient"][0] and shown.source is None


def test_what_the_page_shows_fits_together(answered):
    async def ask(engine):
        return await engine.read(new_film(), None, Sought(k=3)), engine.about(), engine.points(), engine.is_ready()

    read, about, points, ready = answered(ask)
    assert ready and about.dimension == len(read.embedding) == 16 and about.generation == read.similar.generation
    picture = Image.open(io.BytesIO(base64.b64decode(read.picture.png)))
    assert picture.size == (128, 128) and np.array_equal(
        np.asarray(picture), np.asarray(Image.open(io.BytesIO(new_film())))
    )
    assert len(points.x) == about.cases and about.map == points.kind == "pca"
    for case in read.similar.films[0].cases:
        at = points.id.index(case.id)
        assert (points.x[at], points.y[at]) == pytest.approx((case.place.x, case.place.y), abs=1e-3)
        assert points.labels[points.label[at]] == case.label
    assert about.classes == read.classified.classes
