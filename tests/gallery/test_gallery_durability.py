"""A writer of a gallery killed at any moment loses no case that it acknowledged."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from amounts import slow


@pytest.mark.parametrize(("kind", "kills"), [("flat", 12), ("ivf", 6), slow("flat", 50), slow("ivf", 25)])
def test_kill_while_cases_are_added_removed_and_compacted(tmp_path, kind, kills):
    script = Path(__file__).with_name("gallery_kills.py")
    command = [sys.executable, str(script), str(tmp_path / "gallery"), kind, str(kills), "7"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    counted = json.loads(done.stdout)
    at_calls = sum(counted.values()) - counted["moment"]
    assert at_calls + counted["moment"] >= kills
    assert min(at_calls, counted["moment"]) >= kills // 5
