"""A folder of the toolkit's own synthetic films."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from embedlearn.radiographs.labels import canonical_label
from embedlearn.radiographs.manifest import Manifest

NAME = "phantoms"
TREE = "manifest.csv, phantom.json and phantom-a, phantom-b"


def recognises(folder: Path) -> bool:
    """Whether `folder` is one that `write_phantoms` made."""
    return (folder / "manifest.csv").is_file() and (folder / "phantom.json").is_file()


def read(folder: Path, names: Mapping[str, str] | None = None) -> Manifest:
    """One row a film, with patient and view. Raises `ManifestError` where the table or a film is missing."""
    from embedlearn.radiographs.phantom import phantom_manifest

    manifest = phantom_manifest(folder)
    labels = [canonical_label(label, names) for label in manifest.frame["label"]]
    return replace(manifest, frame=manifest.frame.assign(label=labels))
