"""`python -m experiments.tables`: write the tables of README.md and docs/ from the stored results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from embedlearn.console import run_command, say
from embedlearn.errors import StorageError
from embedlearn.files import write_text
from experiments.systems.results import RESULTS
from experiments.systems.row import FOLDER
from experiments.tables.documents import filled, find_documents
from experiments.tables.named import make
from experiments.tables.store import Store

STALE = 1


@dataclass(frozen=True, kw_only=True)
class Tables:
    """Write every table of README.md and docs/ from the stored results; nothing in them is typed by hand."""

    check: bool = False
    """Write nothing; exit with code 1 where a document is not what it would be."""
    folder: Path = RESULTS.parents[1]
    """Folder of README.md and docs/."""
    results: Path = RESULTS
    """Folder of the stored results."""
    rows: Path = FOLDER
    """Folder of the rows' TOML files."""


def main(arguments: list[str] | None = None) -> None:
    run_command(Tables, _run, "experiments.tables", arguments)


def _run(settings: Tables) -> None:
    store = Store(settings.results, settings.rows)
    stale = []
    documents = find_documents(settings.folder)
    for path in documents:
        name = path.relative_to(settings.folder).as_posix()
        before = _read(path)
        after = filled(before, lambda table: make(table, store), name)
        if after != before:
            stale.append((path, name, after))
    if settings.check and stale:
        say(f"not current: {', '.join(name for _, name, _ in stale)}; run python -m experiments.tables")
        raise SystemExit(STALE)
    for path, _, after in stale:
        write_text(path, after)
    say(f"wrote {', '.join(name for _, name, _ in stale) or 'nothing'} (of {len(documents)} documents)")


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{path}: cannot be read ({error})") from error


if __name__ == "__main__":
    main()
