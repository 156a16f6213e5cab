"""What a DICOM file may grow to while pydicom reads it: bytes unpacked, and pieces to parse."""

import io
import zlib
from collections.abc import Collection
from typing import TYPE_CHECKING, BinaryIO, cast

from embedlearn.errors import ImageError
from embedlearn.radiographs.opening import Film, raw_file

if TYPE_CHECKING:
    from pydicom import FileDataset

DEFLATED = "1.2.840.10008.1.2.1.99"
MAX_INFLATED = 1 << 28  # bytes: more than any film of the size that is read needs
SUSPICIOUS = 1 << 22  # bytes of an inflated data set from which on its ratio is looked at
MAX_RATIO = 100  # of bytes inflated to packed: radiographs stay below 20, zeros reach 1,000
MAX_READS = 100_000  # an element, or an item of a sequence, takes one to three: films have hundreds of them
BLOCK = 1 << 16


class CountedFile(io.BufferedReader):
    """A file that may be read from `MAX_READS` times and then ends: each piece takes time to parse."""

    reads = 0
    name = ""  # pydicom asks a file for it, and bytes in memory have none

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes."""
        self.reads += 1
        return super().read(size) if self.reads <= MAX_READS else b""


def read_bounded(film: Film, stop_at: Collection[int] = ()) -> "FileDataset":
    """The data set of a film, up to the first element with one of the tags `stop_at`, whatever its file is.

    Raises `ImageError` where it unpacks or parses beyond all films, and almost anything where it is broken.
    """
    files = [CountedFile(cast("io.RawIOBase", raw_file(film)))]
    try:
        return _parsed(film, files, stop_at)
    finally:  # pydicom makes errors of its own, or none, of a file that ends early
        files[0].close()
        if any(file.reads > MAX_READS for file in files):
            raise ImageError(f"{film}: wanted a DICOM film, got one in more than {MAX_READS:,} pieces; leave it out")


def _parsed(film: Film, files: list[CountedFile], stop_at: Collection[int]) -> "FileDataset":
    """The data set in the one file of `files`, to which what a deflated one unpacks to is added."""
    from pydicom import FileDataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.filereader import read_dataset, read_partial, read_preamble

    def stop(tag: int, kind: str | None, length: int) -> bool:
        return tag in stop_at

    whole = cast("BinaryIO", files[0])
    preamble = read_preamble(whole, force=True)
    meta = read_dataset(whole, False, True, stop_when=lambda tag, kind, length: tag >> 16 != 2)
    if str(meta.get("TransferSyntaxUID", "")) != DEFLATED:
        whole.seek(0)
        return read_partial(whole, stop, force=True)
    files.append(CountedFile(cast("io.RawIOBase", io.BytesIO(_inflated(film, whole.read())))))
    dataset = read_dataset(cast("BinaryIO", files[1]), False, True, stop_when=stop)
    return FileDataset(files[1], dataset, preamble, FileMetaDataset(meta), False, True)


def _inflated(film: Film, packed: bytes) -> bytes:
    """What a deflated data set (PS3.5 A.5) unpacks to. Raises `ImageError` where it is beyond all films."""
    most = min(MAX_INFLATED, max(SUSPICIOUS, MAX_RATIO * len(packed)))
    unpack = zlib.decompressobj(-zlib.MAX_WBITS)
    data = unpack.decompress(packed, most + 1)
    if len(data) > most:
        raise ImageError(
            f"{film}: wanted a DICOM film that unpacks to at most {most >> 20} MiB, got more from "
            f"{len(packed):,} bytes; leave it out"
        )
    if not unpack.eof:
        raise EOFError("the deflated data set is cut short")
    return data
