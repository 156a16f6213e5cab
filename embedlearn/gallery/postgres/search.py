"""The nearest cases in SQL: all compared, or pgvector's graph where there is one and it is worth it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embedlearn.gallery.postgres.database import execute, quoted
from embedlearn.gallery.postgres.migrations import INDEXED

if TYPE_CHECKING:
    from embedlearn.gallery.postgres.database import Connection

Queries = Sequence[Sequence[float]]
Answers = list[list[tuple[int, float]]]

MOST_IN_VIEW = 1_000  # the largest hnsw.ef_search that pgvector allows
FEW = 10_000  # cases of which it is surer, and mostly faster, to compare all that meet the condition
SPARE = 4  # times as many asked of the graph where there is a condition, for they come in nearly the right order
_SETTINGS = (  # for the transaction
    "SELECT set_config('hnsw.ef_search', %s, true), set_config('hnsw.iterative_scan', 'relaxed_order', true)"
)


@dataclass(frozen=True)
class Search:
    """The `k` nearest of the table `cases` that meet the SQL `condition` with its `values`; "" for no condition.

    `in_view`: how many cases a search of the graph keeps in view, 0 to compare all.
    """

    cases: str
    k: int
    condition: str
    values: Sequence[Any]
    in_view: int

    def answer(self, queries: Queries, connection: Connection) -> Answers:
        """Row and Euclidean distance of the neighbours of each query: `k`, or fewer where no more meet the condition.

        There are sometimes more than `k`, and they are not in order. pgvector's search of the graph goes on until
        enough cases meet the condition, but gives up after hnsw.max_scan_tuples: then all cases are compared.
        """
        if not self.in_view or (self.condition and self._estimate(connection) <= FEW):
            return self._compare_all(queries, connection)
        answers = self._search_graph(queries, connection)
        short = [place for place, answer in enumerate(answers) if len(answer) < self.k]
        whole = self._compare_all([queries[place] for place in short], connection)
        for place, answer in zip(short, whole, strict=True):
            answers[place] = answer
        return answers

    def _estimate(self, connection: Connection) -> int:
        """How many cases meet the condition, by PostgreSQL's statistics."""
        text = f"EXPLAIN (FORMAT JSON) SELECT FROM {self.cases} WHERE {self.condition}"
        [(found,)] = execute(connection, text, self.values).fetchall()
        return int(found[0]["Plan"]["Plan Rows"])

    def _compare_all(self, queries: Queries, connection: Connection) -> Answers:
        distance = "0 + (vector <-> %b::float8[]::vector)"  # which no index of the vectors answers
        return self._send(queries, distance, 'distance, "row"', self.k, connection)

    def _search_graph(self, queries: Queries, connection: Connection) -> Answers:
        wanted = SPARE * self.k if self.condition else self.k
        execute(connection, _SETTINGS, (str(min(max(self.in_view, wanted), MOST_IN_VIEW)),))
        return self._send(queries, "vector <-> %b::float8[]::vector", "distance", wanted, connection)

    def _send(self, queries: Queries, distance: str, order: str, count: int, connection: Connection) -> Answers:
        """All queries sent before the first answer is read, each planned with its own values."""
        text = (
            f'SELECT "row", {distance} AS distance FROM {self.cases} WHERE {self.condition or "true"} '
            f"ORDER BY {order} LIMIT %s"
        )
        with connection.pipeline():
            cursors = [execute(connection, text, (query, *self.values, count), binary=True) for query in queries]
        return [cursor.fetchall() for cursor in cursors]


def distinct(cases: str, column: str) -> str:
    """A question for the values of a column, each once, in order: by steps of the column's index where it has one."""
    name = quoted(column)
    if column not in INDEXED:
        return f"SELECT DISTINCT {name} FROM {cases} WHERE {name} IS NOT NULL ORDER BY 1"
    return (
        f"WITH RECURSIVE steps AS (SELECT min({name}) AS value FROM {cases} UNION ALL "
        f"SELECT (SELECT min({name}) FROM {cases} WHERE {name} > value) FROM steps WHERE value IS NOT NULL) "
        "SELECT value FROM steps WHERE value IS NOT NULL"
    )
