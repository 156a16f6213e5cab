"""Readers at work while a writer appends and publishes."""

import contextlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from amounts import slow
from store_cases import debris, fill_with, item, items, items_of, number_of, read_items
from store_reader import read_until_stopped

from embedlearn.gallery.store.log import ChangeLog
from embedlearn.gallery.store.shelf import Shelf


def write(folder: Path, rounds: int) -> None:
    """Append two items, then publish them, over and over."""
    shelf = Shelf(folder)
    with shelf.writing():
        held = read_items(folder) if shelf.exists() else []
        shelf.publish(fill_with(held))
        for _ in range(rounds):
            with shelf.open() as generation:
                log = generation.log(writable=True)
            for number in (len(held), len(held) + 1):
                log.append(item(number))
                held.append(item(number))
            shelf.publish(fill_with(held))


@pytest.mark.parametrize("rounds", [30, slow(100)])
def test_readers_see_one_state_after_another(tmp_path: Path, rounds: int) -> None:
    folder = tmp_path / "gallery"
    write(folder, 5)
    script = Path(__file__).with_name("store_reader.py")
    other = subprocess.Popen([sys.executable, str(script), str(folder)], stdout=subprocess.PIPE, text=True)
    with other, ThreadPoolExecutor(2) as pool, Shelf(folder).open() as pinned:
        threads = [pool.submit(read_until_stopped, folder) for _ in range(2)]
        try:
            write(folder, rounds)
        finally:
            (tmp_path / "stop").touch()
        reports = [thread.result() for thread in threads]
        assert other.stdout
        reports.append(json.loads(other.stdout.read()))
        assert items_of(pinned) == items(10)
        with Shelf(folder).writing():
            pass
        assert debris(folder) == {f"generation-{pinned.number:06d}", f"changes-{pinned.number:06d}.log"}
    assert other.returncode == 0
    for report in reports:
        assert report["items"] == 2 * (rounds + 5)
        assert report["reads"] > 5 and report["generations"] > 3
    with Shelf(folder).writing():
        pass
    assert debris(folder) == set()
    assert number_of(folder) == rounds + 7


def test_a_reader_of_the_log_alone(tmp_path: Path) -> None:
    """More appends than above, and nothing else to slow them down."""
    path = tmp_path / "log"
    ChangeLog.create(path)

    def read() -> int:
        most, reads = 0, 0
        while most < 400:
            with contextlib.closing(ChangeLog(path)) as log:
                found = list(log)
            assert len(found) >= most and found == items(len(found))
            most, reads = len(found), reads + 1
        return reads

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        with contextlib.closing(ChangeLog(path, writable=True)) as log:
            for number in range(400):
                log.append(item(number))
        assert all(reader.result() > 3 for reader in readers)
