"""The table of methods: exact first, every name works or is refused with its reason, and traps are told."""

import pytest
import torch

from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.settings import Architecture
from embedlearn.errors import ArgumentError
from embedlearn.explanations.exact import explain_films
from embedlearn.explanations.gradient import REFUSED
from embedlearn.explanations.methods import METHODS, named_method, trap
from embedlearn.explanations.targets import Target, margin_target


@pytest.fixture(scope="module")
def encoder():
    return Encoder(Architecture("resdense", dimension=16), seed=0).eval()


@pytest.fixture(scope="module")
def films():
    return torch.randn(2, 1, 48, 48, generator=torch.Generator().manual_seed(0))


def test_exact_comes_first_and_is_what_explaining_films_gives(encoder, films):
    assert next(iter(METHODS)) == "exact"
    vectors = torch.randn(2, 16, generator=torch.Generator().manual_seed(1))
    found = METHODS["exact"](encoder, films, vectors)
    assert found.shape == (2, 3, 3) and found.dtype == torch.float32
    for row, vector in enumerate(vectors):
        whole = explain_films(encoder, films, [Target("any", vector)])
        torch.testing.assert_close(found[row], whole.maps[row, 0])
    with torch.no_grad():
        torch.testing.assert_close(found.sum((1, 2)), (encoder(films) * vectors).sum(1))


def test_exact_reads_a_training_network_in_evaluation_mode_and_leaves_it_so(films):
    encoder = Encoder(Architecture("resdense", dimension=16), seed=0)
    vectors = torch.ones(2, 16)
    found = METHODS["exact"](encoder.train(), films, vectors)
    assert encoder.training and encoder.backbone[0].training
    assert torch.equal(found, METHODS["exact"](encoder.eval(), films, vectors))


def test_every_method_answers_to_the_margin_between_two_classes(encoder, films):
    with torch.no_grad():
        examples = encoder(torch.randn(8, 1, 48, 48, generator=torch.Generator().manual_seed(2)))
    vectors = margin_target("a", "b", examples[:4], examples[4:]).vector.expand(2, -1)
    for name in ("exact", "gradcam", "gradcam++", "eigencam", "hirescam-cosine", "ablationcam"):
        found = named_method(name)(encoder, films, vectors)
        assert found.shape == (2, 3, 3) and torch.isfinite(found).all()


def test_an_unknown_name_is_told_what_there_is():
    with pytest.raises(ArgumentError) as told:
        named_method("gradcamm")
    assert all(name in str(told.value) for name in METHODS) and "no such method" in str(told.value)


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_with_its_reason_and_a_way_on(name):
    for asked in (name, f"{name}-cosine", name.upper()):
        with pytest.raises(ArgumentError) as told:
            named_method(asked)
        assert REFUSED[name] in str(told.value)
    assert REFUSED[name].split("; use ")[1].split()[0] in METHODS


def test_traps_are_one_plain_line_and_exact_has_none():
    assert trap("exact") == trap("gradcam") == ""
    assert "sums to zero" in trap("gradcam-cosine") and "nearly the reference" in trap("gradcam-cosine")
    for name in METHODS:
        assert "\n" not in trap(name) and not trap(name).endswith(".")
        if name.endswith("-cosine") and name != "ablationcam-cosine":
            assert "on a cosine" in trap(name)
    with pytest.raises(ArgumentError, match="--method sobel"):
        trap("sobel")


def test_every_map_of_the_package_is_offered_or_refused():
    import pytorch_grad_cam

    offered = {name.replace("gradcam++", "gradcamplusplus") for name in (*METHODS, *REFUSED)}
    maps = {name for name in dir(pytorch_grad_cam) if isinstance(getattr(pytorch_grad_cam, name), type)}
    helpers = {name for name in maps if name.startswith("Ablation") and name != "AblationCAM"}
    others = {"ActivationsAndGradients", "DeepFeatureFactorization"}  # no map of a film for a target
    asked = {name.lower().replace("_", "").removesuffix("relumodel") for name in maps - helpers - others}
    assert asked - offered == set()
    assert len(asked) > 15
