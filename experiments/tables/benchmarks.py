"""What was measured beside peers."""

from __future__ import annotations

from experiments.benchmarks.__main__ import PEERS
from experiments.benchmarks.measuring import Measurement, load_measurements
from experiments.tables.markdown import amount, ratio, table
from experiments.tables.store import Store

FILE = "benchmarks/{name}.json"
NOT_RUN = "Not run here: `python -m experiments.benchmarks` makes it."
HEADER = ["measured", "ours", "peer", "", "ratio", "rounds"]


def names(store: Store) -> list[str]:
    """The benchmarks: those that can be run, and others with stored measurements."""
    return list(dict.fromkeys([*PEERS, *store.benchmarks()]))


def measured(store: Store, name: str) -> str:
    """A benchmark's comparisons."""
    return table([HEADER, *map(_line, load_measurements(store.results / FILE.format(name=name)))])


def all_measured(store: Store) -> str:
    """The comparisons of all benchmarks that were run."""
    files = {name: FILE.format(name=name) for name in names(store)}
    found = {name: load_measurements(store.results / file) for name, file in files.items() if store.has(file)}
    lines = [[name, *_line(each)] for name, all_ in found.items() for each in all_]
    return table([["benchmark", *HEADER], *lines]) if lines else NOT_RUN


def _line(each: Measurement) -> list[str]:
    return [each.metric, amount(each.ours), amount(each.peer), each.peer_name, ratio(each.ratio), str(each.n)]
