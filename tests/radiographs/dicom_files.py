"""Small DICOM files for tests."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    RLELossless,
    generate_uid,
)


def ramp() -> NDArray[np.uint16]:
    """Values 0, 16, ... 4080, uint16 [16, 16]."""
    return np.arange(0, 4096, 16, dtype=np.uint16).reshape(16, 16)


def write(path: Path, pixels: NDArray[Any], *, rle: bool = False, **elements: Any) -> Path:
    """A single-frame DICOM file of 12 bits in 16 (or of `pixels`' own 8), with `elements` set, or removed if None."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = generate_uid()
    dataset.Modality = "DX"
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    dataset.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if pixels.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = 8 * pixels.dtype.itemsize
    dataset.BitsStored = 8 if pixels.dtype == np.uint8 else 12
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(np.issubdtype(pixels.dtype, np.signedinteger))
    dataset.PixelData = pixels.tobytes()
    for name, value in elements.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    if rle:
        dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.save_as(path, enforce_file_format=True)
    return path


def lut(first: int, bits: int, values: list[int]) -> Dataset:
    """One item of a VOI or modality LUT sequence."""
    item = Dataset()
    item.LUTDescriptor = [len(values), first, bits]
    item.add_new("LUTData", "US", values)
    return item


def deflated(path: Path, body: bytes) -> Path:
    """A file of the deflated transfer syntax with `body` as its data set."""
    dataset = dcmread(write(path, ramp()))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)
    start = 144 + dcmread(path, stop_before_pixels=True).file_meta.FileMetaInformationGroupLength
    if body:
        path.write_bytes(path.read_bytes()[:start] + body)
    return path
