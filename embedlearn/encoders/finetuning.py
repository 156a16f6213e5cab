"""The encoder's last block, trained on a few films; the trunk before it is frozen and answers a pool's films once."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize, one_hot

from embedlearn.encoders.backbones import DenseNetFeatures
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.inputs import BATCH, ask_films, embed_films
from embedlearn.errors import ArgumentError
from embedlearn.radiographs.cache import Films
from embedlearn.radiographs.preprocessing import Preprocessing

TOLERANCE = 1e-5  # of a coordinate of an embedding of length 1


@dataclass(frozen=True, eq=False)
class FrozenTrunk:
    """An encoder cut before its last block, with what the part before the cut answers to a pool of N films.

    `activations`: float [N, ...], for most backbones [N, C, h, w]. `tail`: what is behind the cut, an encoder that
    reads them. `freeze_trunk` makes both, the activations in float32 (36 kB a film for resdense at 96 pixels); whoever
    is short of memory may keep them in float16, which moves a cosine by some 1e-3.
    """

    activations: NDArray[np.floating]
    tail: Encoder


@dataclass(frozen=True, eq=False)
class TunedTail:
    """A tail trained on films of W classes.

    `weights`: float32 [W, dimension], one vector a class. `losses`: float64 [steps], each before its step.
    """

    tail: Encoder
    weights: Tensor
    losses: NDArray[np.float64]

    @torch.no_grad()
    def cosines(self, activations: NDArray[np.floating]) -> NDArray[np.float64]:
        """The cosine of each film, float [T, ...], to each class, float64 [T, W]."""
        cosines = np.empty((len(activations), len(self.weights)))
        with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
            for start in range(0, len(activations), BATCH):
                films = _as_tensor(activations[start : start + BATCH], self.weights.device)
                cosines[start : start + BATCH] = (self.tail(films) @ normalize(self.weights).T).cpu().numpy()
        return cosines


def freeze_trunk(
    encoder: Encoder,
    films: Films,
    settings: Preprocessing,
    *,
    blocks: int = 1,
    device: torch.device | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> FrozenTrunk:
    """Cut `encoder` before its last `blocks` blocks, and ask the trunk about every film as `embed_films` does.

    A block is a layer of the backbone that holds kernels or a matrix, with those behind it that hold none; a layer is
    a child of the backbone, or what is inside of it where the child is a mere sequence. So it is a residual-dense block
    of resdense, a residual block of ResNet, a dense block of DenseNet. The encoder is left as it is.

    Raises `ArgumentError` where there are no films or too few blocks, or the backbone is no chain of its layers: where
    the parts do not answer to the first film as the encoder does.
    """
    if not len(films):
        raise ArgumentError("films: wanted one or more, got none")
    trunk, tail = _cut(encoder, blocks)
    first = films.take(np.array([0]))
    expected = embed_films(copy.deepcopy(encoder), first, settings)
    try:
        shape = _answer_shape(trunk, settings.size)
        with torch.no_grad():
            answer = tail(torch.from_numpy(ask_films(trunk, first, settings, shape))).numpy()
            distance = float(np.abs(answer - expected).max())
    except Exception as error:  # layers out of place can fail in any way
        raise _no_chain(encoder, str(error).partition("\n")[0]) from error
    if not distance <= TOLERANCE:
        raise _no_chain(encoder, f"the layers one by one differ by {distance:.2g}")
    return FrozenTrunk(ask_films(trunk, films, settings, shape, device=device, progress=progress), tail)


def tune_tail(
    tail: Encoder,
    activations: NDArray[np.floating],
    label: NDArray[np.int64],
    n_way: int,
    *,
    steps: int,
    learning_rate: float,
    scale: float,
    device: torch.device,
) -> TunedTail:
    """A copy of `tail` trained on films, float [S, ...], with labels int [S]; every label 0..W-1 has a film.

    All films go into each step of AdamW (Loshchilov 2019, arXiv 1711.05101) on the cross-entropy of `scale` * cosine to
    one vector a class (Gidaris 2018, arXiv 1804.09458), which starts at the mean of its films' embeddings. Nothing is
    drawn: the films are not augmented, and the normalisation layers keep the statistics of pretraining.
    """
    tail = copy.deepcopy(tail).to(device).eval().requires_grad_(True)
    films, target = _as_tensor(activations, device), torch.from_numpy(label).to(device)
    losses = []
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        weights = nn.Parameter(normalize(one_hot(target, n_way).T.float() @ tail(films).detach()))
        optimiser = torch.optim.AdamW([*tail.parameters(), weights], lr=learning_rate, fused=True)
        for _ in range(steps):
            loss = cross_entropy(scale * tail(films) @ normalize(weights).T, target)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            losses.append(float(loss.detach()))
    return TunedTail(tail.requires_grad_(False), weights.detach(), np.array(losses))


def _cut(encoder: Encoder, blocks: int) -> tuple[nn.Sequential, Encoder]:
    """Copies of the two parts in evaluation mode, the second an encoder whose backbone is the last blocks.

    Their weights lie in the plain layout, whatever the encoder went through, so that equal weights give equal bits.
    """
    tail = copy.deepcopy(encoder).cpu().to(memory_format=torch.contiguous_format).eval()
    layers = [layer for child in tail.backbone.children() for layer in _layers(child)]
    if isinstance(tail.backbone, DenseNetFeatures):
        layers.append(nn.ReLU())
    starts = [place for place, layer in enumerate(layers) if any(weight.ndim > 1 for weight in layer.parameters())]
    if not 1 <= blocks < len(starts):
        name = encoder.architecture.backbone
        raise ArgumentError(f"blocks: wanted 1 or more, and fewer than the {len(starts)} of {name}, got {blocks}")
    trunk = nn.Sequential(*layers[: starts[-blocks]])
    tail.backbone = nn.Sequential(*layers[starts[-blocks] :])
    return trunk.eval(), tail


def _layers(module: nn.Module) -> Iterator[nn.Module]:
    """The module itself, or the layers inside of it where it is a mere sequence."""
    if type(module).forward is not nn.Sequential.forward:
        yield module
        return
    for child in module.children():
        yield from _layers(child)


@torch.no_grad()
def _answer_shape(trunk: nn.Module, size: int) -> tuple[int, ...]:
    """The shape of the trunk's answer to a film of `size` pixels a side."""
    return tuple(trunk(torch.zeros(1, 1, size, size)).shape[1:])


def _no_chain(encoder: Encoder, reason: str) -> ArgumentError:
    name = encoder.architecture.backbone
    return ArgumentError(
        f"--backbone {name}: its last block cannot be tuned, for it is no chain of layers ({reason}); "
        "leave fine-tuning out, or train another backbone such as resdense or resnet18"
    )


def _as_tensor(activations: NDArray[np.floating], device: torch.device) -> Tensor:
    """A copy in float32, for torch warns of memory that it must not write to."""
    return torch.from_numpy(np.array(activations, np.float32)).to(device)
