"""The checks of faithfulness pass a map that is right by construction, and fail maps that are wrong."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_squares import (
    asked_of_squares,
    brightness,
    constant,
    negated,
    noise,
    random_maps,
    randomly_signed,
    seeing_grain,
    seeing_squares,
    turned,
)

from embedlearn.encoders.encoder import Encoder
from embedlearn.explanations.checks.completeness import check_completeness, residuals
from embedlearn.explanations.checks.deletion import check_deletion, curve_gaps
from embedlearn.explanations.checks.places import centre_maps, rank_correlations
from embedlearn.explanations.checks.question import Asked
from embedlearn.explanations.checks.randomisation import SEEDS, chance_of, check_randomisation, randomised
from embedlearn.explanations.checks.road import check_road
from embedlearn.explanations.checks.verdict import BEYOND, Verdict, mean_interval
from embedlearn.explanations.methods import METHODS, Method
from embedlearn.explanations.readout import Readout, read_encoder

EXACT = METHODS["exact"]
QUESTION, ASKED, WHERE = asked_of_squares()
WRONG = {"constant": constant, "random": noise, "swapped axes": turned(EXACT), "negated": negated(EXACT)}


def test_the_exact_map_of_the_toy_lies_on_the_square() -> None:
    maps = ASKED.maps(EXACT)
    assert np.array_equal(maps.reshape(len(maps), -1).argmax(1), WHERE.reshape(len(WHERE), -1).argmax(1))


def test_exact_maps_add_up_in_both_precisions() -> None:
    single, double = check_completeness(ASKED, ["exact"])
    assert single.passed and double.passed and single.n == len(ASKED)
    assert double.value < 1e-14 < single.value < 1e-6


def test_completeness_fails_maps_read_off_in_another_way_than_the_network_pools() -> None:
    def wrong(encoder: torch.nn.Module) -> Readout:
        right = read_encoder(encoder)  # type: ignore[arg-type]
        return Readout("max", right.weight)

    assert [verdict.passed for verdict in check_completeness(ASKED, ["exact"], read=wrong)] == [False, False]


def test_completeness_is_not_asked_of_maps_that_claim_none() -> None:
    (verdict,) = check_completeness(ASKED, ["gradcam"])
    assert verdict.passed is None and np.isnan(verdict.value) and "do not claim" in verdict.sentence


def test_residuals_are_those_of_a_plain_sum() -> None:
    found = residuals(ASKED, torch.float64)
    encoder = seeing_squares().double().requires_grad_(False)
    for row in (0, 7):
        features = encoder.backbone(ASKED.inputs[row : row + 1].double())[0]
        raw = features.mean((-2, -1))
        terms = [float(features[:, i, j] @ ASKED.vectors[row].double()) for i in range(6) for j in range(6)]
        score = float(raw @ ASKED.vectors[row].double() / raw.norm())
        assert abs(sum(terms) / 36 / float(raw.norm()) - score) < 1e-14
        assert found[row] < 1e-14


def check_one(method: Method) -> Verdict:
    methods = {"map": method}
    (verdict,) = check_randomisation(ASKED, ASKED.maps_by(methods), methods, QUESTION)
    return verdict


def test_randomisation_passes_a_map_that_the_network_makes() -> None:
    verdict = check_one(EXACT)
    assert verdict.passed and abs(verdict.value) < 0.1
    assert verdict.sentence.endswith(f"100%: {verdict.value:.2f}")


@pytest.mark.parametrize(
    "method", [brightness, constant, randomly_signed], ids=["of the film alone", "blank", "of the film but for a sign"]
)
def test_randomisation_fails_a_map_that_never_looks_at_the_network(method: Method) -> None:
    verdict = check_one(method)
    assert verdict.passed is False and verdict.value == pytest.approx(1 - chance_of(WHERE), abs=1e-5)


def test_chance_is_that_of_maps_in_random_order() -> None:
    maps = random_maps((4000, 6, 6), 1), random_maps((4000, 6, 6), 2)
    assert np.abs(rank_correlations(*maps)).mean() == pytest.approx(chance_of(maps[0]), rel=0.03)


def test_random_networks_never_begin_where_a_run_may_have_begun() -> None:
    seeds: list[int] = []

    def fresh(seed: int) -> Encoder:
        seeds.append(seed)
        return seeing_grain(seed)

    network = replace(ASKED.network, fresh=fresh)
    asked = replace(ASKED, network=network)
    check_randomisation(asked, asked.maps_by({"map": EXACT}), {"map": EXACT}, QUESTION, seed=3)
    assert len(set(seeds)) == 8 and min(seeds) >= SEEDS > 2**31


def test_the_interval_counts_the_random_networks_too() -> None:
    values = np.array([[0.0] * 20, [0.4] * 20])
    assert mean_interval(values.mean(0), np.arange(20)) == pytest.approx((0.2, 0.2, 0.2))
    mean, low, high = mean_interval(values, np.arange(20))
    assert mean == pytest.approx(0.2) and low == pytest.approx(0) and high == pytest.approx(0.4)


def test_randomisation_leaves_the_network_and_the_global_generators_alone() -> None:
    weights = {name: value.clone() for name, value in ASKED.network.encoder.state_dict().items()}
    torch.manual_seed(3)
    before = torch.get_rng_state()
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    check_one(EXACT)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert all(value.equal(weights[name]) for name, value in ASKED.network.encoder.state_dict().items())
    assert check_one(EXACT) == check_one(EXACT)


def test_layers_are_replaced_from_the_top_down() -> None:
    from embedlearn.encoders.settings import Architecture

    architecture = Architecture(dimension=8)
    trained, fresh = Encoder(architecture, seed=1).eval(), Encoder(architecture, seed=2).eval()
    convolutions = [name for name, value in trained.state_dict().items() if value.ndim == 4]
    last = 0
    for share in (0.0, 0.25, 0.5, 1.0):
        mixed = randomised(trained, fresh, share).state_dict()
        old = [name for name in convolutions if mixed[name].equal(trained.state_dict()[name])]
        assert old == convolutions[: len(old)]
        assert all(mixed[name].equal(fresh.state_dict()[name]) for name in convolutions[len(old) :])
        assert mixed["projection.weight"].equal(fresh.state_dict()["projection.weight"])
        assert share == 0 or len(convolutions) - len(old) > last
        last = len(convolutions) - len(old)
    assert last == len(convolutions)


@pytest.mark.parametrize("check", [check_deletion, check_road], ids=["insertion-deletion", "ROAD"])
def test_removal_passes_the_right_map_and_fails_wrong_ones(check: Callable[..., list[Verdict]]) -> None:
    methods = {"exact": EXACT, **WRONG}
    verdicts = check(ASKED, ASKED.maps_by(methods))
    by_name = {name: [verdict for verdict in verdicts if verdict.method == name] for name in methods}
    assert all(verdict.passed and verdict.low is not None and verdict.low > 0 for verdict in by_name.pop("exact"))
    for name, wrong in by_name.items():
        assert wrong and all(verdict.passed is False for verdict in wrong), name


@pytest.mark.parametrize("check", [check_deletion, check_road], ids=["insertion-deletion", "ROAD"])
def test_a_map_of_the_middle_gains_nothing_beyond_itself(check: Callable[..., list[Verdict]]) -> None:
    """Of films whose squares lie in the middle it is faithful all the same, which is why the gain is judged."""
    inner = WHERE[:, 2:4, 2:4].any((1, 2))
    asked = replace(
        ASKED, inputs=ASKED.inputs[inner], vectors=ASKED.vectors[inner], offsets=ASKED.offsets[inner],
        cases=ASKED.cases[inner],
    )  # fmt: skip
    verdicts = check(asked, {"middle": centre_maps(WHERE[inner].shape)})
    assert all(one.passed is not one.check.endswith(BEYOND) for one in verdicts)
    alone, beyond = ([one.value for one in verdicts if one.check.endswith(BEYOND) is gain] for gain in (False, True))
    assert max(map(abs, beyond)) < 0.1 * min(alone)  # cells equally far from the middle stand in a random order


@pytest.mark.parametrize("check", [check_deletion, check_road], ids=["insertion-deletion", "ROAD"])
def test_an_order_and_its_reverse_have_opposite_gaps_so_that_random_maps_get_nothing(
    check: Callable[..., list[Verdict]],
) -> None:
    maps = random_maps(WHERE.shape, 4)
    there, back = (check(ASKED, {"map": each}) for each in (maps, -maps))
    for one, other in list(zip(there, back, strict=True))[::2]:  # the others are of the gain over the middle
        assert one.value == pytest.approx(-other.value, abs=1e-5)
        assert one.low is not None and other.high is not None and one.low == pytest.approx(-other.high, abs=0.1)


def test_curves_are_those_of_a_plain_loop() -> None:
    maps, grey = ASKED.maps(EXACT), torch.zeros_like(ASKED.inputs)
    found = curve_gaps(ASKED, maps, grey)
    for row in (0, 5):
        one = Asked(
            ASKED.network, ASKED.inputs[row][None], ASKED.vectors[row][None], ASKED.offsets[row][None], np.arange(1)
        )
        ranks = np.argsort(-maps[row].ravel())
        inserted, deleted = [], []
        for step in range(10):
            count = round(step / 9 * 36)
            with_, without = grey[row].clone(), ASKED.inputs[row].clone()
            for cell in ranks[:count]:
                place = (0, slice(8 * (cell // 6), 8 * (cell // 6) + 8), slice(8 * (cell % 6), 8 * (cell % 6) + 8))
                with_[place] = ASKED.inputs[row][place]
                without[place] = grey[row][place]
            inserted.append(float(one.scores(with_[None])[0]))
            deleted.append(float(one.scores(without[None])[0]))
        area = np.trapezoid(inserted, dx=1 / 9) - np.trapezoid(deleted, dx=1 / 9)
        assert found[row] == pytest.approx(area, abs=1e-4)
