"""Gradient CAMs: raw values as plain loops and the package have them, the traps shown, the network left as it was."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.settings import Architecture
from embedlearn.errors import ArgumentError
from embedlearn.explanations.exact import exact_maps
from embedlearn.explanations.gradient import FAMILIES, GRADIENT_METHODS, REFUSED, GradientMethod, Scene, evaluating
from embedlearn.explanations.readout import read_encoder

SIGNED = ("gradcam", "hirescam", "xgradcam")
PACKAGE = {
    "gradcam": "GradCAM", "hirescam": "HiResCAM", "xgradcam": "XGradCAM", "layercam": "LayerCAM",
    "gradcamelementwise": "GradCAMElementWise", "eigengradcam": "EigenGradCAM", "segeigencam": "SegEigenCAM",
    "eigencam": "EigenCAM", "kpcacam": "KPCA_CAM", "fem": "FEM", "ablationcam": "AblationCAM", "scorecam": "ScoreCAM",
}  # fmt: skip


def make_encoder(pooling: str = "mean", seed: int = 0) -> Encoder:
    """A tiny network whose feature map [B, 12, 6, 6] has dead places, as a ReLU leaves them."""
    encoder = Encoder(Architecture("resdense", dimension=8, pooling=pooling), seed=seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        encoder.backbone = nn.Sequential(
            nn.Conv2d(1, 6, 5, stride=2, padding=2), nn.BatchNorm2d(6), nn.ReLU(),
            nn.Conv2d(6, 12, 3, stride=2, padding=1), nn.ReLU(),
        )  # fmt: skip
        encoder.projection = nn.Linear(12, 8, bias=False)
    return encoder.eval()


@pytest.fixture
def encoder():
    return make_encoder()


@pytest.fixture
def films():
    return torch.randn(3, 1, 24, 24, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def vectors():
    return torch.randn(3, 8, generator=torch.Generator().manual_seed(2))


def features_and_slopes(encoder, films, vectors, score):
    """Feature maps and the gradients of the scores by them, float64 arrays [B, C, h, w]."""
    features = encoder.backbone(films).detach().requires_grad_()
    raw = encoder.projection(encoder.pool(features))
    embeddings = raw / raw.norm(dim=1, keepdim=True) if score == "cosine" else raw
    (embeddings * vectors).sum().backward()
    return features.detach().double().numpy(), features.grad.double().numpy()


def by_plain_loop(family, features, slopes):
    """One film's map by the words of the papers, feature by feature; arrays [C, h, w]."""
    channels, height, width = features.shape
    found = np.zeros((height, width))
    for c in range(channels):
        f, g = features[c], slopes[c]
        if family == "gradcam":
            found += g.mean() * f
        elif family == "hirescam":
            found += g * f
        elif family == "layercam":
            found += np.maximum(g, 0) * f
        elif family == "gradcamelementwise":
            found += np.maximum(g * f, 0)
        elif family == "xgradcam":
            found += (g * f).sum() / f.sum() * f if f.sum() else 0
        elif family == "gradcam++":
            alpha = np.divide(g**2, 2 * g**2 + f.sum() * g**3, out=np.zeros_like(g), where=g > 0)
            found += (alpha * np.maximum(g, 0)).sum() * f
        elif family == "fem":
            found += (f > f.mean() + 2 * f.std()).mean() * f
    return found


@pytest.mark.parametrize("score", ["dot", "cosine"])
@pytest.mark.parametrize("pooling", ["mean", "gem"])
@pytest.mark.parametrize(
    "family", ["gradcam", "hirescam", "layercam", "gradcamelementwise", "xgradcam", "gradcam++", "fem"]
)
def test_raw_values_are_those_of_a_plain_loop(family, pooling, score, films, vectors):
    encoder = make_encoder(pooling)
    plain = [
        by_plain_loop(family, *pair) for pair in zip(*features_and_slopes(encoder, films, vectors, score), strict=True)
    ]
    found = GradientMethod(family, score)(encoder, films, vectors).numpy()
    assert found.dtype == np.float32 and np.abs(plain).max() > 1e-3
    np.testing.assert_allclose(found, plain, rtol=2e-4, atol=2e-5 * np.abs(plain).max())


@pytest.mark.parametrize("family", ["eigencam", "eigengradcam", "segeigencam"])
def test_eigen_maps_are_the_first_component_of_scikit_learn(family, encoder, films, vectors):
    from sklearn.decomposition import PCA

    found = GradientMethod(family)(encoder, films, vectors).numpy()
    for film, features, slopes in zip(found, *features_and_slopes(encoder, films, vectors, "dot"), strict=True):
        weights = {"eigencam": 1, "eigengradcam": slopes, "segeigencam": np.abs(slopes)}[family]
        rows = (weights * features).reshape(12, -1).T
        component = PCA(1).fit_transform(rows).reshape(6, 6)
        component *= np.sign((component * film).sum())
        np.testing.assert_allclose(film, component, rtol=1e-3, atol=1e-4 * np.abs(component).max())
        assert abs(film.sum()) < 1e-5 * np.abs(film).sum()


class Whole(nn.Module):
    """The encoder for the package's own call, with the score that is asked for."""

    def __init__(self, encoder, score):
        super().__init__()
        self.encoder, self.score = encoder, score

    def forward(self, films):
        pooled = self.encoder.pool(self.encoder.backbone(films))
        return self.encoder.project(pooled) if self.score == "cosine" else self.encoder.projection(pooled)


@pytest.mark.parametrize("score", ["dot", "cosine"])
@pytest.mark.parametrize("family", PACKAGE)
def test_clipped_rescaled_and_enlarged_they_are_the_maps_of_the_package(
    family, score, encoder, films, vectors, capfd, monkeypatch
):
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.image import scale_cam_image

    with torch.no_grad():
        vectors = vectors * (encoder(films) * vectors).sum(1, keepdim=True).sign()  # it divides by the score
    found = GradientMethod(family, score)(encoder, films, vectors).numpy()
    network = Whole(encoder, score)
    cam = getattr(pytorch_grad_cam, PACKAGE[family])(network, [encoder.backbone[-1]])
    targets = [lambda embedding, v=vector: (embedding * v).sum() for vector in vectors]
    theirs = cam(input_tensor=films, targets=targets)
    ours = scale_cam_image(np.maximum(found, 0), (24, 24))
    np.testing.assert_allclose(scale_cam_image(ours), theirs, atol=2e-3)


@pytest.mark.parametrize("family", SIGNED)
def test_on_the_dot_product_a_signed_map_is_the_exact_one_times_the_length(family, encoder, films, vectors):
    features = encoder.backbone(films).detach()
    exact = exact_maps(features, read_encoder(encoder), vectors[:, None]).maps[:, 0]
    length = encoder.projection(encoder.pool(features)).norm(dim=1)[:, None, None].detach()
    found = GradientMethod(family)(encoder, films, vectors)
    torch.testing.assert_close(found, exact * length, rtol=1e-4, atol=1e-6)
    score = (encoder.projection(encoder.pool(features)) * vectors).sum(1)
    torch.testing.assert_close(found.sum((1, 2)), score)


def test_under_a_generalised_mean_hirescam_is_still_the_exact_map(films, vectors):
    encoder = make_encoder("gem")
    features = encoder.backbone(films).detach()
    exact = exact_maps(features, read_encoder(encoder), vectors[:, None]).maps[:, 0]
    length = encoder.projection(encoder.pool(features)).norm(dim=1)[:, None, None].detach()
    torch.testing.assert_close(
        GradientMethod("hirescam")(encoder, films, vectors), exact * length, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("family", SIGNED)
def test_on_a_cosine_a_signed_map_sums_to_zero(family, encoder, films, vectors):
    found = GradientMethod(family, "cosine")(encoder, films, vectors)
    assert (found.sum((1, 2)).abs() <= 1e-5 * found.abs().sum((1, 2))).all()
    assert (found.abs().amax((1, 2)) > 1e-3).all()
    assert "sums to zero" in GradientMethod(family, "cosine").trap and GradientMethod(family).trap == ""


@pytest.mark.parametrize("family", [*SIGNED, "gradcam++", "layercam", "gradcamelementwise", "eigengradcam"])
def test_a_near_identical_pair_is_blank_on_a_cosine_and_not_on_the_dot_product(family, encoder, films, vectors):
    with torch.no_grad():
        near = encoder(films + 1e-4 * torch.randn(films.shape, generator=torch.Generator().manual_seed(5)))
    far = vectors / vectors.norm(dim=1, keepdim=True)
    blank, shown = (GradientMethod(family, "cosine")(encoder, films, each).abs().amax() for each in (near, far))
    assert blank < 1e-3 * shown
    assert (
        GradientMethod(family)(encoder, films, near).abs().amax()
        > 0.1 * GradientMethod(family)(encoder, films, far).abs().amax()
    )
    assert "nearly the reference" in GradientMethod(family, "cosine").trap


def test_the_package_makes_such_a_blank_map_visible(encoder, films):
    from pytorch_grad_cam.utils.image import scale_cam_image

    with torch.no_grad():
        near = encoder(films + 1e-4 * torch.randn(films.shape, generator=torch.Generator().manual_seed(5)))
    raw = GradientMethod("gradcam", "cosine")(encoder, films, near).numpy()
    assert raw.max() < 1e-6
    assert scale_cam_image(scale_cam_image(np.maximum(raw, 0))).max() > 0.99  # as the package does, by layer and in all


def test_the_map_of_a_margin_is_the_difference_of_two_maps(encoder, films, vectors):
    other = vectors.flip(0)
    for score in ("dot", "cosine"):
        method = GradientMethod("gradcam", score)
        margin = method(encoder, films, vectors - other)
        apart = method(encoder, films, vectors) - method(encoder, films, other)
        torch.testing.assert_close(margin, apart, rtol=1e-4, atol=1e-6)


def test_ablation_weighs_a_channel_by_the_plain_loss_of_score_whatever_its_sign(encoder, films, vectors):
    with torch.no_grad():
        vectors = -vectors * (encoder(films) * vectors).sum(1, keepdim=True).sign()  # every score negative
        features = encoder.backbone(films)
        weights = features.mean((2, 3)) * (vectors @ encoder.projection.weight)
        found = GradientMethod("ablationcam")(encoder, films, vectors)
    torch.testing.assert_close(found, (weights[..., None, None] * features).sum(1), rtol=1e-3, atol=1e-5)


def test_score_cam_hardly_looks_at_the_target_of_a_cosine(encoder, films, vectors):
    unit = vectors / vectors.norm(dim=1, keepdim=True)
    found, opposite = (GradientMethod("scorecam", "cosine")(encoder, films, v).flatten(1) for v in (unit, -unit))
    alike = torch.nn.functional.cosine_similarity(found - found.mean(1, True), opposite - opposite.mean(1, True))
    assert (alike > 0.5).all()
    assert "hardly looks" in GradientMethod("scorecam", "cosine").trap


@pytest.mark.parametrize("family", [name for name, known in FAMILIES.items() if not known.asks])
def test_what_does_not_look_at_the_target_says_so(family, encoder, films, vectors):
    method = GradientMethod(family)
    assert torch.equal(method(encoder, films, vectors), method(encoder, films, -vectors))
    assert "does not look at the target" in method.trap
    assert f"{family}-cosine" not in GRADIENT_METHODS


@pytest.mark.parametrize("name", GRADIENT_METHODS)
def test_the_network_is_left_as_it_was(name, encoder, films, vectors, capfd):
    encoder.train()
    encoder.backbone[1].eval()
    encoder.projection.weight.requires_grad_(False)
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    state = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = GRADIENT_METHODS[name](encoder, films, vectors)
    assert found.shape == (3, 6, 6) and found.dtype == torch.float32 and torch.isfinite(found).all()
    assert torch.equal(found, GRADIENT_METHODS[name](encoder, films, vectors)) and not found.requires_grad
    encoder.eval()
    assert torch.equal(found, GRADIENT_METHODS[name](encoder, films, vectors))
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items())
    assert all(p.grad is None for p in encoder.parameters()) and not encoder.projection.weight.requires_grad
    assert encoder.backbone[0].weight.requires_grad
    assert not any(m._forward_hooks or m._backward_hooks or m._forward_pre_hooks for m in encoder.modules())
    assert np.array_equal(state[0], np.random.get_state()[1]) and torch.equal(state[1], torch.get_rng_state())  # noqa: NPY002
    assert capfd.readouterr() == ("", "")


def test_evaluating_gives_every_layer_its_mode_back_even_after_an_error(encoder):
    encoder.train()
    encoder.backbone[1].eval()
    modes = [layer.training for layer in encoder.modules()]
    with pytest.raises(ZeroDivisionError), evaluating(encoder):
        assert not any(layer.training for layer in encoder.modules())
        raise ZeroDivisionError
    assert [layer.training for layer in encoder.modules()] == modes and True in modes and False in modes


@pytest.mark.parametrize("name", [name for name in GRADIENT_METHODS if not name.startswith("randomcam")])
def test_a_film_has_the_same_map_alone(name, encoder, films, vectors):
    method = GRADIENT_METHODS[name]
    together = method(encoder, films, vectors)
    torch.testing.assert_close(method(encoder, films[1:2], vectors[1:2])[0], together[1], rtol=1e-3, atol=1e-4)


def test_random_maps_differ_by_seed(encoder, films, vectors):
    found = [GradientMethod("randomcam", seed=seed)(encoder, films, vectors) for seed in (0, 1)]
    assert not torch.allclose(*found)


def test_shapley_cam_is_refused_for_being_grad_cam(encoder, films, vectors):
    from pytorch_grad_cam import ShapleyCAM

    for score, factor in (("dot", 1.0), ("cosine", 1.5)):
        scene = Scene(encoder, films, encoder.backbone(films).detach(), vectors, score, 0)
        features = scene.features.clone().requires_grad_()
        # A hair of curvature keeps the graph where the score is linear.
        total = scene.scores(features, vectors).sum() + 0 * features.pow(3).sum()
        slopes = torch.autograd.grad(total, features, create_graph=True)[0]
        layer = nn.PReLU()
        weights = ShapleyCAM(layer, [layer]).get_cam_weights(None, None, None, features, slopes)
        found = (torch.from_numpy(weights)[..., None, None] * scene.features).sum(1)
        torch.testing.assert_close(
            found, factor * GradientMethod("gradcam", score)(encoder, films, vectors), rtol=1e-3, atol=1e-5
        )
    assert "shapleycam" in REFUSED


def test_one_vector_a_film_is_wanted(encoder, films, vectors):
    for wrong in (vectors[:1], vectors[0]):
        with pytest.raises(ArgumentError, match=r"vectors: wanted \[3, D\]"):
            GradientMethod("gradcam")(encoder, films, wrong)
