"""What the benchmark of the server serves and sends: an untrained run, a gallery of phantoms, and films as requests."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from PIL import Image

from embedlearn.embeddings import Embeddings
from embedlearn.encoders.checkpoints import SavedEncoder, load_encoder, save_encoder
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.inputs import embed_films
from embedlearn.encoders.runs import ENCODER, UNTRAINED, VALIDATION, describe_data, finish_run, open_run, start_run
from embedlearn.encoders.settings import Architecture
from embedlearn.gallery.gallery import Gallery
from embedlearn.gallery.identities import Identities, new_salt
from embedlearn.gallery.records import case_rows
from embedlearn.radiographs import phantom
from embedlearn.radiographs.cache import open_films
from embedlearn.radiographs.labels import HEALTHY, PNEUMONIA
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.splits import assign_splits

CLASSES = (HEALTHY, PNEUMONIA)
SEED = 7
BOUNDARY = b"film-after-film"


@dataclass(frozen=True)
class Scene:
    """A run folder and a gallery, and films that are in neither, as PNG files in one folder."""

    backbone: str
    size: int
    run: Path
    gallery: Path
    films: Path

    def __str__(self) -> str:
        return f"{self.backbone} at {self.size} px"


def make_scene(
    place: Path, backbone: str, size: int, *, patients: int = 240, films: int = 64, side: int = 512
) -> Scene:
    """A scene in the folder `place`: `films` films of `side` pixels a side are there to be sent."""
    manifest = phantom.write_phantoms(place / "known", patients=patients, films=1, size=2 * size, seed=SEED)
    settings = Preprocessing(size=size)
    known = open_films(manifest.paths, settings, folder=place / "cache")
    manifest = manifest.with_columns(case=range(len(manifest)), sha256=known.digests)
    manifest = assign_splits(manifest, CLASSES, val=0.3, test=0.3, seed=SEED)
    run = place / "run"
    flags = {"classes": CLASSES, "architecture": asdict(Architecture(backbone)), "preprocessing": asdict(settings)}
    start_run(run, flags, manifest, describe_data(manifest))
    encoder = Encoder(Architecture(backbone), seed=SEED).eval()
    vectors = embed_films(encoder, known, settings)
    for name in (ENCODER, UNTRAINED):
        save_encoder(run / name, encoder, settings, torch.from_numpy(vectors.mean(0)))
    finish_run(run, {"epoch": 0})
    saved = load_encoder(run / ENCODER)
    whole = Embeddings(vectors, open_run(run).manifest().frame, saved.digest, settings.digest, saved.center.numpy())
    base = whole.where(whole.frame["split"] == "val")
    base.save(run / VALIDATION)
    _save_gallery(place / "gallery", whole, saved)
    draw_films(place / "films", films, side)
    return Scene(backbone, size, run, place / "gallery", place / "films")


def _save_gallery(folder: Path, films: Embeddings, saved: SavedEncoder) -> None:
    salt = new_salt()
    rows = case_rows(films.frame, Identities(salt))
    extra = {"id_column": None, "preprocessing": asdict(saved.preprocessing)}
    made_by = {"encoder": saved.digest, "preprocessing": saved.preprocessing.digest}
    Gallery(device="cpu").fit(films.vectors, rows, **made_by, salt=salt, extra=extra).save(folder)


def draw_films(folder: Path, count: int, side: int) -> None:
    """Phantoms of patients whom no run has seen, as PNG files."""
    folder.mkdir()
    for number in range(count):
        label, source = phantom.LABELS[number % len(phantom.LABELS)], phantom.SOURCES[number % len(phantom.SOURCES)]
        pixels = phantom.draw_film(label, seed=SEED + 1, patient=number, source=source, size=side)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "png")
        (folder / f"{number:04d}.png").write_bytes(file.getvalue())


def write_requests(folder: Path, films: Path, address: str, each: int = 1) -> Path:
    """Whole requests with `each` films in turn, one a file in the new folder `folder`."""
    folder.mkdir(parents=True)
    sent = [path.read_bytes() for path in sorted(films.iterdir())]
    for number in range(len(sent)):
        chosen = [sent[(number * each + place) % len(sent)] for place in range(each)]
        (folder / f"{number:04d}").write_bytes(post(address, chosen))
    return folder


def post(address: str, films: Sequence[bytes]) -> bytes:
    """A request with films: one as it is, several as a form."""
    kind, body = b"image/png", films[0]
    if len(films) > 1:
        kind = b"multipart/form-data; boundary=" + BOUNDARY
        head = b'Content-Disposition: form-data; name="film"; filename="film.png"\r\nContent-Type: image/png\r\n\r\n'
        parts = b"".join(b"--" + BOUNDARY + b"\r\n" + head + film + b"\r\n" for film in films)
        body = parts + b"--" + BOUNDARY + b"--\r\n"
    lines = [b"POST %s HTTP/1.1" % address.encode(), b"Host: 127.0.0.1", b"Content-Type: " + kind]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body])
