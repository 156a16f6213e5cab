"""Of two processes that train together the first alone makes the folder, speaks and writes."""

import os
import socket
import subprocess
import sys

import pandas as pd

from embedlearn.encoders.checkpoints import load_encoder
from embedlearn.radiographs.phantom import write_phantoms

SMALL = ("--size", "32", "--dimension", "16", "--batch", "32", "--epochs", "1", "--crop", "0.7")
# What torchrun does, but what both load is loaded once.
FORK = """
import os, sys
import lightning_fabric, torch, embedlearn.sources, embedlearn.tasks.training
from embedlearn import pretrain

second = os.fork()
os.environ["RANK"] = os.environ["LOCAL_RANK"] = "0" if second else "1"
if not second:
    os.dup2(os.open(os.environ["SECOND"], os.O_WRONLY | os.O_CREAT), 1)
pretrain.main(sys.argv[1:])
if second and os.waitpid(second, 0)[1]:
    raise SystemExit("the second failed")
"""


def test_the_first_of_two_processes_makes_the_run_and_speaks_alone(tmp_path):
    write_phantoms(tmp_path / "films", patients=40, films=1, size=64, seed=3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    together = {
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2",
        "GROUP_RANK": "0", "TORCHELASTIC_RUN_ID": "none", "OMP_NUM_THREADS": "1",
        "EMBEDLEARN_CACHE": str(tmp_path / "cache"), "SECOND": str(tmp_path / "second"),
    }  # fmt: skip
    flags = ["--data", str(tmp_path / "films"), "--runs", str(tmp_path / "runs"), "--name", "pair", *SMALL]
    done = subprocess.run(
        [sys.executable, "-c", FORK, *flags], capture_output=True, text=True, env={**os.environ, **together}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("\nepoch   1/1") == 1 and done.stdout.count(f"wrote {tmp_path / 'runs' / 'pair'}; ") == 1
    assert (tmp_path / "second").read_text(encoding="utf-8") == ""
    assert os.listdir(tmp_path / "runs") == ["pair"]
    assert len(pd.read_csv(tmp_path / "runs" / "pair" / "history.csv")) == 1
    assert load_encoder(tmp_path / "runs" / "pair" / "encoder.safetensors").encoder.architecture.dimension == 16
