"""What moves the weights along their gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import nn, optim

from embedlearn.encoders.network import decay_groups
from embedlearn.encoders.settings import OptimizerName, Schedule

MOMENTUM = 0.9
SQUARES = 0.1  # that Adagrad begins with, as Keras has it: else the first step moves every weight by the whole rate


def create_optimizer(schedule: Schedule, parameters: Sequence[nn.Parameter]) -> optim.Optimizer:
    """The schedule's optimiser of these parameters, at rate 0 until the training sets one."""
    groups = decay_groups(parameters, schedule.weight_decay)
    made: dict[OptimizerName, Callable[[], optim.Optimizer]] = {
        "adamw": lambda: optim.AdamW(groups, lr=0.0),
        "adagrad": lambda: optim.Adagrad(groups, lr=0.0, initial_accumulator_value=SQUARES),
        "sgd": lambda: optim.SGD(groups, lr=0.0, momentum=MOMENTUM, nesterov=True),
    }
    return made[schedule.optimizer]()
