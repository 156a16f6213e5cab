"""A writer killed at any moment loses nothing that it acknowledged."""

import json
import subprocess
import sys
from pathlib import Path

from store_cases import CALLS


def test_kill_at_every_call_that_changes_the_disk(tmp_path: Path) -> None:
    script = Path(__file__).with_name("store_kills.py")
    command = [sys.executable, str(script), str(tmp_path / "gallery"), "5"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    kills = json.loads(done.stdout)
    kills.pop("end", None)
    assert sum(kills.values()) >= 200
    assert set(kills) == set(CALLS)
