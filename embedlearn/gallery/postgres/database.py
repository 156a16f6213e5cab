"""A pool of connections to one PostgreSQL database, and patience while its server is away."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar

from embedlearn.errors import ArgumentError, StorageError
from embedlearn.flags import require_packages

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]
    Cursor = psycopg.Cursor[tuple[Any, ...]]

Result = TypeVar("Result")
PATIENCE = 15.0  # seconds that a server may be away, as while it restarts
CONNECT = 10  # seconds for one connection
FIRST_WAIT, LONGEST_WAIT = 0.05, 1.0  # seconds between attempts, doubled each time
CONFLICTS = ("40001", "40P01")  # SQLSTATE of transactions that lost against others
PASSING = ("08", *CONFLICTS, "53300", "57P01", "57P02", "57P03")  # and of a server that stops, starts or is full


class Database:
    """The database at `url` (postgresql://USER@HOST/DATABASE, or any other libpq connection string).

    Up to `connections` at a time, from several threads. Raises `ArgumentError` for a string that is none, and where
    psycopg is not installed; `StorageError` where the server cannot be reached or refuses. No message holds a password.
    """

    def __init__(self, url: str, connections: int = 4, patience: float = PATIENCE) -> None:
        require_packages("--store", ("psycopg", "psycopg_pool"), "postgres")
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
        from psycopg_pool import ConnectionPool

        try:
            settings: dict[str, Any] = {"connect_timeout": CONNECT, "application_name": "embedlearn"}
            settings |= conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            raise ArgumentError("--store: wanted postgresql://USER@HOST/DATABASE, got something else") from None
        self.place = f"postgresql://{settings.get('host') or ''}/{settings.get('dbname') or ''}"
        self.patience = patience
        with self._translated():
            psycopg.connect(**settings).close()  # a wrong address or password is said at once
        logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())  # lest it write on standard error
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            kwargs=settings, min_size=1, max_size=connections, open=True
        )

    @classmethod
    @contextlib.contextmanager
    def opened(cls, url: str, connections: int = 1, patience: float = PATIENCE, keep: bool = False) -> Iterator[Self]:
        """The database within the block, and with `keep` also after a block that ended well."""
        database = cls(url, connections, patience)
        try:
            yield database
        except BaseException:
            database.close()
            raise
        if not keep:
            database.close()

    def close(self) -> None:
        """Close all connections; may be called again."""
        self._pool.close()

    def run(self, action: Callable[[Connection], Result]) -> Result:
        """What `action` returns, in a transaction that is committed. It may run again, and must be made for that.

        It is run again where the connection breaks or the transaction loses against another, until the patience ends.
        Raises `StorageError`; lets through psycopg's `IntegrityError`, and what `action` raises itself.
        """
        import psycopg

        deadline = time.monotonic() + self.patience
        wait = FIRST_WAIT
        while True:
            with self._translated():
                try:
                    with self._pool.connection(timeout=max(deadline - time.monotonic(), FIRST_WAIT)) as connection:
                        return action(connection)
                except psycopg.OperationalError as error:
                    if not is_passing(error) or time.monotonic() + wait > deadline:
                        raise
                    if error.sqlstate not in CONFLICTS:
                        self._pool.drain()  # what idles there is as dead
            time.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        import psycopg

        try:
            yield
        except psycopg.IntegrityError:
            raise
        except psycopg.Error as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise StorageError(f"{self.place}: {reason}") from error


def is_passing(error: psycopg.Error) -> bool:
    """Whether the same may go well in a moment."""
    return error.sqlstate is None or error.sqlstate.startswith(PASSING)


def execute(connection: Connection, text: str, values: Sequence[Any] = (), *, binary: bool = False) -> Cursor:
    """Run one statement with %s for its values; never as a prepared one, whose plan would not see the values."""
    return connection.cursor(binary=binary).execute(text.encode(), values, prepare=False)


def quoted(name: str) -> str:
    """A name as an identifier of a statement that `execute` is given."""
    return '"' + name.replace('"', '""').replace("%", "%%") + '"'
