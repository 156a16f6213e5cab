"""Losses over a batch of embeddings: ours, and every one of pytorch-metric-learning's by name."""

from embedlearn.encoders.losses.base import BatchLoss, Comparison, Term, jaccard, mean_of
from embedlearn.encoders.losses.binary import BinaryLoss
from embedlearn.encoders.losses.contrastive import ContrastiveLoss
from embedlearn.encoders.losses.cross_entropy import CrossEntropyLoss
from embedlearn.encoders.losses.instance import InstanceLoss
from embedlearn.encoders.losses.named import create_finding_loss, create_loss, create_miner
from embedlearn.encoders.losses.supcon import SupConLoss
from embedlearn.encoders.losses.triplet import TripletLoss

__all__ = [
    "BatchLoss",
    "BinaryLoss",
    "Comparison",
    "ContrastiveLoss",
    "CrossEntropyLoss",
    "InstanceLoss",
    "SupConLoss",
    "Term",
    "TripletLoss",
    "create_finding_loss",
    "create_loss",
    "create_miner",
    "jaccard",
    "mean_of",
]
