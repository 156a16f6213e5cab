"""The tables of one gallery, a schema of its own for each, and how older ones are brought up to date."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from embedlearn.errors import ArgumentError, StorageError
from embedlearn.gallery.about import About, read_about
from embedlearn.gallery.postgres.columns import BY_NAME, SQL_TYPES
from embedlearn.gallery.postgres.database import execute, quoted

if TYPE_CHECKING:
    from embedlearn.gallery.postgres.database import Connection

INDEXED = ("label", "source", "view", "patient")  # what conditions ask for most
OLDEST_PGVECTOR = (0, 8)  # the first whose searches go on until enough cases meet a condition


@dataclass(frozen=True)
class Layout:
    """What a gallery holds: `columns` in kept types; `salt` made the tokens in them; `extra` is plain data.

    `kind` is exact or hnsw. `salted` and no `salt`: it was taken away.
    """

    about: About
    columns: pa.Schema
    kind: str
    salted: bool
    salt: bytes | None
    extra: dict[str, Any]

    def is_like(self, other: Layout) -> bool:
        """Whether cases mean the same: of one encoder, with the same columns and tokens."""
        return (self.about, self.columns, self.salt) == (other.about, other.columns, other.salt)


def schema_of(name: str) -> str:
    """The schema that holds the gallery, as an identifier. Raises `ArgumentError` for a name that cannot be one."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", name, re.ASCII):
        raise ArgumentError(f"gallery {name!r}: wanted a name of up to 40 letters, digits, _ and -")
    return quoted(f"gallery_{name}")


def create(connection: Connection, name: str, layout: Layout) -> None:
    """Make the tables. Raises `ArgumentError` where the gallery is there already."""
    schema = _locked(connection, name)
    if exists(connection, name):
        raise ArgumentError(f"gallery {name}: is there already; open it, drop it, or choose another name")
    execute(connection, "CREATE EXTENSION IF NOT EXISTS vector")
    _require_pgvector(connection)
    execute(connection, f"CREATE SCHEMA {schema}")
    execute(connection, f"CREATE TABLE {schema}.migrations (version integer PRIMARY KEY, applied timestamptz)")
    _apply(connection, schema, 0, layout)


def read_layout(connection: Connection, name: str) -> Layout:
    """What the gallery holds; an older one is brought up to date first, by one process and in one transaction.

    Raises `ArgumentError` where there is no such gallery, `StorageError` where it was made by a newer embedlearn.
    """
    schema, known = schema_of(name), len(MIGRATIONS)
    version = _version(connection, schema)
    if version is None:
        raise ArgumentError(f"gallery {name}: there is none in this database; create it first")
    if version > known:
        raise StorageError(f"gallery {name}: is of version {version}, this embedlearn knows {known}; upgrade it")
    _require_pgvector(connection)
    if version < known:
        _locked(connection, name)
        _apply(connection, schema, _version(connection, schema) or version, None)
    found = execute(connection, f"SELECT about, columns, kind, salted, salt, extra FROM {schema}.about").fetchone()
    if found is None:
        raise StorageError(f"gallery {name}: its table about is empty; restore the database")
    about, columns, *others = found
    fields = [(column, BY_NAME[type_name]) for column, type_name in columns]
    return Layout(read_about(about, f"gallery {name}"), pa.schema(fields), *others)


def read_revision(connection: Connection, name: str) -> str:
    """The gallery's table of changes and how many there are: another word after every change, and for another gallery.

    Raises psycopg's `UndefinedTable` where there is no such gallery.
    """
    [(count,)] = execute(connection, f"SELECT count(*) FROM {schema_of(name)}.changes")
    return f"{read_number(connection, name)}-{count}"


def read_number(connection: Connection, name: str) -> str:
    """PostgreSQL's own number of the gallery's table of changes, which no other gallery has; "" where there is none."""
    [(number,)] = execute(connection, "SELECT to_regclass(%s)::oid", (f"{schema_of(name)}.changes",))
    return str(number or "")


def read_all(connection: Connection, name: str) -> tuple[Layout, str]:
    """`read_layout` and `read_revision` of one gallery, which cannot be replaced until the transaction ends."""
    return read_layout(connection, name), read_revision(connection, name)


def exists(connection: Connection, name: str) -> bool:
    """Whether there is a gallery of that name."""
    return _version(connection, schema_of(name)) is not None


def rename(connection: Connection, name: str, to: str, replace: bool) -> None:
    """Give the gallery another name. Raises `ArgumentError` where there is none, or `to` is taken and not replaced."""
    for each in sorted({name, to}):  # in one order, lest two wait for each other
        _locked(connection, each)
    if not exists(connection, name):
        raise ArgumentError(f"gallery {name}: there is none in this database")
    if exists(connection, to):
        if not replace:
            raise ArgumentError(f"gallery {to}: is there already; replace it, drop it, or choose another name")
        execute(connection, f"DROP SCHEMA {schema_of(to)} CASCADE")
    execute(connection, f"ALTER SCHEMA {schema_of(name)} RENAME TO {schema_of(to)}")


def drop(connection: Connection, name: str) -> None:
    """Remove the gallery with all that it holds. Raises `ArgumentError` where there is none."""
    schema = _locked(connection, name)
    if not exists(connection, name):
        raise ArgumentError(f"gallery {name}: there is none in this database")
    execute(connection, f"DROP SCHEMA {schema} CASCADE")


def index_vectors(connection: Connection, schema: str, memory: int | None = None) -> None:
    """Build pgvector's graph over the vectors (HNSW, Malkov and Yashunin 2018, arXiv 1603.09320).

    `memory`: MB that the server may take for it, its own setting where None.
    """
    if memory:
        execute(connection, "SELECT set_config('maintenance_work_mem', %s, true)", (f"{memory}MB",))
    execute(connection, f"CREATE INDEX IF NOT EXISTS cases_vector ON {schema}.cases USING hnsw (vector vector_l2_ops)")
    execute(connection, f"ANALYZE {schema}.cases")  # how many meet a condition is estimated by this
    execute(connection, f"UPDATE {schema}.about SET kind = 'hnsw'")


def _first(connection: Connection, schema: str, layout: Layout | None) -> None:
    """Cases; what they are; and every change with the number of cases it brought, so that one is made only once."""
    assert layout is not None
    columns = "".join(
        f", {quoted(name)} {SQL_TYPES[kind]}{' NOT NULL UNIQUE' if name == 'id' else ''}"
        for name, kind in zip(layout.columns.names, layout.columns.types, strict=True)
    )
    execute(
        connection,
        f'CREATE TABLE {schema}.cases ("row" bigint GENERATED ALWAYS AS IDENTITY (START WITH 0 MINVALUE 0) PRIMARY KEY,'
        f" vector vector({layout.about.dimension}) NOT NULL{columns})",
    )
    for name in INDEXED:
        if name in layout.columns.names:
            execute(connection, f"CREATE INDEX ON {schema}.cases ({quoted(name)})")
    execute(
        connection,
        f"CREATE TABLE {schema}.changes "
        "(token uuid PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), cases bigint NOT NULL)",
    )
    execute(
        connection,
        f"CREATE TABLE {schema}.about (about jsonb, columns jsonb, kind text, salted boolean, salt bytea, extra jsonb)",
    )
    kinds = [(name, str(kind)) for name, kind in zip(layout.columns.names, layout.columns.types, strict=True)]
    about, extra = (json.dumps(plain, allow_nan=False) for plain in (layout.about.as_plain(), layout.extra))
    values = (about, json.dumps(kinds), "exact", layout.salted, layout.salt, extra)
    execute(connection, f"INSERT INTO {schema}.about VALUES (%s, %s, %s, %s, %s, %s)", values)
    if layout.kind == "hnsw":
        index_vectors(connection, schema)


# Each brings a gallery from the version before to its own, 1 from nothing; they are only ever added to.
MIGRATIONS: tuple[Callable[[Connection, str, Layout | None], None], ...] = (_first,)


def _apply(connection: Connection, schema: str, version: int, layout: Layout | None) -> None:
    for number, migrate in enumerate(MIGRATIONS[version:], version + 1):
        migrate(connection, schema, layout)
        execute(connection, f"INSERT INTO {schema}.migrations VALUES (%s, now())", (number,))


def _version(connection: Connection, schema: str) -> int | None:
    """The gallery's version, None where there is none."""
    there = execute(connection, "SELECT to_regclass(%s) IS NOT NULL", (f"{schema}.migrations",)).fetchone()
    if there != (True,):
        return None
    found = execute(connection, f"SELECT max(version) FROM {schema}.migrations").fetchone()
    return found[0] if found else None


def _locked(connection: Connection, name: str) -> str:
    """The gallery's schema, changed by no other process until the transaction ends."""
    schema = schema_of(name)
    execute(connection, "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (schema,))
    return schema


def _require_pgvector(connection: Connection) -> None:
    found = execute(connection, "SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    wanted = ".".join(map(str, OLDEST_PGVECTOR))
    if found is None or tuple(int(part) for part in found[0].split(".")[:2]) < OLDEST_PGVECTOR:
        got = f"pgvector {found[0]}" if found else "none"
        raise StorageError(f"the database needs pgvector {wanted} or newer, got {got}; ALTER EXTENSION vector UPDATE")
