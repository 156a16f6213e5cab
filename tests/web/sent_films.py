"""Films as the bytes that a browser sends, honest ones and others."""

import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian


def saved(film: NDArray[Any], form: str = "PNG", **options: Any) -> bytes:
    """A film written by Pillow."""
    file = io.BytesIO()
    Image.fromarray(film).save(file, form, **options)
    return file.getvalue()


def dicom(
    pixels: NDArray[Any], syntax: UID = ExplicitVRLittleEndian, *, frame: bytes | None = None, **elements: Any
) -> bytes:
    """A DICOM film of `syntax`; `frame` is its packed picture where that syntax packs it."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = "1.2.3"
    dataset.PatientID = "P-7"
    dataset.Modality = "DX"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated = 8 * pixels.dtype.itemsize
    dataset.BitsStored = 8 if pixels.dtype == np.uint8 else 12
    dataset.HighBit = dataset.BitsStored - 1
    ordered = pixels.astype(pixels.dtype.newbyteorder("<" if syntax.is_little_endian else ">"))
    dataset.PixelData = encapsulate([frame]) if frame else ordered.tobytes()
    dataset["PixelData"].VR = "OB" if frame or dataset.BitsAllocated == 8 else "OW"
    for name, value in elements.items():
        setattr(dataset, name, value)
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def png_of(width: int, height: int, packed: bytes) -> bytes:
    """An 8-bit grey PNG that claims these sides, with `packed` as its compressed rows."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def slow_jpeg(scans: int = 5_000, side: int = 4_000) -> bytes:
    """A small progressive JPEG whose last scan is repeated: each takes milliseconds, and all are honest work."""
    data = saved(np.full((side, side), 90, np.uint8), "JPEG", progressive=True, quality=50)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * scans + b"\xff\xd9"
