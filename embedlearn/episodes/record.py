"""A set of episodes: which films were support and which were query, and the file that replays them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlearn.errors import EpisodeError, MismatchError
from embedlearn.files import replacing

FORMAT = "embedlearn-episodes-1"
COLUMNS = ("episode", "role", "slot", "class", "film")
CARRIED = ("path", "patient")
ROLES = ["support", "query"]


@dataclass(frozen=True, eq=False)
class Episodes:
    """E episodes of W ways with S support and T query films each; films are rows of the pool.

    `classes`: the pool's class names, sorted.
    `way`: int [E, W], the class (index into `classes`) that sits in each slot.
    `shots`: support films of each slot, the same in every episode; S is their sum.
    `support`: int [E, S], films in slot order. `query`: int [E, T], and the slot of each, `query_label` int [E, T],
    ascending; an episode need not hold queries of every slot.
    """

    classes: tuple[str, ...]
    way: NDArray[np.int64]
    shots: tuple[int, ...]
    support: NDArray[np.int64]
    query: NDArray[np.int64]
    query_label: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.way)

    def __getitem__(self, part: slice | NDArray[np.integer]) -> Episodes:
        """Some of the episodes."""
        return Episodes(
            self.classes, self.way[part], self.shots, self.support[part], self.query[part], self.query_label[part]
        )

    @staticmethod
    def joined(parts: Sequence[Episodes]) -> Episodes:
        """All episodes of `parts`, sets after sets, which are of one pool, shape and number of shots."""
        rows = ((part.way, part.support, part.query, part.query_label) for part in parts)
        way, support, query, label = (np.concatenate(arrays) for arrays in zip(*rows, strict=True))
        return Episodes(parts[0].classes, way, parts[0].shots, support, query, label)

    def of(self, rows: NDArray[np.int64]) -> Episodes:
        """The same episodes of another pool, whose film `rows[i]` (int [N]) is this pool's film i."""
        return replace(self, support=rows[self.support], query=rows[self.query])

    @property
    def n_way(self) -> int:
        """Classes an episode, W."""
        return len(self.shots)

    @property
    def support_label(self) -> NDArray[np.int64]:
        """The slot of each support position, int [S], ascending."""
        return np.repeat(np.arange(self.n_way), self.shots)

    def slot_of(self, name: str) -> NDArray[np.int64]:
        """The slot of class `name` in each episode, int [E]; -1 where it does not take part."""
        there = self.way == self.classes.index(name)
        return np.where(there.any(axis=1), there.argmax(axis=1), -1)

    @property
    def balanced(self) -> bool:
        """Whether every episode has as many queries of each class."""
        counts = np.stack([(self.query_label == slot).sum(axis=1) for slot in range(self.n_way)])
        return bool((counts == counts[0]).all())

    @property
    def commonest(self) -> float:
        """The share of all queries that are of the commonest class."""
        true = np.take_along_axis(self.way, self.query_label, axis=1)
        return float(np.bincount(true.ravel()).max() / true.size)

    def save(self, path: Path, rows: pd.DataFrame, asked: Mapping[str, Any] | None = None) -> None:
        """Write one row per (episode, role, slot, film), with the film's `path` and `patient` where `rows` has them.

        `rows` is the pool's table, one row a film; `asked`, plain data, says what was asked for. Raises `StorageError`
        where the disk refuses and `MismatchError` where the pool has fewer rows than the episodes name.
        """
        _check_inside(self, rows, "rows")
        support = self._table("support", self.support, np.tile(self.support_label, (len(self), 1)))
        query = self._table("query", self.query, self.query_label)
        table = pd.concat([support, query]).sort_values(["episode"], kind="stable", ignore_index=True)
        for column in CARRIED:
            if column in rows:
                table[column] = _repeated(rows[column].to_numpy(object), table["film"].to_numpy())
        table.attrs = {"format": FORMAT, "classes": list(self.classes), "asked": dict(asked or {})}
        with replacing(Path(path)) as beside:
            table.to_parquet(beside, index=False)

    def _table(self, role: str, films: NDArray[np.int64], slot: NDArray[np.int64]) -> pd.DataFrame:
        episode = np.repeat(np.arange(len(self)), films.shape[1])
        names = _repeated(self.classes, np.take_along_axis(self.way, slot, axis=1).ravel())
        roles = pd.Categorical.from_codes(np.full(films.size, ROLES.index(role)), pd.Index(ROLES))
        columns = (episode, roles, slot.ravel(), names, films.ravel())
        return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def asked_of(path: Path) -> dict[str, Any]:
    """What was asked for when the episodes were drawn, as `Episodes.save` was told. Raises `EpisodeError`."""
    try:
        found = pd.read_parquet(path, columns=["episode"]).attrs.get("asked", {})
    except (OSError, ValueError) as error:
        raise EpisodeError(f"{path}: wanted a Parquet file of episodes, cannot read it ({error})") from error
    return dict(found)


def _repeated(values: Sequence[str] | NDArray[np.object_], places: NDArray[np.int64]) -> Any:
    """The value at each place, each distinct one kept once."""
    codes, distinct = pd.factorize(np.asarray(values, dtype=object))
    return pd.Categorical.from_codes(codes[places], pd.Index(distinct))


def load_episodes(path: Path, rows: pd.DataFrame) -> Episodes:
    """Read the episodes that `Episodes.save` wrote, to replay them on the pool `rows` (one row a film).

    Raises `EpisodeError` where the file is missing or not such a file, `MismatchError` where a film lies outside
    the pool or, both having a `path` column, is another film there.
    """
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise EpisodeError(f"{path}: wanted a Parquet file of episodes, cannot read it ({error})") from error
    if table.attrs.get("format") != FORMAT or not set(COLUMNS) <= set(table.columns):
        raise EpisodeError(f"{path}: wanted a file that Episodes.save wrote (format {FORMAT}), got another table")
    if not all(pd.api.types.is_integer_dtype(table[name]) for name in ("episode", "slot", "film")) or table.empty:
        raise EpisodeError(f"{path}: wanted whole numbers for episode, slot and film; the file was changed")
    episodes = _from_table(table, path)
    _check_inside(episodes, rows, str(path))
    if "path" in table and "path" in rows:
        here = rows["path"].astype(str).to_numpy()[table["film"]]
        differing = np.flatnonzero(here != table["path"].astype(str).to_numpy())
        if len(differing):
            first = differing[0]
            raise MismatchError(
                f"{path}: film {table['film'][first]} was {table['path'][first]}, in this pool it is {here[first]};"
                " replay the episodes on the pool that they were drawn from"
            )
    return episodes


def _from_table(table: pd.DataFrame, path: Path) -> Episodes:
    classes = tuple(table.attrs["classes"])
    ordered = table.sort_values(["episode", "slot"], kind="stable")
    support, query = (ordered[ordered["role"] == role] for role in ("support", "query"))
    count = table["episode"].nunique()
    seats = support.groupby(["episode", "slot"])
    try:
        shots = seats.size().unstack(fill_value=0).to_numpy()
        asked = query.groupby("episode").size()
        if set(table["slot"]) - set(range(shots.shape[1])):
            raise ValueError("a slot lacks its support")
        if len(shots) != count or (shots != shots[0]).any() or not shots.all() or asked.nunique() != 1:
            raise ValueError("an episode lacks films")
        code = {name: index for index, name in enumerate(classes)}
        return Episodes(
            classes=classes,
            way=seats["class"].first().astype(str).map(code).to_numpy(np.int64).reshape(count, -1),
            shots=tuple(int(number) for number in shots[0]),
            support=support["film"].to_numpy(np.int64).reshape(count, -1),
            query=query["film"].to_numpy(np.int64).reshape(count, -1),
            query_label=query["slot"].to_numpy(np.int64).reshape(count, -1),
        )
    except ValueError as error:
        raise EpisodeError(
            f"{path}: wanted episodes of one shape ({error}); the file is torn, draw them again"
        ) from error


def _check_inside(episodes: Episodes, rows: pd.DataFrame, name: str) -> None:
    films = np.concatenate([episodes.support.ravel(), episodes.query.ravel()])
    if len(films) and not (films.min() >= 0 and films.max() < len(rows)):
        raise MismatchError(
            f"{name}: the episodes name film {films.max() if films.min() >= 0 else films.min()},"
            f" the pool has films 0 to {len(rows) - 1}; use the pool that they were drawn from"
        )
