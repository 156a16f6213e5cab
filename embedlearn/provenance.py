"""What made a result: versions, machine, commit."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

PACKAGES = (
    "embedlearn", "torch", "torchvision", "pytorch-metric-learning", "numpy", "scikit-learn", "pillow",
    "openTSNE", "umap-learn", "minisom", "bokeh", "grad-cam",
)  # fmt: skip


def describe_software() -> dict[str, object]:
    """Versions, interpreter, processor threads, and the git commit where the package lies in a checkout."""
    return {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "faiss": next((f"{name} {_version(name)}" for name in ("faiss-gpu", "faiss-cpu") if _version(name)), None),
        "system": platform.system(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "commit": _commit(),
    }


def _version(name: str) -> str | None:
    """The installed version; None where the package is used without being installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The checkout's commit, with "+changes" where tracked files differ from it."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    try:
        commit, status = (
            subprocess.run(
                ["git", "-C", str(root), *words], capture_output=True, text=True, timeout=10, check=True
            ).stdout
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return commit.strip() + ("+changes" if status.strip() else "")
