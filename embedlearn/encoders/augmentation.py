"""Random views of films, drawn for a whole batch at once."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from embedlearn.encoders.settings import Augmentation


def augment(films: Tensor, settings: Augmentation, generator: torch.Generator) -> Tensor:
    """One random view of each film: float [B, 1, S, S] in 0..1, to the same."""
    random = _Random(len(films), films.device, generator)
    return _change_greys(settings, _blur(settings, _crop(settings, films, random), random), random)


class _Random:
    """Uniform draws, one a film, shaped [B, 1, 1, 1]; made on the generator's device, used on the films'."""

    def __init__(self, count: int, device: torch.device, generator: torch.Generator) -> None:
        self.count, self.device, self.generator = count, device, generator

    def uniform(self, low: float, high: float) -> Tensor:
        drawn = torch.rand(self.count, 1, 1, 1, generator=self.generator, device=self.generator.device)
        return drawn.to(self.device) * (high - low) + low

    def normal_like(self, films: Tensor) -> Tensor:
        drawn = torch.randn(films.shape, generator=self.generator, device=self.generator.device)
        return drawn.to(self.device)


def _crop(settings: Augmentation, films: Tensor, random: _Random) -> Tensor:
    """A rotated window of the film, of random area and aspect ratio, resampled to the film's size."""
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


def _change_greys(settings: Augmentation, films: Tensor, random: _Random) -> Tensor:
    gamma = random.uniform(-settings.gamma, settings.gamma).exp()
    films = films.clamp(1e-4, 1).pow(gamma)
    contrast = 1 + random.uniform(-settings.contrast, settings.contrast)
    brightness = random.uniform(-settings.contrast, settings.contrast) / 4
    middle = films.mean((-2, -1), keepdim=True)
    films = (films - middle) * contrast + middle + brightness
    if settings.noise:
        films = films + random.normal_like(films) * random.uniform(0, settings.noise)
    return films.clamp(0, 1)
