"""Learn an embedding from radiographs of a common question, answer a rare one from a handful of examples.

The names below are loaded when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedlearn.embeddings import Embeddings, load_embeddings
    from embedlearn.encoders.checkpoints import load_encoder
    from embedlearn.encoders.encoder import Encoder
    from embedlearn.encoders.settings import Architecture, Augmentation, Objective, Sampling, Schedule
    from embedlearn.episodes.evaluate import evaluate_episodes
    from embedlearn.episodes.heads.knn import KNNClassifier
    from embedlearn.episodes.heads.logistic import LogisticClassifier
    from embedlearn.episodes.heads.prototype import PrototypeClassifier
    from embedlearn.episodes.sampling import EpisodeSampler
    from embedlearn.errors import EmbedlearnError
    from embedlearn.gallery.exact import ExactIndex
    from embedlearn.radiographs.layouts import read_data
    from embedlearn.radiographs.manifest import Manifest
    from embedlearn.radiographs.preprocessing import Preprocessing

_HOMES = {
    "Architecture": "encoders.settings",
    "Augmentation": "encoders.settings",
    "EmbedlearnError": "errors",
    "Embeddings": "embeddings",
    "Encoder": "encoders.encoder",
    "EpisodeSampler": "episodes.sampling",
    "ExactIndex": "gallery.exact",
    "KNNClassifier": "episodes.heads.knn",
    "LogisticClassifier": "episodes.heads.logistic",
    "Manifest": "radiographs.manifest",
    "Objective": "encoders.settings",
    "Preprocessing": "radiographs.preprocessing",
    "PrototypeClassifier": "episodes.heads.prototype",
    "Sampling": "encoders.settings",
    "Schedule": "encoders.settings",
    "evaluate_episodes": "episodes.evaluate",
    "load_embeddings": "embeddings",
    "load_encoder": "encoders.checkpoints",
    "read_data": "radiographs.layouts",
}

__all__ = [
    "Architecture",
    "Augmentation",
    "Embeddings",
    "EmbedlearnError",
    "Encoder",
    "EpisodeSampler",
    "ExactIndex",
    "KNNClassifier",
    "LogisticClassifier",
    "Manifest",
    "Objective",
    "Preprocessing",
    "PrototypeClassifier",
    "Sampling",
    "Schedule",
    "evaluate_episodes",
    "load_embeddings",
    "load_encoder",
    "read_data",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'embedlearn' has no attribute {name!r}")
    return getattr(import_module(f"embedlearn.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
