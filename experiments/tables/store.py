"""The folder of stored results: what is in it, and what reading it can say."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from embedlearn.errors import StorageError
from experiments.systems.results import RESULTS, RowResult, load_result
from experiments.systems.row import FOLDER, Row, load_row


@dataclass(frozen=True)
class Store:
    """Where stored results lie, and the TOML files that say what was published."""

    results: Path = RESULTS
    rows: Path = FOLDER

    def has(self, file: str) -> bool:
        """Whether there is such a file, named from the folder on."""
        return (self.results / file).is_file()

    def plain(self, file: str, form: str | None = None) -> Any:
        """What a JSON file holds, of that format where one is named. Raises `StorageError`."""
        path = self.results / file
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise StorageError(f"{path}: cannot be read ({error}); make it again") from error
        if form and (not isinstance(found, dict) or found.get("format") != form):
            raise StorageError(f"{path}: wanted the format {form}; make it again")
        return found

    def frame(self, file: str) -> pd.DataFrame:
        """The table in a CSV file. Raises `StorageError`."""
        try:
            return pd.read_csv(self.results / file)
        except (OSError, ValueError) as error:
            raise StorageError(f"{self.results / file}: cannot be read ({error}); make it again") from error

    def row_names(self) -> list[str]:
        """The rows there are TOML files of."""
        return sorted(path.stem for path in self.rows.glob("*.toml"))

    def row(self, name: str) -> Row:
        """A published system. Raises `StorageError` where its TOML cannot be read, `ArgumentError` for its settings."""
        try:
            return load_row(name, self.rows)
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise StorageError(f"{self.rows / name}.toml: cannot be read ({error})") from error

    def result(self, name: str) -> RowResult | None:
        """What a row found, or None where it was not run. Raises `CheckpointError`, `StorageError`."""
        path = self.results / "rows" / f"{name}.json"
        if not path.is_file():
            return None
        found = load_result(path)
        if found.quick:
            raise StorageError(f"{path}: is of a --quick run, which is no result; run it in full, or remove it")
        return found

    def benchmarks(self) -> list[str]:
        """The benchmarks with stored measurements."""
        return sorted(path.stem for path in (self.results / "benchmarks").glob("*.json"))
