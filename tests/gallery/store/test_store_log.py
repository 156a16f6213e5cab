"""The log of changes: order, acknowledgement, and what it makes of a damaged file."""

import threading
from pathlib import Path

import pytest
from store_cases import FailingDisk, intercepted, item, items, rewrite

from embedlearn.errors import StorageError
from embedlearn.gallery.store.log import PAGE, ChangeLog


def write_log(path: Path, count: int, origin: bytes = b"") -> list[int]:
    """A log of `count` items; the length of the file before and after each."""
    ChangeLog.create(path, origin)
    log = ChangeLog(path, writable=True, origin=origin)
    ends = [log.acknowledged]
    for number in range(count):
        log.append(item(number))
        ends.append(log.acknowledged)
    log.close()
    assert path.stat().st_size == ends[-1]
    return ends


def payloads(path: Path, origin: bytes = b"") -> list[bytes]:
    log = ChangeLog(path, origin=origin)
    found = list(log)
    assert len(found) == log.count
    return found


def test_payloads_come_back_in_order(tmp_path: Path) -> None:
    write_log(tmp_path / "log", 30)
    assert payloads(tmp_path / "log") == items(30)


def test_an_empty_log_and_an_empty_payload(tmp_path: Path) -> None:
    ChangeLog.create(tmp_path / "log")
    assert payloads(tmp_path / "log") == []
    log = ChangeLog(tmp_path / "log", writable=True)
    log.append(b"")
    log.append(memoryview(b"seen"))
    assert list(log) == [b"", b"seen"] == payloads(tmp_path / "log")


def test_appending_goes_on_after_opening_again(tmp_path: Path) -> None:
    ChangeLog.create(tmp_path / "log")
    for number in range(7):
        log = ChangeLog(tmp_path / "log", writable=True)
        assert (log.count, list(log)) == (number, items(number))
        log.append(item(number))
        log.close()


def test_a_log_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    write_log(tmp_path / "log", 2)
    with pytest.raises(StorageError, match="nothing was changed"):
        ChangeLog.create(tmp_path / "log")
    assert payloads(tmp_path / "log") == items(2)


@pytest.mark.parametrize("count", [0, 3])
def test_a_log_of_something_else_does_not_open(tmp_path: Path, count: int) -> None:
    write_log(tmp_path / "log", count, origin=b"one")
    assert payloads(tmp_path / "log", b"one") == items(count)
    with pytest.raises(StorageError, match="another gallery"):
        ChangeLog(tmp_path / "log", origin=b"two")


def test_a_reader_and_a_closed_log_take_nothing(tmp_path: Path) -> None:
    write_log(tmp_path / "log", 1)
    with pytest.raises(StorageError, match="reading only"):
        ChangeLog(tmp_path / "log").append(b"")
    log = ChangeLog(tmp_path / "log", writable=True)
    log.close()
    log.close()
    with pytest.raises(StorageError, match="was closed"):
        log.append(b"")
    with pytest.raises(StorageError, match="was closed"):
        list(log)


def test_a_reader_keeps_to_what_was_there_when_it_opened(tmp_path: Path) -> None:
    write_log(tmp_path / "log", 3)
    reader, writer = ChangeLog(tmp_path / "log"), ChangeLog(tmp_path / "log", writable=True)
    writer.append(item(3))
    assert list(reader) == items(3)
    assert payloads(tmp_path / "log") == items(4)


def test_threads_take_turns(tmp_path: Path) -> None:
    ChangeLog.create(tmp_path / "log")
    log = ChangeLog(tmp_path / "log", writable=True)
    parts = [range(start, 40, 4) for start in range(4)]
    threads = [threading.Thread(target=lambda part=part: [log.append(item(n)) for n in part]) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(payloads(tmp_path / "log")) == sorted(items(40))


def test_truncated_anywhere_near_a_boundary(tmp_path: Path) -> None:
    path = tmp_path / "log"
    ends = write_log(path, 8)
    whole = path.read_bytes()
    near = {end + step for end in (0, 96, PAGE, PAGE + 96, *ends) for step in (-1, 0, 1, 24, 56)}
    for length in sorted(length for length in near if 0 <= length < len(whole)):
        rewrite(path, whole[:length])
        for writable in (False, True):
            with pytest.raises(StorageError) as caught:
                ChangeLog(path, writable=writable)
            message = str(caught.value)
            assert message.startswith(f"{path}: ") and "copy" in message and "\n" not in message
            if length > 2 * PAGE:
                record = sum(end <= length for end in ends)
                assert f"torn in record {record}: wanted {len(whole)} bytes, got {length}" in message
        assert path.read_bytes() == whole[:length]  # and nothing was mended away


def test_flipped_anywhere(tmp_path: Path) -> None:
    """A flip in a slot or in the space behind it loses nothing; one in a record is found, in that record."""
    path = tmp_path / "log"
    ends = write_log(path, 8)
    whole = path.read_bytes()
    for place in [*range(100), *range(100, 2 * PAGE, 61), *range(PAGE, PAGE + 100), *range(2 * PAGE, len(whole), 3)]:
        rewrite(path, whole[:place] + bytes([whole[place] ^ (1 << place % 8)]) + whole[place + 1 :])
        if place < 2 * PAGE:
            assert payloads(path) == items(8)
            if place % 7 == 0:
                ChangeLog(path, writable=True).append(item(8))
                assert payloads(path) == items(9)
        else:
            record = sum(end <= place for end in ends)
            with pytest.raises(StorageError, match=rf"{path}: damaged in record {record}\b"):
                ChangeLog(path)


def test_both_slots_flipped(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write_log(path, 3)
    whole = bytearray(path.read_bytes())
    whole[20] ^= 1
    whole[PAGE + 20] ^= 1
    path.write_bytes(whole)
    with pytest.raises(StorageError, match=rf"{path}: damaged in both slots of its header"):
        ChangeLog(path)


@pytest.mark.parametrize("slot", [0, 1])
def test_one_slot_lost_and_torn_besides(tmp_path: Path, slot: int) -> None:
    """The other slot still knows all but the last record."""
    path = tmp_path / "log"
    ends = write_log(path, 8)
    whole = bytearray(path.read_bytes())
    whole[slot * PAGE : (slot + 1) * PAGE] = bytes(PAGE)
    path.write_bytes(whole[: ends[7] - 1])
    with pytest.raises(StorageError, match="torn in record 7"):
        ChangeLog(path)


def test_flipped_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    ends = write_log(path, 8)
    log = ChangeLog(path)
    whole = bytearray(path.read_bytes())
    whole[ends[5] - 1] ^= 1
    path.write_bytes(whole)
    found = []
    with pytest.raises(StorageError, match="damaged in record 5 of 8"):
        for payload in log:
            found.append(payload)
    assert found == items(4)


def test_what_a_crash_left_behind_the_last_record(tmp_path: Path) -> None:
    """Whole records that no slot speaks of are kept and acknowledged, half of one is cut off."""
    path = tmp_path / "log"
    ends = write_log(path, 8)
    whole = path.read_bytes()
    write_log(tmp_path / "other", 5)
    head = (tmp_path / "other").read_bytes()[: 2 * PAGE]
    for length in range(ends[5], len(whole), 97):
        rewrite(path, head + whole[2 * PAGE : length])
        kept = sum(end <= length for end in ends) - 1
        assert payloads(path) == items(kept)
        assert path.stat().st_size == length
        writer = ChangeLog(path, writable=True)
        assert path.stat().st_size == writer.acknowledged == ends[kept]
        writer.append(b"next")
        assert payloads(path) == [*items(kept), b"next"]
    path.write_bytes(head + whole[2 * PAGE : ends[5]] + bytes(5000))
    assert payloads(path) == items(5)


def test_what_is_acknowledged_after_a_crash_can_be_missed(tmp_path: Path) -> None:
    """Once a writer has opened the log, a record that was kept counts as acknowledged."""
    path, other = tmp_path / "log", tmp_path / "other"
    ends = write_log(path, 8)
    write_log(other, 5)
    path.write_bytes(other.read_bytes()[: 2 * PAGE] + path.read_bytes()[2 * PAGE :])
    ChangeLog(path, writable=True)
    path.write_bytes(path.read_bytes()[: ends[7]])
    with pytest.raises(StorageError, match="torn in record 8"):
        ChangeLog(path)


def test_not_a_log(tmp_path: Path) -> None:
    cases = {"empty": b"", "zeros": bytes(3 * PAGE), "text": b"hello " * 3000}
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(StorageError, match=f"{tmp_path / name}: damaged in both slots of its header, or no log"):
            ChangeLog(tmp_path / name)
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    for name in ("missing", "link", "."):
        with pytest.raises(StorageError, match="cannot be read"):
            ChangeLog(tmp_path / name)


@pytest.mark.parametrize("at", range(1, 8))
def test_a_disk_that_refuses_one_call(tmp_path: Path, at: int) -> None:
    """Before the record is safe, nothing was changed and the log goes on; after it, the change is in doubt."""
    path = tmp_path / "log"
    write_log(path, 3)
    log = ChangeLog(path, writable=True)
    with intercepted(disk := FailingDisk(at)):
        if at > 5:
            log.append(item(3))  # which is five calls
        else:
            with pytest.raises(StorageError, match=f"{path}: cannot be written .No space") as caught:
                log.append(item(3))
    assert disk.seen == min(at, 5) + 2 * (at < 4)
    if at < 4:
        assert "nothing was changed" in str(caught.value)
        log.append(item(3))
    elif at < 6:
        assert "in doubt" in str(caught.value)
        with pytest.raises(StorageError, match="in doubt"):
            log.append(item(3))
        assert payloads(path) in (items(3), items(4))
        log = ChangeLog(path, writable=True)
        if log.count == 3:
            log.append(item(3))
    log.append(item(4))
    assert payloads(path) == items(5)


def test_an_interrupted_append_leaves_the_log_in_doubt(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write_log(path, 3)
    for at in range(1, 6):
        log = ChangeLog(path, writable=True)
        before = log.count
        with intercepted(FailingDisk(at, error=KeyboardInterrupt())), pytest.raises(KeyboardInterrupt):
            log.append(item(before))
        with pytest.raises(StorageError, match="in doubt"):
            log.append(b"over what may be acknowledged")
        assert payloads(path) in (items(before), items(before + 1))
