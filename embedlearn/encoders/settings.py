"""What an encoder is, and how it is trained, as plain values: read by the commands, kept in `config.json`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from embedlearn.errors import ArgumentError
from embedlearn.flags import require_choice, require_number

OptimizerName = Literal["adamw", "adagrad", "sgd"]


@dataclass(frozen=True)
class Architecture:
    """What an encoder is made of; with its weights, all that is needed to rebuild it."""

    backbone: str = "resdense"
    """resdense, our small one; deepcovid19, four wide convolutions; a torchvision classifier (resnet18); timm:NAME."""
    pooling: Literal["mean", "gem"] = "mean"
    """How a feature map becomes a vector: its mean, or the generalised mean of power 3 (Radenovic 2018)."""
    dimension: int = 128
    """Length of an embedding."""

    def __post_init__(self) -> None:
        require_number("--dimension", self.dimension, 2, 8192)
        require_choice("--pooling", self.pooling, ("mean", "gem"))


@dataclass(frozen=True)
class Augmentation:
    """How far a random view may stray from its film. There are no flips: a chest has a left side."""

    crop: float = 0.4
    """Smallest share of the film's area in a view; 1 keeps the whole film."""
    rotate: float = 15.0
    """Largest rotation to either side, in degrees."""
    contrast: float = 0.4
    """Largest relative change of contrast, and of brightness in quarters of the grey range."""
    gamma: float = 0.4
    """Largest change of the logarithm of gamma."""
    blur: float = 1.5
    """Largest standard deviation of a Gaussian blur, in pixels; half of the views stay sharp."""
    noise: float = 0.05
    """Largest standard deviation of added grain, as a share of the grey range."""
    spectrum: float = 0.5
    """Share of the views whose amplitude spectrum is moved towards another film's, so that its source shows less."""

    def __post_init__(self) -> None:
        require_number("--crop", self.crop, 0.01, 1)
        require_number("--rotate", self.rotate, 0, 180)
        require_number("--contrast", self.contrast, 0, 1)
        require_number("--gamma", self.gamma, 0, 3)
        require_number("--blur", self.blur, 0, 8)
        require_number("--noise", self.noise, 0, 1)
        require_number("--spectrum", self.spectrum, 0, 1)


@dataclass(frozen=True)
class Objective:
    """What training asks of the embedding: a label term, and telling every film from every other."""

    loss: str = "supcon"
    """Label term: supcon, cross-entropy, contrastive, triplet, none, or a loss of pytorch-metric-learning by name.

    With --multi-label: supcon (weighted by the overlap of label sets), bce or none."""
    loss_args: tuple[str, ...] = ()
    """Arguments of the loss, as NAME=VALUE: margin=0.2."""
    miner: str = "none"
    """A miner of pytorch-metric-learning by name, such as MultiSimilarityMiner; none uses every pair or triplet."""
    miner_args: tuple[str, ...] = ()
    """Arguments of the miner, as NAME=VALUE: type_of_triplets=semihard."""
    distance: str = "none"
    """A distance of pytorch-metric-learning by name, for its losses and miners; none leaves each its own."""
    distance_args: tuple[str, ...] = ()
    """Arguments of the distance, as NAME=VALUE: power=2."""
    reducer: str = "none"
    """A reducer of pytorch-metric-learning by name, for its losses; none leaves each its own."""
    reducer_args: tuple[str, ...] = ()
    """Arguments of the reducer, as NAME=VALUE."""
    memory: int = 0
    """Embeddings of past batches kept to compare with in the label term (cross-batch memory, Wang 2020)."""
    instance: float = 1.0
    """Weight of instance discrimination (NT-Xent over two views of each film, Chen 2020); 0 leaves it out."""
    instance_width: int = 0
    """Hidden units between the features and instance discrimination; 0 puts it on the embedding itself."""
    temperature: float = 0.2
    """Temperature of instance discrimination."""

    def __post_init__(self) -> None:
        require_number("--memory", self.memory, 0, 10_000_000)
        require_number("--instance", self.instance, 0, 1000)
        require_number("--instance-width", self.instance_width, 0, 65536)
        require_number("--temperature", self.temperature, 0.001, 100)
        if self.loss == "none" and not self.instance:
            raise ArgumentError("--loss none with --instance 0 leaves nothing to learn; set one")
        if self.loss == "none" and self.instance_width:
            raise ArgumentError("--loss none with --instance-width: nothing would train the embedding; use width 0")
        if not self.instance and self.instance_width:
            raise ArgumentError("--instance 0 leaves --instance-width nothing to do; leave it out")


@dataclass(frozen=True)
class Sampling:
    """How films are put together in a batch. Classes stand in equal parts, and an epoch sees every film."""

    sampler: Literal["classes", "pairs", "siamese", "triplets"] = "classes"
    """P classes x K films; positive and negative pairs; pairs as in the Siamese DeepCovid19; triplets.

    With --multi-label classes stands for pairs of films that share a finding, findings in equal parts."""
    batch: int = 64
    """Films in a batch, of all processes together."""
    balance: Literal["classes", "sources"] = "classes"
    """What stands in equal parts: the classes, or the classes of every source."""
    patients: Literal["any", "different", "same"] = "any"
    """Whether a positive pair may, may not, or has to come from one patient (same: pairs and triplets only)."""

    def __post_init__(self) -> None:
        require_choice("--sampler", self.sampler, ("classes", "pairs", "siamese", "triplets"))
        require_choice("--balance", self.balance, ("classes", "sources"))
        require_choice("--patients", self.patients, ("any", "different", "same"))
        require_number("--batch", self.batch, 4, 65536)


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train."""

    epochs: int = 40
    """Passes over the training films."""
    optimizer: OptimizerName = "adamw"
    """AdamW (Loshchilov 2019), Adagrad (Duchi 2011), or stochastic gradient descent with Nesterov's momentum 0.9."""
    learning_rate: float = 2e-3
    """Peak rate, reached after the warm-up and brought down along a cosine."""
    weight_decay: float = 1e-2
    """Decay of weight matrices and kernels; added to the gradient with adagrad and sgd, apart with adamw."""
    warmup: float = 0.1
    """Share of the steps in which the rate rises."""
    patience: int = 15
    """Stop when validation k-NN has been a standard error below its best for so many epochs; 0 never stops early.

    With --multi-label it is the mean AUC of the findings."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Of the network's arithmetic; auto takes bf16 where the machine computes in it. Losses are always fp32."""

    def __post_init__(self) -> None:
        require_choice("--optimizer", self.optimizer, get_args(OptimizerName))
        require_choice("--precision", self.precision, ("auto", "bf16", "fp32"))
        require_number("--epochs", self.epochs, 1, 100_000)
        require_number("--learning-rate", self.learning_rate, 0, 10)
        require_number("--weight-decay", self.weight_decay, 0, 10)
        require_number("--warmup", self.warmup, 0, 0.9)
        require_number("--patience", self.patience, 0, 100_000)
