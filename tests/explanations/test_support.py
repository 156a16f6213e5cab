"""What a film is explained against: never its own case."""

import numpy as np
import pytest

from embedlearn.errors import EpisodeError
from embedlearn.explanations.support import Support


def support(seed=0):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(30, 8)).astype(np.float32)
    vectors[:10] += 2
    vectors[10:20, 0] -= 3
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Support(vectors, np.repeat(["a", "b", "c"], 10), np.arange(30) // 2)


def test_the_answer_is_the_nearest_class_mean_without_the_films_own_case():
    examples = support()
    for film in range(30):
        case = int(examples.cases[film])
        found = examples.question(examples.vectors[film], {case})
        kept = examples.cases != case
        means = {name: examples.vectors[kept & (examples.labels == name)].mean(0) for name in "abc"}
        near = sorted(means, key=lambda name: np.linalg.norm(means[name] - examples.vectors[film]))
        assert (found.answer, found.why, found.why_not) == (near[0], near[0], near[1])
        margin = found.targets[0]
        score = examples.vectors[film] @ margin.vector.numpy() + margin.offset
        gap = [np.square(means[name] - examples.vectors[film]).sum() for name in near[:2]]
        assert score == pytest.approx(gap[1] - gap[0], abs=1e-5)
        assert case not in examples.cases[found.nearest]
        apart = np.linalg.norm(examples.vectors - examples.vectors[film], axis=1)
        best = sorted(min(apart[examples.cases == other]) for other in set(examples.cases) - {case})
        assert np.allclose(apart[found.nearest], best[:5])
        assert len(set(examples.cases[found.nearest])) == 5


def test_classes_can_be_named():
    examples = support()
    film = examples.vectors[0]
    found = examples.question(film, {0}, "c", "a", k=3)
    assert (found.why, found.why_not, len(found.nearest)) == ("c", "a", 3)
    assert examples.question(film, {0}, why_not="a").why != "a"
    back = examples.question(film, [0], "a", "c")
    there, again = (film @ one.targets[0].vector.numpy() + one.targets[0].offset for one in (found, back))
    assert there == pytest.approx(-again, abs=1e-6)
    assert [target.name for target in found.targets] == [
        "c, not a",
        "like c",
        "like its 3 nearest cases",
        "like its nearest case",
    ]


def test_what_has_no_examples_is_refused():
    examples = support()
    with pytest.raises(EpisodeError, match="wanted one of a, b, c"):
        examples.question(examples.vectors[0], [], "tuberculosis")
    alone = Support(examples.vectors[:10], examples.labels[:10], examples.cases[:10])
    with pytest.raises(EpisodeError, match="two classes or more"):
        alone.question(examples.vectors[0], {0})
