"""The retrieval experiment: what helps a query never comes from its own patient, and all is written down."""

import json

import numpy as np
import pytest
from PIL import Image

from experiments import retrieval

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(60, 5)).astype(np.float32)
CASES = RNG.integers(0, 25, 60)


@pytest.mark.parametrize("help_", [
    lambda rows, cases: retrieval.reranked(rows, cases, 20),
    lambda rows, cases: retrieval.expanded(rows, cases, 4, 3.0),
])  # fmt: skip
def test_a_patients_other_films_help_in_nothing(help_):
    whole = help_(ROWS, CASES)
    for query in (0, 7, 31):
        kept = (CASES[query] != CASES) | (np.arange(60) == query)
        assert kept.sum() < 60
        alone = help_(ROWS[kept], CASES[kept])[kept[:query].sum()]
        with_others = whole[query] if whole.shape[1] == 5 else whole[query][kept]
        np.testing.assert_allclose(alone, with_others, rtol=1e-6)


def test_re_ranked_candidates_come_before_all_others_and_own_films_nowhere():
    distances = retrieval.reranked(ROWS, CASES, 20)
    plain = ((ROWS[:, None] - ROWS) ** 2).sum(2)
    plain[CASES[:, None] == CASES] = np.inf
    assert (np.isinf(distances) == np.isinf(plain)).all()
    for far, before in zip(distances, plain, strict=True):
        order = np.argsort(before)
        assert set(np.argsort(far)[:20]) == set(order[:20])
        assert (far[order[:20]] <= 1).all() and (np.diff(far[order[20:]][: np.isfinite(far).sum() - 20]) >= 0).all()


def test_everything_is_measured_and_written(place, capsys):
    out = place / "retrieval"
    retrieval._run(
        retrieval.Retrieval(run=place / "runs" / "base", json=out / "found.json", out=out, candidates=30, resamples=50)
    )
    found = json.loads((out / "found.json").read_text(encoding="utf-8"))
    names = [
        "trained",
        retrieval.RERANKED,
        retrieval.AVERAGE,
        retrieval.ALPHAS,
        "untrained",
        "border probe",
        "header probe",
    ]
    assert list(found["rows"]) == names
    for row in found["rows"].values():
        assert row["queries"] + row["left_out"] == found["films"]
        assert row["micro"]["recall"]["1"]["mean"] == row["cmc"][0]
        assert row["micro"]["precision"]["10"] == row["purity"]["label"]["share"]
        assert 0 < row["across"]["share"]["mean"] < 1 and row["purity"]["source"]["queries"] == found["films"]
        assert row["lead_in_map_at_r"]["low"] <= row["lead_in_map_at_r"]["high"]
    assert found["rows"]["trained"]["lead_in_map_at_r"] == {"mean": 0, "low": 0, "high": 0}
    page = (out / "retrieval.md").read_text(encoding="utf-8").splitlines()
    assert [line.split(" | ")[0] for line in page[2:]] == [f"| {name}" for name in names]
    with Image.open(out / "retrieval.png") as drawn:
        assert np.asarray(drawn.convert("L")).std() > 20
    assert "trained: of the 10 nearest" in capsys.readouterr().out
