"""A writer killed at any moment loses nothing that it acknowledged."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from amounts import slow
from store_cases import CALLS


@pytest.mark.parametrize(("rounds", "least"), [(1, 50), slow(3, 200)])
def test_kill_at_every_call_that_changes_the_disk(tmp_path: Path, rounds: int, least: int) -> None:
    script = Path(__file__).with_name("store_kills.py")
    command = [sys.executable, str(script), str(tmp_path / "gallery"), "5", str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    kills = json.loads(done.stdout)
    kills.pop("end", None)
    assert sum(kills.values()) >= least
    assert set(kills) == set(CALLS)
