"""The benchmark of explanations gives both sides the same films, network and references, and each its turn."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from embedlearn.explanations.gradient import GradientMethod
from experiments.benchmarks import explanations as benchmark


@pytest.fixture(scope="module")
def scene():
    return benchmark.make_scene(3, 64)


@pytest.mark.parametrize("layout", benchmark.LAYOUTS.values())
def test_the_peer_draws_the_map_of_our_grad_cam_clipped_rescaled_and_enlarged(scene, layout):
    from pytorch_grad_cam.utils.image import scale_cam_image

    theirs = benchmark.prepare_peer(scene, layout)()
    raw = GradientMethod("gradcam", "cosine")(scene.encoder, scene.inputs, scene.vectors).numpy()
    assert theirs.shape == (3, 64, 64)
    np.testing.assert_allclose(theirs, scale_cam_image(scale_cam_image(np.maximum(raw, 0), (64, 64))), atol=5e-3)


def test_our_maps_add_up_to_the_score_and_enlarged_cover_the_film(scene):
    maps = benchmark.exact_maps(scene)
    with torch.no_grad():
        scores = (scene.encoder(scene.inputs) * scene.vectors).sum(1)
    torch.testing.assert_close(maps.sum((1, 2)), scores, rtol=1e-4, atol=1e-5)
    enlarged = benchmark.enlarged_maps(scene)
    assert enlarged.shape == (3, 64, 64)
    torch.testing.assert_close(enlarged.mean((1, 2)), maps.mean((1, 2)), rtol=0.2, atol=0.01)


def test_a_hundred_references_hold_the_one(scene):
    many, one = (benchmark.reference_maps(scene, count) for count in (100, 1))
    assert many.maps.shape == (3, 100, 2, 2) and one.maps.shape == (3, 1, 2, 2)
    assert many.residual.max() < 1e-5 and one.residual.max() < 1e-5


def test_the_peers_hooks_are_not_on_our_network(scene):
    benchmark.prepare_peer(scene, torch.channels_last)
    assert not any(layer._forward_hooks for layer in scene.encoder.modules())
    assert all(weight.grad is None for weight in scene.encoder.parameters())


def test_calls_take_turns_and_the_first_round_is_not_counted():
    said, ticks = [], iter(range(100))
    found = benchmark.seconds([lambda: said.append("a"), lambda: said.append("b")], 3, lambda: next(ticks))
    assert said == ["a", "b"] * 4
    assert found == [[1, 1, 1], [1, 1, 1]]


@pytest.mark.slow
def test_the_benchmark_of_explanations_writes_its_ratios(tmp_path):
    path = tmp_path / "found.json"
    command = [sys.executable, "-m", "experiments.benchmarks.explanations", "--quick", "--json", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    found = json.loads(path.read_text(encoding="utf-8"))
    assert len(found) == 10
    for each in found:
        assert list(each) == ["metric", "ours", "peer", "peer_name", "ratio", "n"]
        assert each["metric"] and each["peer_name"] and each["n"] >= 1
        assert all(each[side] > 0 and math.isfinite(each[side]) for side in ("ours", "peer", "ratio"))
