"""Random views of films, drawn for a whole batch at once."""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor, nn

from embedlearn.encoders.settings import Augmentation


def augment(
    films: Tensor,
    settings: Augmentation,
    generator: torch.Generator,
    others: Tensor | None = None,
    places: Tensor | None = None,
    size: int = 0,
) -> Tensor:
    """One random view of each film: float [B, 1, S, S] in 0..1, to the same.

    `others`: films to take spectra from, like `films`; None for the films themselves, each from the one before it.
    `places` int64 [B] and `size`: the films' places in a batch of so many that several processes share. Each draws for
    all and takes what falls to its own, so that a film's view does not depend on how the batch was divided.
    """
    random = _Random(films, generator, places, size)
    views = _blur(settings, _crop(settings, films, random), random)
    views = _mix_spectra(settings, views, films.roll(1, 0) if others is None else others, random)
    return _change_greys(settings, views, random)


class _Random:
    """Uniform draws, one a film, shaped [B, 1, 1, 1]; made on the generator's device, used on the films'."""

    def __init__(self, films: Tensor, generator: torch.Generator, places: Tensor | None, size: int) -> None:
        self.device, self.generator = films.device, generator
        self.places, self.count = places, len(films) if places is None else size

    def uniform(self, low: float, high: float) -> Tensor:
        drawn = torch.rand(self.count, 1, 1, 1, generator=self.generator, device=self.generator.device)
        mine = drawn if self.places is None else drawn[self.places]
        return mine.to(self.device) * (high - low) + low

    def grain(self, films: Tensor) -> Tensor:
        """Normal noise, shaped as the films: each a stretch of one long strip, begun anywhere."""
        strip, length = _strip(films.device), films[0].numel()
        begins = (self.uniform(0, 1).flatten() * (len(strip) - length)).long().tolist()
        return torch.stack([strip[begin : begin + length] for begin in begins]).view_as(films)


@functools.cache
def _strip(device: torch.device) -> Tensor:
    """A strip of normal numbers, float32 [2^23], drawn once: a process need not draw the noise of all."""
    return torch.randn(1 << 23, generator=torch.Generator().manual_seed(0)).to(device)


def _crop(settings: Augmentation, films: Tensor, random: _Random) -> Tensor:
    """A rotated window of the film, of random area and aspect ratio, resampled to the film's size."""
    if settings.crop == 1 and not settings.rotate:
        return films
    area = random.uniform(settings.crop, 1.0)
    aspect = random.uniform(-math.log(4 / 3), math.log(4 / 3)).exp().clamp(area, 1 / area)  # no side beyond the film's
    width, height = (area * aspect).sqrt(), (area / aspect).sqrt()
    left, top = random.uniform(-1, 1) * (1 - width), random.uniform(-1, 1) * (1 - height)
    angle = random.uniform(-1, 1) * math.radians(settings.rotate)
    cosine, sine = angle.cos(), angle.sin()
    rows = [torch.cat([width * cosine, -height * sine, left], -1), torch.cat([width * sine, height * cosine, top], -1)]
    grid = nn.functional.affine_grid(torch.cat(rows, -2).squeeze(1), list(films.shape), align_corners=False)
    return nn.functional.grid_sample(films, grid, padding_mode="reflection", align_corners=False)


def _blur(settings: Augmentation, films: Tensor, random: _Random) -> Tensor:
    """A separable Gaussian of another width for each film; about half of the films stay sharp."""
    if not settings.blur:
        return films
    sigma = random.uniform(-settings.blur, settings.blur).clamp_min(0.05)
    radius = min(math.ceil(2 * settings.blur), films.shape[-1] - 1)  # a reflection reaches no further
    offsets = torch.arange(-radius, radius + 1, device=films.device, dtype=films.dtype)
    kernel = (-0.5 * (offsets / sigma.view(-1, 1)) ** 2).exp()
    kernel = kernel / kernel.sum(1, keepdim=True)
    count = len(films)
    rows = nn.functional.pad(films.transpose(0, 1), (radius, radius, radius, radius), mode="reflect")
    across = nn.functional.conv2d(rows, kernel.view(count, 1, 1, -1), groups=count)
    return nn.functional.conv2d(across, kernel.view(count, 1, -1, 1), groups=count).transpose(0, 1)


def _mix_spectra(settings: Augmentation, films: Tensor, others: Tensor, random: _Random) -> Tensor:
    """Move a film's amplitude spectrum towards another's and keep its phase (Xu 2021, eq. 3, on a log scale).

    What is where in a film lies in the phase; how a machine and its processing render it lies in the amplitudes, so
    that a view no longer tells its source. Some films are left as they are, the others moved by any share of the way.
    """
    if not settings.spectrum:
        return films
    share = random.uniform(0, 1) * (random.uniform(0, 1) < settings.spectrum)
    moved = torch.nonzero(share.flatten()).flatten()
    if not len(moved):
        return films
    own, other = torch.fft.rfft2(films[moved]), torch.fft.rfft2(others[moved])
    gain = ((other.abs() + 1e-4) / (own.abs() + 1e-4)) ** share[moved]
    mixed = torch.fft.irfft2(own * gain, s=films.shape[-2:])
    return films.index_copy(0, moved, mixed.clamp(0, 1))


def _change_greys(settings: Augmentation, films: Tensor, random: _Random) -> Tensor:
    if settings.gamma:
        films = films.clamp(1e-4, 1).pow(random.uniform(-settings.gamma, settings.gamma).exp())
    if settings.contrast:
        contrast = 1 + random.uniform(-settings.contrast, settings.contrast)
        brightness = random.uniform(-settings.contrast, settings.contrast) / 4
        middle = films.mean((-2, -1), keepdim=True)
        films = (films - middle) * contrast + middle + brightness
    if settings.noise:
        films = films + random.grain(films) * random.uniform(0, settings.noise)
    return films.clamp(0, 1)
