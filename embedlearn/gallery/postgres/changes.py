"""Changes of a gallery that are made once, however often the connection breaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedlearn.errors import ArgumentError, StorageError
from embedlearn.gallery.postgres.columns import wire_rows
from embedlearn.gallery.postgres.database import Database, execute, is_passing, quoted

if TYPE_CHECKING:
    from embedlearn.gallery.postgres.database import Connection


def change_once(database: Database, schema: str, change: Callable[[Connection], int]) -> int:
    """The number of cases that `change` brings (below 0: takes out), committed in one transaction with a token.

    Where a connection breaks at the commit, nobody knows whether it was made. So the change is tried again, and its
    token, which is entered first, waits for a former attempt that is still under way and tells whether it was made.
    Raises `StorageError`, and what `change` raises.
    """
    import psycopg

    token = uuid4()

    def attempt(connection: Connection) -> int:
        execute(
            connection,
            "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'",
        )
        enter = f"INSERT INTO {schema}.changes (token, cases) VALUES (%s, 0) ON CONFLICT DO NOTHING"
        if not execute(connection, enter, (token,)).rowcount:
            made = execute(connection, f"SELECT cases FROM {schema}.changes WHERE token = %s", (token,)).fetchone()
            assert made is not None
            return int(made[0])
        count = change(connection)
        execute(connection, f"UPDATE {schema}.changes SET cases = %s WHERE token = %s", (count, token))
        return count

    try:
        return database.run(attempt)
    except StorageError as error:
        if isinstance(error.__cause__, psycopg.OperationalError) and is_passing(error.__cause__):
            advice = "this change may have been made or not: look with find, or add again with skip_existing"
            raise StorageError(f"{error}; {advice}") from error
        raise


class Load:
    """Vectors (float32 [N, D]) and their rows, in the columns of a kept schema, ready to be copied."""

    def __init__(self, vectors: NDArray[np.float32], table: pa.Table) -> None:
        self._ids: list[str] = table.column("id").to_pylist()
        self._names = ", ".join(["vector", *(quoted(name) for name in table.column_names)])
        self._rows = list(wire_rows(vectors, table))

    def copy(self, cases: str, skip_existing: bool, connection: Connection) -> int:
        """Copy them into the table `cases`, or those whose ids are not there; how many."""
        known = self.known(cases, connection) if skip_existing else set()
        chosen = [row for name, row in zip(self._ids, self._rows, strict=True) if name not in known]
        statement = f"COPY {cases} ({self._names}) FROM STDIN (FORMAT BINARY)".replace("%%", "%")  # it has no values
        with connection.cursor().copy(statement.encode()) as sink:
            for row in chosen:
                sink.write_row(row)
        return len(chosen)

    def known(self, cases: str, connection: Connection) -> set[str]:
        """Those ids that are there."""
        found = execute(connection, f"SELECT id FROM {cases} WHERE id = ANY(%s)", (self._ids,))
        return {name for (name,) in found}


def delete_cases(cases: str, ids: set[str], connection: Connection) -> int:
    """Delete these from the table `cases`; their number, negative. Raises `ArgumentError` where one is not there."""
    found = execute(connection, f"DELETE FROM {cases} WHERE id = ANY(%s) RETURNING id", (list(ids),))
    if missing := ids - {name for (name,) in found}:
        raise ArgumentError(f"id: {len(missing)} of {len(ids)} are not in the gallery, such as {min(missing)}")
    return -len(ids)
