"""One writer at a time, and only in a folder that is a gallery's."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from store_cases import debris, fill_with, item, items, number_of, publish, read_items

from embedlearn.errors import StorageError
from embedlearn.gallery.store import disk
from embedlearn.gallery.store.shelf import Shelf

HOLD = """
import sys, time
from pathlib import Path
from embedlearn.gallery.store.shelf import Shelf
with Shelf(Path(sys.argv[1])).writing():
    print("writing", flush=True)
    time.sleep(60)
"""
FORK = """
import os, sys, time
from pathlib import Path
from embedlearn.gallery.store.shelf import Shelf
with Shelf(Path(sys.argv[1])).writing():
    worker = os.fork()
    if not worker:
        time.sleep(60)
        os._exit(0)
print(worker, flush=True)
"""


def test_a_second_writer_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    publish(tmp_path, 3)
    first = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    with first:
        assert first.stdout and first.stdout.readline() == "writing\n"
        refusal = f"{tmp_path}: process {first.pid} is writing here"
        with pytest.raises(StorageError, match=refusal), Shelf(tmp_path).writing():
            pass
        assert read_items(tmp_path) == items(3)
        first.send_signal(signal.SIGKILL)
    assert publish(tmp_path, 4) == 2


def test_a_forked_worker_that_lives_on_keeps_no_lock(tmp_path: Path) -> None:
    """As a loader's workers may; they hold copies of every descriptor."""
    command = [sys.executable, "-c", FORK, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout
        worker = int(first.stdout.readline())
        try:
            assert publish(tmp_path, 3) == 1
        finally:
            os.kill(worker, signal.SIGKILL)


def test_a_second_writer_in_the_same_process_is_refused_and_disturbs_nothing(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    with shelf.writing():
        shelf.publish(fill_with([]))
        with shelf.open() as opened:
            log = opened.log(writable=True)
        for other in (shelf, Shelf(tmp_path)):
            with pytest.raises(StorageError, match=f"process {os.getpid()} is writing"), other.writing():
                pass
        log.append(item(0))
        shelf.publish(fill_with(items(1)))
    with Shelf(tmp_path).writing():
        assert read_items(tmp_path) == items(1)


def test_threads_publish_in_turns(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    with shelf.writing():
        threads = [threading.Thread(target=shelf.publish, args=(fill_with(items(5)),)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (number_of(tmp_path), read_items(tmp_path), debris(tmp_path)) == (8, items(5), set())


def test_no_gallery_here(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    for name in ("missing", "missing/deeper", "file", "empty"):
        assert not Shelf(tmp_path / name).exists()
        with pytest.raises(StorageError, match=f"{tmp_path / name}: there is no gallery here; .* embedlearn index"):
            Shelf(tmp_path / name).open()
    with Shelf(tmp_path / "begun").writing():
        pass
    with pytest.raises(StorageError, match="there is no gallery here"):
        Shelf(tmp_path / "begun").open()
    with pytest.raises(StorageError, match="cannot be written"), Shelf(tmp_path / "file").writing():
        pass


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "film.png").write_bytes(b"film")
    (tmp_path / "generation-000003").mkdir()
    with pytest.raises(StorageError, match="holds film.png but no CURRENT"), Shelf(tmp_path).writing():
        pass
    assert {path.name for path in tmp_path.iterdir()} == {"film.png", "generation-000003", "lock"}


def test_a_gallery_that_lost_its_current_is_not_swept_away(tmp_path: Path) -> None:
    publish(tmp_path, 10)
    text = (tmp_path / "CURRENT").read_bytes()
    (tmp_path / "CURRENT").unlink()
    with pytest.raises(StorageError, match="restore CURRENT"), Shelf(tmp_path).writing():
        pass
    (tmp_path / "CURRENT").write_bytes(text)
    assert read_items(tmp_path) == items(10)


def test_a_current_that_vanishes_while_it_is_written_to(tmp_path: Path) -> None:
    """Then nobody can tell what is old, and nothing is removed."""
    publish(tmp_path, 10)
    text = (tmp_path / "CURRENT").read_bytes()
    with Shelf(tmp_path).writing():
        (tmp_path / "CURRENT").unlink()
    (tmp_path / "CURRENT").write_bytes(text)
    assert read_items(tmp_path) == items(10)


def test_where_files_cannot_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing is refused, reading goes on."""
    publish(tmp_path, 10)
    monkeypatch.setattr(disk, "fcntl", None)
    with pytest.raises(StorageError, match=f"{tmp_path}: cannot be locked"), Shelf(tmp_path).writing():
        pass
    assert read_items(tmp_path) == items(10)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_that_cannot_be_written_can_be_read() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "gallery"
        publish(folder, 10)
        Path(name).chmod(0o755)
        os.seteuid(65534)
        try:
            assert read_items(folder) == items(10)
            with pytest.raises(StorageError, match=f"{folder}: cannot be written .Permission denied.; nothing was"):
                publish(folder, 11)
        finally:
            os.seteuid(0)
        assert read_items(folder) == items(10)
