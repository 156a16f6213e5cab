"""Encoders as ONNX files, which answer without this package and without torch."""

from __future__ import annotations

import copy
import dataclasses
import json
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from embedlearn.encoders.checkpoints import SavedEncoder
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.inputs import standardise
from embedlearn.errors import ArgumentError, MismatchError
from embedlearn.files import replacing
from embedlearn.flags import require_packages
from embedlearn.provenance import describe_software
from embedlearn.radiographs.preprocessing import Preprocessing

FLAG = "--export onnx"
PACKAGES = ("onnx", "onnxruntime", "onnxscript")
TOLERANCE = 1e-4  # of a coordinate of an embedding of length 1


class FilmReader(nn.Module):
    """An encoder with its standardisation: grey values float32 [N, 1, S, S] in 0..1 to embeddings float32 [N, D]."""

    def __init__(self, encoder: Encoder, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.encoder = encoder
        self.preprocessing = preprocessing

    def forward(self, films: Tensor) -> Tensor:
        return self.encoder(standardise(films, self.preprocessing))  # type: ignore[no-any-return]


def export_onnx(saved: SavedEncoder, path: Path) -> float:
    """Write `saved` as one ONNX file, whole or not at all, and return how far its answers are from torch's.

    The graph reads `films`, float32 [N, 1, S, S], grey values in 0..1 of squares as the preprocessing makes them, S its
    size, N free; standardises them; and gives `embeddings`, float32 [N, D], of length 1. The file's metadata say which
    encoder it is (SHA-256 of its file), of what architecture, and after what preprocessing. The same encoder gives the
    same bytes. The distance is the largest difference of a coordinate over random films, in onnxruntime on the CPU.

    Raises `ArgumentError` where a package is missing or the backbone cannot be exported, `MismatchError` where the
    distance is above `TOLERANCE`, `StorageError` where the file cannot be written.
    """
    require_packages(FLAG, PACKAGES, "onnx")
    encoder = copy.deepcopy(saved.encoder).cpu().to(memory_format=torch.contiguous_format)
    reader = FilmReader(encoder, saved.preprocessing).eval().requires_grad_(False)
    with replacing(path) as beside:
        _write(reader, saved.digest, beside)
        distance = _compare(reader, beside)
        if not distance <= TOLERANCE:
            raise MismatchError(
                f"{path}: the exported encoder's embeddings are {distance:.2g} from torch's, wanted {TOLERANCE:.2g} at "
                "the most; nothing was written, try another version of torch or onnxruntime"
            )
    return distance


def _write(reader: FilmReader, digest: str, path: Path) -> None:
    import onnx_ir
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    architecture = reader.encoder.architecture
    films = _random_films(2, reader.preprocessing.size)  # two: torch takes an N of 1 for a constant
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*LeafSpec", FutureWarning)  # torch 2.11 warns of itself
            program = torch.onnx.export(
                reader, (films,), dynamo=True, verbose=False, input_names=["films"], output_names=["embeddings"],
                dynamic_shapes=({0: torch.export.Dim("N")},),
            )  # fmt: skip
    except torch.onnx.OnnxExporterError as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise ArgumentError(f"{FLAG}: {architecture.backbone} cannot be exported ({reason})") from error
    assert program is not None
    model = program.model
    ClearMetadataAndDocStringPass()(model)  # the exporter notes source lines, with their paths, at every node
    model.producer_name, model.producer_version = "embedlearn", None
    model.metadata_props.update(
        encoder=digest,
        architecture=json.dumps(dataclasses.asdict(architecture)),
        preprocessing=json.dumps(dataclasses.asdict(reader.preprocessing)),
        packages=json.dumps(describe_software()["packages"]),
    )
    onnx_ir.save(model, path, format="protobuf")


def _compare(reader: FilmReader, path: Path) -> float:
    """Check the file, and return the largest difference of its embeddings from the reader's."""
    import onnx
    import onnxruntime

    onnx.checker.check_model(path, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    distances = []
    for count in (1, 3):
        films = _random_films(count, reader.preprocessing.size)
        (embeddings,) = session.run(["embeddings"], {"films": films.numpy()})
        distances.append(np.abs(embeddings - reader(films).numpy()).max())
    return float(np.max(distances))  # NaN where any is


def _random_films(count: int, size: int) -> Tensor:
    """Grey values float32 [count, 1, size, size], uniform in 0..1."""
    return torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(count))
