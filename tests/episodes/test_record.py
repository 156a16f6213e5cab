"""Episodes come back from their file as they were, and only on their own pool."""

import numpy as np
import pandas as pd
import pytest

from embedlearn.episodes.record import asked_of, load_episodes
from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.errors import EpisodeError, MismatchError


@pytest.fixture
def drawn(pool):
    return EpisodeSampler(2, 3, 4, episodes=7).sample(pool.classes, pool.groups)


@pytest.fixture
def rows(pool):
    return pd.DataFrame({"path": [f"/films/{n}.png" for n in range(len(pool.classes))], "patient": pool.groups})


def test_a_file_replays_its_episodes(drawn, rows, tmp_path):
    drawn.save(tmp_path / "episodes.parquet", rows)
    again = load_episodes(tmp_path / "episodes.parquet", rows)
    assert (again.classes, again.shots) == (drawn.classes, drawn.shots)
    for name in ("way", "support", "query", "shots", "query_label"):
        assert np.array_equal(getattr(again, name), getattr(drawn, name)), name


def test_a_file_has_a_row_for_each_film_of_an_episode(drawn, rows, tmp_path):
    drawn.save(tmp_path / "episodes.parquet", rows)
    table = pd.read_parquet(tmp_path / "episodes.parquet")
    assert list(table.columns) == ["episode", "role", "slot", "class", "film", "path", "patient"]
    assert len(table) == 7 * 2 * (3 + 4)
    assert (table["path"] == [f"/films/{n}.png" for n in table["film"]]).all()
    support = table[(table["episode"] == 5) & (table["role"] == "support")]
    assert support["film"].tolist() == drawn.support[5].tolist()


def test_a_pool_without_paths_is_enough(drawn, rows, tmp_path):
    drawn.save(tmp_path / "episodes.parquet", rows[[]])
    assert np.array_equal(load_episodes(tmp_path / "episodes.parquet", rows).query, drawn.query)


def test_another_pool_is_refused(drawn, rows, tmp_path):
    path = tmp_path / "episodes.parquet"
    drawn.save(path, rows)
    with pytest.raises(MismatchError, match="the pool has films 0 to 9"):
        load_episodes(path, rows[:10])
    with pytest.raises(MismatchError, match=r"in this pool it is /films/.*; replay the episodes on the pool"):
        load_episodes(path, rows[::-1].reset_index(drop=True))
    with pytest.raises(MismatchError, match="rows: the episodes name film"):
        drawn.save(path, rows[:10])


def test_what_is_no_such_file_is_refused(rows, tmp_path):
    with pytest.raises(EpisodeError, match=r"none\.parquet: wanted a Parquet file of episodes"):
        load_episodes(tmp_path / "none.parquet", rows)
    (tmp_path / "text.parquet").write_text("no")
    with pytest.raises(EpisodeError, match="cannot read it"):
        load_episodes(tmp_path / "text.parquet", rows)
    rows.to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(EpisodeError, match=r"wanted a file that Episodes\.save wrote"):
        load_episodes(tmp_path / "rows.parquet", rows)


def test_a_torn_file_is_refused(drawn, rows, tmp_path):
    drawn.save(tmp_path / "episodes.parquet", rows)
    table = pd.read_parquet(tmp_path / "episodes.parquet")
    for dropped in ([3], list(range(4))):
        torn = table.drop(index=dropped)
        torn.attrs = table.attrs
        torn.to_parquet(tmp_path / "torn.parquet")
        with pytest.raises(EpisodeError, match="the file is torn"):
            load_episodes(tmp_path / "torn.parquet", rows)


def test_a_part_of_the_episodes(drawn):
    part = drawn[2:4]
    assert len(part) == 2
    assert np.array_equal(part.query, drawn.query[2:4])
    assert part.shots == drawn.shots


def test_unequal_shots_and_queries_come_back_too(pool, rows, tmp_path):
    sampler = EpisodeSampler(None, 2, 3, episodes=20, shots_of={"normal": 5}, prevalence="dirichlet")
    drawn = sampler.sample(pool.classes, pool.groups)
    assert (np.ptp(drawn.query_label, axis=1) < 2).any()  # an episode without queries of some class
    drawn.save(tmp_path / "episodes.parquet", rows)
    again = load_episodes(tmp_path / "episodes.parquet", rows)
    assert again.shots == drawn.shots == (2, 5, 2)
    for name in ("way", "support", "query", "query_label"):
        assert np.array_equal(getattr(again, name), getattr(drawn, name)), name


def test_episodes_of_another_pool(drawn):
    moved = drawn.of(np.arange(1000, 2000))
    assert np.array_equal(moved.support, drawn.support + 1000)
    assert np.array_equal(moved.query, drawn.query + 1000)
    assert np.array_equal(moved.query_label, drawn.query_label)


def test_what_was_asked_for_is_kept(drawn, rows, tmp_path):
    drawn.save(tmp_path / "episodes.parquet", rows, {"shots": 3, "prevalence": {"normal": 0.5}})
    assert asked_of(tmp_path / "episodes.parquet") == {"shots": 3, "prevalence": {"normal": 0.5}}
    drawn.save(tmp_path / "bare.parquet", rows)
    assert asked_of(tmp_path / "bare.parquet") == {}
    with pytest.raises(EpisodeError, match="cannot read it"):
        asked_of(tmp_path / "none.parquet")


@pytest.mark.parametrize(
    "change", [lambda t: t.assign(film=t["film"] + 0.5), lambda t: t[:0], lambda t: t.assign(slot=5)]
)
def test_a_file_that_was_changed_is_refused(drawn, rows, tmp_path, change):
    drawn.save(tmp_path / "episodes.parquet", rows)
    table = pd.read_parquet(tmp_path / "episodes.parquet")
    changed = change(table)
    changed.attrs = table.attrs
    changed.to_parquet(tmp_path / "changed.parquet", index=False)
    with pytest.raises(EpisodeError, match="wanted"):
        load_episodes(tmp_path / "changed.parquet", rows)


def test_how_queries_fall_on_the_classes(drawn, pool):
    assert drawn.balanced and drawn.commonest == pytest.approx(1 / 2, abs=0.2)
    sampler = EpisodeSampler(None, 1, 10, 50, prevalence={"covid-19": 8, "normal": 1, "pneumonia": 1})
    uneven = sampler.sample(pool.classes, pool.groups)
    assert not uneven.balanced and uneven.commonest == pytest.approx(0.8, abs=0.05)
