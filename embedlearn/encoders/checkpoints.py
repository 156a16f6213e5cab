"""Encoders on disk: one safetensors file that holds the weights and says what they belong to. Nothing is unpickled."""

from __future__ import annotations

import dataclasses
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.settings import Architecture
from embedlearn.errors import ArgumentError, CheckpointError
from embedlearn.files import file_digest, replacing
from embedlearn.radiographs.preprocessing import Preprocessing

FORMAT = "embedlearn-encoder-1"
CENTER = "center"
HEADER = "embedlearn"  # the entry of the file's metadata that is ours


@dataclass(frozen=True, eq=False)
class SavedEncoder:
    """An encoder as it was saved, with what its films must go through and where its training films lie.

    `center` is the mean embedding of the training films, float32 [D]; `digest` the SHA-256 of the file.
    """

    encoder: Encoder
    preprocessing: Preprocessing
    center: Tensor
    digest: str


def save_encoder(path: Path, encoder: Encoder, preprocessing: Preprocessing, center: Tensor) -> None:
    """Write an encoder, whole or not at all; the same encoder gives the same bytes. Raises `StorageError`."""
    settings = {
        "architecture": dataclasses.asdict(encoder.architecture),
        "preprocessing": dataclasses.asdict(preprocessing),
    }
    save_tensors(path, {**encoder.state_dict(), CENTER: center}, FORMAT, settings)


def load_encoder(path: Path) -> SavedEncoder:
    """Read an encoder, in evaluation mode. Raises `CheckpointError` for a file that is missing, torn or not ours."""
    tensors, settings = load_tensors(path, FORMAT)
    try:
        architecture = Architecture(**settings["architecture"])
        preprocessing = Preprocessing(**settings["preprocessing"])
        encoder = Encoder(architecture)
        center = tensors.pop(CENTER)
        encoder.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError, ArgumentError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{path}: the weights do not fit what the file says of them ({reason})") from error
    return SavedEncoder(encoder.eval(), preprocessing, center, file_digest(path))


def save_tensors(path: Path, tensors: Mapping[str, Tensor], form: str, settings: Mapping[str, Any]) -> None:
    """Write tensors and plain settings in one safetensors file, whole or not at all. Raises `StorageError`."""
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    words = json.dumps({"format": form, "settings": settings, "checksum": _checksum(whole)}, sort_keys=True)
    packed = save(whole, metadata={HEADER: words})  # one entry: safetensors writes several in any order
    with replacing(path) as beside:
        beside.write_bytes(packed)


def load_tensors(path: Path, form: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_tensors` wrote in the same form. Raises `CheckpointError`."""
    try:
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {}).get(HEADER, "{}"))
            if header.get("format") != form:
                raise CheckpointError(f"{path}: wanted a file of the form {form}, got {header.get('format')}")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if "checksum" in header and header["checksum"] != _checksum(tensors):
                raise CheckpointError(f"{path}: damaged (its checksum differs); make or copy it again")
            return tensors, header["settings"]
    except FileNotFoundError:
        raise CheckpointError(f"{path}: there is no such file; wanted one made by embedlearn pretrain") from None
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path}: torn or not a safetensors file ({error}); make or copy it again") from error


def _checksum(tensors: Mapping[str, Tensor]) -> int:
    """CRC-32 of the tensors' bytes, by name: a disk can hand back other bytes than it was given."""
    checksum = 0
    for name in sorted(tensors):
        checksum = zlib.crc32(tensors[name].contiguous().view(-1).view(torch.uint8).numpy().data, checksum)
    return checksum


def start_weights(encoder: Encoder, path: Path) -> None:
    """Start `encoder` from the weights of another one of the same architecture. Raises `CheckpointError`."""
    other = load_encoder(path).encoder
    if other.architecture != encoder.architecture:
        raise CheckpointError(
            f"--weights {path}: wanted weights of {encoder.architecture}, got {other.architecture}; change --backbone"
        )
    encoder.load_state_dict(other.state_dict())


def copy_weights(module: torch.nn.Module) -> dict[str, Tensor]:
    """The module's weights and buffers, copied to the CPU."""
    return {name: tensor.detach().cpu().clone() for name, tensor in module.state_dict().items()}
