"""Films whole and small: what is inside the black square, and films stretched to one shape."""

import numpy as np
import pandas as pd
import pytest

from embedlearn.audits.films import WHOLE, AuditedFilms, at_least, inner_shape
from embedlearn.radiographs.reading import preprocess


def audited(*shapes: tuple[int, int]) -> AuditedFilms:
    rng = np.random.default_rng(0)
    films = [rng.integers(1, 255, shape, np.uint8) for shape in shapes]
    squares = np.stack([preprocess(film, WHOLE) for film in films])
    return AuditedFilms(pd.DataFrame({"path": [f"{i}.png" for i in range(len(films))]}), squares, np.array(shapes))


@pytest.mark.parametrize("shape", [(300, 300), (200, 317), (317, 200), (1000, 37), (192, 191), (401, 400)])
def test_the_content_is_the_film_without_the_black_around_it(shape: tuple[int, int]) -> None:
    films = audited(shape)
    content = films.content(0)
    assert content.shape == inner_shape(np.array(shape), WHOLE.size)
    assert max(content.shape) == WHOLE.size
    assert int(content.sum()) == int(films.films[0].sum())  # nothing but black lies outside


def test_a_stretched_film_has_the_mean_greys_of_its_tiles() -> None:
    films = audited((192, 96), (96, 192))
    stretched = films.stretched(8)
    assert stretched.shape == (2, 8, 8)
    tiles = films.content(0).reshape(8, 24, 8, 12).mean((1, 3))
    np.testing.assert_allclose(stretched[0], tiles, rtol=1e-5)


def test_a_strip_is_stretched_too() -> None:
    films = audited((1920, 20))
    assert films.content(0).shape == (192, 2)
    assert films.stretched(16).shape == (1, 16, 16)
    assert at_least(films.content(0), 16).shape == (192, 16)


def test_where_keeps_rows_together() -> None:
    films = audited((100, 100), (50, 100), (100, 50))
    kept = films.where([False, True, True])
    assert len(kept) == 2 and kept.frame["path"].tolist() == ["1.png", "2.png"]
    np.testing.assert_array_equal(kept.content(0), films.content(1))
