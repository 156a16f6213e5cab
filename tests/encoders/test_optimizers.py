"""Each optimiser moves weights by its paper's rule, is resumed to the bit, and the default is what it was."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from toys import make_toy

from embedlearn.encoders import training
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.optimizers import MOMENTUM, SQUARES, create_optimizer
from embedlearn.encoders.resume import restore_training, save_training
from embedlearn.encoders.settings import Architecture, Augmentation, Objective, Sampling, Schedule
from embedlearn.encoders.training import Plan, Trainer
from embedlearn.errors import ArgumentError
from embedlearn.flags import as_plain
from embedlearn.pretrain import Pretrain, settings_from
from embedlearn.radiographs.preprocessing import Preprocessing

RATE = 0.03


def moved(name, decay, steps=4):
    """Where a kernel [2, 3] and a bias [3] come to rest on the bowl |w - 1|^2 / 2, float64 each."""
    values = (
        torch.linspace(-1, 2, 6, dtype=torch.float64).reshape(2, 3),
        torch.tensor([0.5, -2, 3], dtype=torch.float64),
    )
    weights = [nn.Parameter(value.clone()) for value in values]
    optimizer = create_optimizer(Schedule(optimizer=name, weight_decay=decay), weights)
    assert all(group["lr"] == 0 for group in optimizer.param_groups)
    for _ in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE
        optimizer.zero_grad()
        sum(((weight - 1) ** 2).sum() / 2 for weight in weights).backward()
        optimizer.step()
    return [weight.detach().numpy() for weight in weights], [value.numpy() for value in values]


def adagrad(weight, decay, steps=4):
    """Duchi (2011), its squares beginning at `SQUARES`, written plainly."""
    weight, squares = weight.copy(), np.full_like(weight, SQUARES)
    for _ in range(steps):
        slope = weight - 1 + decay * weight
        squares += slope**2
        weight -= RATE * slope / np.sqrt(squares)
    return weight


def nesterov(weight, decay, steps=4):
    """Momentum that looks ahead (Sutskever 2013), written plainly."""
    weight, speed = weight.copy(), None
    for _ in range(steps):
        slope = weight - 1 + decay * weight
        speed = slope if speed is None else MOMENTUM * speed + slope
        weight -= RATE * (slope + MOMENTUM * speed)
    return weight


@pytest.mark.parametrize("decay", [0.0, 0.2])
@pytest.mark.parametrize(("name", "rule"), [("adagrad", adagrad), ("sgd", nesterov)])
def test_weights_move_as_the_rule_says_and_biases_do_not_decay(name, rule, decay):
    (kernel, bias), (first_kernel, first_bias) = moved(name, decay)
    np.testing.assert_allclose(kernel, rule(first_kernel, decay), rtol=1e-6)
    np.testing.assert_allclose(bias, rule(first_bias, 0.0), rtol=1e-6)


def test_the_first_step_of_adagrad_follows_the_slope_and_not_its_sign_alone():
    (kernel, _), (first, _) = moved("adagrad", 0.0, steps=1)
    steps = np.abs(kernel - first)
    slopes = np.abs(first - 1)
    assert (np.diff(steps.ravel()[np.argsort(slopes.ravel())]) >= -1e-12).all()
    assert steps.max() < RATE
    assert steps[slopes < 0.3].max() < 0.7 * RATE


def test_the_default_is_adamw_with_torchs_own_moments():
    weights = [nn.Parameter(torch.zeros(2, 2)), nn.Parameter(torch.zeros(2))]
    ours, theirs = create_optimizer(Schedule(), weights), torch.optim.AdamW(weights, lr=0.0)
    assert type(ours) is torch.optim.AdamW
    assert [group["weight_decay"] for group in ours.param_groups] == [0.01, 0.0]
    for name in ("betas", "eps", "amsgrad", "maximize"):
        assert {group[name] for group in ours.param_groups} == {theirs.defaults[name]}


@pytest.mark.parametrize("name", ["adagrad", "sgd"])
def test_a_resumed_training_keeps_the_state_of_its_optimiser(make_trainer, tmp_path, name):
    schedule = Schedule(epochs=2, precision="fp32", optimizer=name, learning_rate=0.01)
    whole, first, second = (make_trainer(schedule=schedule) for _ in range(3))
    first.run_epoch()
    save_training(tmp_path, first)
    assert restore_training(tmp_path, second) is None
    second.run_epoch()
    while not whole.finished:
        whole.run_epoch()
    ours, theirs = (each.network.state_dict() for each in (second, whole))
    assert all(torch.equal(value, theirs[key]) for key, value in ours.items())


def test_settings_stored_before_there_was_a_choice_are_read_as_the_default():
    plain = as_plain(Pretrain())
    del plain["schedule"]["optimizer"]
    assert settings_from(plain) == Pretrain()
    assert settings_from({"schedule": {"optimizer": "adagrad"}}).schedule.optimizer == "adagrad"


@pytest.mark.parametrize("name", ["adamw", "adagrad", "sgd"])
def test_the_optimiser_is_made_of_parameters_that_are_on_the_device(monkeypatch, name):
    """Adagrad makes its sums then; they have to lie beside the gradients, those of the loss's weights too."""

    class MadeError(Exception):
        pass

    def make(schedule, parameters):
        optimizer = create_optimizer(schedule, parameters)
        parts = [*parameters, *(value for state in optimizer.state.values() for value in state.values())]
        devices = {part.device.type for part in parts if part.ndim}  # counts of steps stay where they are
        raise MadeError(len(parameters), devices)

    fabric = SimpleNamespace(device=torch.device("meta"))
    films, sampling = make_toy([0] * 4 + [1] * 4, seed=1), Sampling(batch=8)
    plan = Plan(
        Preprocessing(size=32), Augmentation(), Objective("cross-entropy"), sampling, Schedule(optimizer=name), 0
    )
    monkeypatch.setattr(training, "create_optimizer", make)
    encoder = Encoder(Architecture(dimension=16))
    with pytest.raises(MadeError) as made:
        Trainer(encoder, films, films, plan, fabric)
    count, devices = made.value.args
    assert devices == {"meta"} and count > len(list(encoder.parameters())), "the loss has weights of its own"


def test_an_unknown_optimiser_is_refused():
    with pytest.raises(ArgumentError, match="--optimizer: wanted adamw, adagrad or sgd, got adam"):
        Schedule(optimizer="adam")
