"""Gradient CAMs by name: the maps of the `grad-cam` package as it computes them, before it clips and rescales them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from embedlearn.encoders.devices import evaluating
from embedlearn.encoders.encoder import Encoder
from embedlearn.errors import ArgumentError

Score = Literal["dot", "cosine"]

CANCELS = (
    "on a cosine, evidence for and against cancel: the signed map sums to zero, and is blank for a film that is nearly "
    "the reference, where a rescaled picture shows noise as evidence; ask for the dot product, or for exact"
)
VANISHES = (
    "on a cosine, it shows half of a sum that is zero, and nothing for a film that is nearly the reference, where a "
    "rescaled picture shows noise as evidence; ask for the dot product, or for exact"
)
FLAT = (
    "on a cosine, its softmax over scores from -1 to 1 weighs all channels nearly alike, so that it hardly looks at "
    "the target; ask for the dot product, or for exact"
)
HALF = "it shows only what speaks for the target; what speaks against it is dropped, in a margin the whole other class"
UNASKED = "it does not look at the target: every class and every case gets the same map"
TURNED = "its values are those of a principal component: their sign says nothing, their mean is zero"


@dataclass(frozen=True, eq=False)
class Scene:
    """What a family of maps looks at: films and their feature maps [B, C, h, w], and one target vector [D] a film."""

    encoder: Encoder
    inputs: Tensor
    features: Tensor
    vectors: Tensor
    score: Score
    seed: int

    def scores(self, features: Tensor, vectors: Tensor) -> Tensor:
        """Scores z . v [B] of feature maps [B, C, h, w] and vectors [B, D]; only for a cosine is z of length 1."""
        pooled = self.encoder.pool(features)
        embeddings = self.encoder.project(pooled) if self.score == "cosine" else self.encoder.projection(pooled)
        return (embeddings * vectors).sum(1)

    def gradients(self) -> Tensor:
        """Of the films' scores, by their feature maps [B, C, h, w]."""
        with torch.enable_grad():
            features = self.features.detach().requires_grad_()
            return torch.autograd.grad(self.scores(features, self.vectors).sum(), features)[0]


class Family(NamedTuple):
    """How a method computes its maps [B, h, w], what a reader must know, and whether it asks for a score."""

    maps: Callable[[Scene], Tensor]
    caution: str = ""
    on_cosine: str = ""
    asks: bool = True


@dataclass(frozen=True)
class GradientMethod:
    """A gradient CAM: (encoder, inputs [B, 1, S, S], vectors [B, D]) to maps float32 [B, h, w], one vector a film.

    `score` "dot" is the class score v . W pool(f), not normalised, as Grad-CAM (Selvaraju 2017) asks of a class;
    "cosine" is z . v of the normalised embedding. A margin is either of them with a difference of two class vectors.
    The values are as the method has them, signed where it is, at the resolution of the feature map: nothing is clipped,
    rescaled or enlarged, so that a blank map stays blank. `trap` says what the map cannot show.

    The network is asked in evaluation mode and left as it was: no hook, no gradient, its modes unchanged.
    """

    family: str
    score: Score = "dot"
    seed: int = 0
    """Of what is drawn: only by randomcam and kpcacam."""

    @property
    def trap(self) -> str:
        """What a reader of the map must know, in plain words; empty where there is nothing."""
        known = FAMILIES[self.family]
        told = [known.caution, known.on_cosine if self.score == "cosine" else ""]
        return ". ".join(part for part in told if part)

    @torch.no_grad()
    def __call__(self, encoder: Encoder, inputs: Tensor, vectors: Tensor) -> Tensor:
        require_one_each(inputs, vectors)
        with evaluating(encoder):
            features = encoder.backbone(inputs).contiguous()
            scene = Scene(encoder, inputs, features, vectors.to(features), self.score, self.seed)
            return FAMILIES[self.family].maps(scene).float()


def require_one_each(inputs: Tensor, vectors: Tensor) -> None:
    """Raise `ArgumentError` unless there is one target vector [D] a film."""
    if vectors.ndim != 2 or len(vectors) != len(inputs):
        raise ArgumentError(f"vectors: wanted [{len(inputs)}, D], one a film, got {list(vectors.shape)}; expand it")


def _packaged(name: str, *, gradients: bool = True, scale: float = 1.0) -> Callable[[Scene], Tensor]:
    """The raw map of a class of the package, from feature maps and gradients alone.

    `scale` divides the one and multiplies the other, which changes no product of both.
    """

    def maps(scene: Scene) -> Tensor:
        import pytorch_grad_cam

        # The class hangs hooks on its model and sets its mode, but the raw map needs none: any layer serves.
        stand_in = nn.PReLU()
        cam = getattr(pytorch_grad_cam, name)(stand_in, [stand_in])
        slopes = (scene.gradients() * scale).cpu().numpy() if gradients else np.zeros(scene.features.shape, np.float32)
        features = (scene.features / scale).cpu().numpy()
        with _seeded_numpy(scene.seed):
            found = cam.get_cam_image(None, None, None, features, slopes, False)
        return torch.from_numpy(np.asarray(found, np.float32)).to(scene.features.device)

    return maps


@contextlib.contextmanager
def _seeded_numpy(seed: int) -> Iterator[None]:
    """Numpy's global generator, which the package draws from, seeded; behind the block it is what it was."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


def _ablation(scene: Scene) -> Tensor:
    """Ablation-CAM (Desai 2020): a channel weighs what the score loses when it is set to zero.

    The package divides by the score, which turns the map of a negative one round, and does not set channels to zero
    where no activation of the film is zero.
    """
    whole = scene.scores(scene.features, scene.vectors)
    losses = []
    for channel in range(scene.features.shape[1]):
        without = scene.features.clone()
        without[:, channel] = 0
        losses.append(whole - scene.scores(without, scene.vectors))
    return torch.einsum("cb,bchw->bhw", torch.stack(losses), scene.features)


def _score(scene: Scene, batch: int = 32) -> Tensor:
    """Score-CAM (Wang 2020): a channel weighs by the score of the film seen through it, softmax over the channels."""
    maps = []
    for film, features, vector in zip(scene.inputs, scene.features, scene.vectors, strict=True):
        masks = nn.functional.interpolate(features[:, None], film.shape[-2:], mode="bilinear", align_corners=True)
        low, high = masks.amin((-2, -1), keepdim=True), masks.amax((-2, -1), keepdim=True)
        masks = (masks - low) / (high - low + 1e-8)
        scores = [
            scene.scores(scene.encoder.backbone(film * part), vector.expand(len(part), -1))
            for part in torch.split(masks, batch)
        ]
        maps.append(torch.einsum("c,chw->hw", torch.cat(scores).softmax(0), features))
    return torch.stack(maps)


FAMILIES: dict[str, Family] = {
    "gradcam": Family(_packaged("GradCAM"), on_cosine=CANCELS),
    # Squared gradients are as small as the 1e-6 that the package adds to them: a larger unit leaves it without effect.
    "gradcam++": Family(_packaged("GradCAMPlusPlus", scale=2.0**20), HALF, VANISHES),
    "hirescam": Family(_packaged("HiResCAM"), on_cosine=CANCELS),
    "xgradcam": Family(_packaged("XGradCAM"), on_cosine=CANCELS),
    "layercam": Family(_packaged("LayerCAM"), HALF, VANISHES),
    "gradcamelementwise": Family(_packaged("GradCAMElementWise"), HALF, VANISHES),
    "eigengradcam": Family(_packaged("EigenGradCAM"), TURNED, VANISHES),
    "segeigencam": Family(_packaged("SegEigenCAM"), TURNED, VANISHES),
    "ablationcam": Family(_ablation),
    "scorecam": Family(_score, HALF, FLAT),
    "eigencam": Family(_packaged("EigenCAM", gradients=False), f"{UNASKED}. {TURNED}", asks=False),
    "kpcacam": Family(_packaged("KPCA_CAM", gradients=False), f"{UNASKED}. {TURNED}", asks=False),
    "fem": Family(_packaged("FEM", gradients=False), UNASKED, asks=False),
    "randomcam": Family(_packaged("RandomCAM", gradients=False), f"{UNASKED}. Its weights are drawn", asks=False),
}

GRADIENT_METHODS: dict[str, GradientMethod] = {
    **{name: GradientMethod(name) for name in FAMILIES},
    **{f"{name}-cosine": GradientMethod(name, "cosine") for name, family in FAMILIES.items() if family.asks},
}
"""By name: a family alone asks for the dot product, with -cosine for the cosine."""

REFUSED: dict[str, str] = {
    "shapleycam": "it is Grad-CAM here: the dot product is of degree 1 in the features and the cosine of degree 0, so "
    "that its second-order term is nothing, or half of the gradient; use gradcam",
    "finercam": "it is Grad-CAM on the difference of classes; use gradcam with a margin",
    "fullgrad": "it adds up the maps of all layers after each was rescaled to 0..1, so that its values have no unit; "
    "use hirescam",
    "refinecam": "it multiplies the maps of several layers, each rescaled to 0..1, so that its values have no unit; "
    "use layercam",
    "sess": "it fuses the rescaled maps of enlarged cut-outs, weighed by class probabilities, which an embedding has "
    "not; use gradcam",
    "guidedbackprop": "it puts layers of its own into the network, and shows pixels, not places; use hirescam",
}
"""Methods of the package that are not offered, and why."""
