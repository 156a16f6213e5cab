"""Read a shelf over and over until a file called stop lies beside it: run by test_store_readers.py."""

import json
import sys
from pathlib import Path

from store_cases import items, items_of

from embedlearn.gallery.store.shelf import Shelf


def read_until_stopped(folder: Path) -> dict[str, int]:
    """How often, and how many items and generations were seen; raises where a state is not consistent."""
    reads, held, seen = 0, 0, set[int]()
    while True:
        stop = folder.with_name("stop").exists()
        with Shelf(folder).open() as generation:
            found = items_of(generation)
        assert found == items(len(found))
        assert len(found) >= held and generation.number >= max(seen, default=0), "time went backwards"
        reads, held, seen = reads + 1, len(found), seen | {generation.number}
        if stop:
            return {"reads": reads, "items": held, "generations": len(seen)}


if __name__ == "__main__":
    json.dump(read_until_stopped(Path(sys.argv[1])), sys.stdout)
