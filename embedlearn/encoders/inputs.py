"""From 8-bit pixels to what a network reads, and from there to embeddings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from embedlearn.encoders.encoder import Encoder
from embedlearn.radiographs.cache import Films
from embedlearn.radiographs.preprocessing import Preprocessing

BATCH = 128
SHARE_HELD = 0.4  # of a GPU's free memory


class FilmSource:
    """Films for a network: held on its GPU where they are used again and again and fit, else read when asked for."""

    def __init__(self, films: Films, device: torch.device, *, again: bool = False) -> None:
        self.films, self.device = films, device
        self.held: Tensor | None = None  # uint8 [N, S, S]
        needed = len(films) * films.pixels[:1].nbytes
        if again and device.type == "cuda" and needed < torch.cuda.mem_get_info(device)[0] * SHARE_HELD:
            self.hold()

    def hold(self) -> None:
        """Put all films on the device."""
        self.held = torch.from_numpy(self.films[slice(None)]).to(self.device)

    def greys(self, rows: NDArray[np.int64]) -> Tensor:
        """Films, by rows int64 [B], as grey values float32 [B, 1, S, S] in 0..1 on the device."""
        if self.held is None:
            pixels = torch.from_numpy(np.ascontiguousarray(self.films[rows])).to(self.device)
        else:
            pixels = self.held[torch.from_numpy(rows).to(self.device)]
        return pixels[:, None].float() / 255


def standardise(greys: Tensor, settings: Preprocessing) -> Tensor:
    """Grey values float [B, 1, S, S] in 0..1 to a network's input, channels last, as `settings` say."""
    if settings.standardise == "fixed":
        values = (greys - 0.5) / 0.25
    else:
        deviation = greys.std((-2, -1), keepdim=True, correction=0)
        values = (greys - greys.mean((-2, -1), keepdim=True)) / deviation.clamp_min(1e-3)
    return values.contiguous(memory_format=torch.channels_last)


def embed_films(
    encoder: Encoder,
    films: Films,
    settings: Preprocessing,
    *,
    device: torch.device | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float32]:
    """Embeddings float32 [N, D] of length 1, in full precision and in evaluation mode, `BATCH` films at a time."""
    return ask_films(encoder, films, settings, (encoder.architecture.dimension,), device=device, progress=progress)


@torch.no_grad()
def ask_films(
    network: nn.Module,
    films: Films,
    settings: Preprocessing,
    shape: tuple[int, ...],
    *,
    device: torch.device | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float32]:
    """What `network` answers to the films, float32 [N, *shape], computed as `embed_films` says."""
    device = device or torch.device("cpu")
    training = network.training
    network.to(device=device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    source = FilmSource(films, device)
    answers = np.empty((len(films), *shape), np.float32)
    with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        for start in range(0, len(films), BATCH):
            rows = np.arange(start, min(start + BATCH, len(films)))
            answers[rows] = network(standardise(source.greys(rows), settings)).cpu().numpy()
            if progress:
                progress(min(start + BATCH, len(films)), len(films))
    network.train(training)
    return answers
