"""A gallery changes while the page is open: nobody's request fails, and soon the new cases are found."""

import shutil

import httpx
import numpy as np
import pytest
from running_page import asking, posted, running_page

from embedlearn import index
from embedlearn.encoders.runs import open_run
from embedlearn.gallery.gallery import Gallery
from embedlearn.radiographs.phantom import write_phantoms

SOON = 20  # seconds in which a busy machine must have noticed


@pytest.fixture
def more(tmp_path):
    """Films that are in no gallery yet."""
    return write_phantoms(tmp_path / "more", patients=8, films=1, size=64, seed=11).paths


def nearest(url, film):
    """Generation, id and distance of the case that is nearest to a film, be it its own."""
    with httpx.Client(base_url=url, timeout=30) as client:
        embedding = posted("/v1/embed", film)(client).json()["films"][0]["embedding"]
        found = client.post("/v1/search", params={"k": 1}, json={"embeddings": [embedding]}).json()
    case = found["films"][0]["cases"][0]
    return found["generation"], case["id"], case["distance"]


def test_cases_are_added_compacted_and_replaced_while_others_ask(place, gallery, tmp_path, more):
    served = shutil.copytree(gallery, tmp_path / "gallery")
    known = open_run(place / "runs" / "base").manifest().paths[0].read_bytes()
    new = more[0].read_bytes()
    requests = [
        posted("/v1/read", known, k=20),
        posted("/v1/classify", new),
        posted("/v1/search", new, k=30, where="label == 'healthy'"),
        posted("/v1/search", known, one_per_patient=True),
        posted("/v1/explain", new),
        lambda client: client.get("/v1/map"),
    ]
    base = ["--run", str(place / "runs" / "base")]
    seen = []
    with running_page("--gallery", served, *base) as (url, looks):
        seen.append(nearest(url, new))
        with asking(url, requests) as answers:
            for change in (["--add", "--data", str(tmp_path / "more"), *base], ["--compact"], ["--replace", *base]):
                asked = len(answers)
                looks.opened.clear()
                index.main(["--out", str(served), *change])
                assert looks.opened.wait(SOON)
                assert len(answers) > asked
                seen.append(nearest(url, new))
                with Gallery.open(served) as current:
                    assert seen[-1][0] == current.loaded
        asked = len(answers)
    (_, first, far), (_, added, near), (_, compacted, still), (_, replaced, again) = seen
    assert near < 1e-3 and still < 1e-3 < far == pytest.approx(again, abs=1e-5)
    assert first == replaced != added == compacted
    assert asked > 30 and {status for status, _ in answers} == {200}
    generations = [answer["generation"] for _, answer in answers if "generation" in answer]
    assert set(generations) <= {generation for generation, *_ in seen}
    assert len(set(generations)) > 1


def test_a_gallery_that_cannot_be_served_leaves_the_one_before_in_place(place, gallery, tmp_path):
    served = shutil.copytree(gallery, tmp_path / "gallery")
    with Gallery.open(served) as current:
        before = current.loaded
    film = open_run(place / "runs" / "base").manifest().paths[1].read_bytes()
    with running_page("--gallery", served, "--run", place / "runs" / "base") as (url, looks):
        told = nearest(url, film)
        Gallery(device="cpu").fit(np.eye(9), encoder="f" * 64).save(served)
        assert looks.have_failed(SOON) and not looks.opened.is_set()
        assert nearest(url, film) == told and told[0] == before
        shutil.rmtree(served)
        assert looks.have_failed(SOON) and not looks.opened.is_set()
        assert nearest(url, film) == told
        shutil.copytree(gallery, served)
