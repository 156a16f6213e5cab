"""Learn an embedding from radiographs of a common question, answer a rare one from a handful of examples.

The names below are loaded when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedlearn.embeddings import Embeddings, load_embeddings
    from embedlearn.encoders.checkpoints import SavedEncoder, load_encoder
    from embedlearn.encoders.encoder import Encoder
    from embedlearn.encoders.inputs import embed_films
    from embedlearn.encoders.runs import Run, open_run
    from embedlearn.encoders.settings import Architecture, Augmentation, Objective, Sampling, Schedule
    from embedlearn.episodes.calibration import fit_temperature, reliability, tempered
    from embedlearn.episodes.evaluate import evaluate_episodes
    from embedlearn.episodes.heads.bdcspn import BDCSPNClassifier
    from embedlearn.episodes.heads.cosine import CosineClassifier
    from embedlearn.episodes.heads.knn import KNNClassifier
    from embedlearn.episodes.heads.laplacian import LaplacianShotClassifier
    from embedlearn.episodes.heads.lda import LDAClassifier
    from embedlearn.episodes.heads.logistic import LogisticClassifier
    from embedlearn.episodes.heads.matching import MatchingClassifier
    from embedlearn.episodes.heads.prototype import PrototypeClassifier
    from embedlearn.episodes.heads.ptmap import PTMAPClassifier
    from embedlearn.episodes.heads.ridge import RidgeClassifier
    from embedlearn.episodes.heads.tim import TIMClassifier
    from embedlearn.episodes.heads.transductive import TransductiveFineTuning
    from embedlearn.episodes.sampling import EpisodeSampler
    from embedlearn.episodes.space import Space
    from embedlearn.episodes.transforms import Centering, PowerTransform, UnitLength
    from embedlearn.errors import EmbedlearnError
    from embedlearn.explanations.exact import exact_maps, explain_films
    from embedlearn.explanations.integrated import integrated_maps
    from embedlearn.explanations.pairs import pair_maps
    from embedlearn.explanations.readout import read_head
    from embedlearn.explanations.targets import margin_target, prototype_target
    from embedlearn.gallery.exact import ExactIndex
    from embedlearn.gallery.expansion import expand_queries
    from embedlearn.gallery.gallery import Gallery
    from embedlearn.gallery.postgres import PostgresGallery
    from embedlearn.gallery.quality import Labelled, retrieval_quality
    from embedlearn.gallery.reranking import rerank
    from embedlearn.gallery.similar import Wanted, similar
    from embedlearn.gallery.where import parse_condition
    from embedlearn.maps.gate import Gate
    from embedlearn.maps.latent import LatentMap, load_map
    from embedlearn.maps.projections import create_projection
    from embedlearn.maps.quality import map_quality
    from embedlearn.radiographs.layouts import read_data
    from embedlearn.radiographs.manifest import Manifest
    from embedlearn.radiographs.preprocessing import Preprocessing
    from embedlearn.sources import Collection, collect_films

_HOMES = {
    "Architecture": "encoders.settings",
    "Augmentation": "encoders.settings",
    "BDCSPNClassifier": "episodes.heads.bdcspn",
    "Centering": "episodes.transforms",
    "Collection": "sources",
    "CosineClassifier": "episodes.heads.cosine",
    "Embeddings": "embeddings",
    "EmbedlearnError": "errors",
    "Encoder": "encoders.encoder",
    "EpisodeSampler": "episodes.sampling",
    "ExactIndex": "gallery.exact",
    "Gallery": "gallery.gallery",
    "Gate": "maps.gate",
    "KNNClassifier": "episodes.heads.knn",
    "LDAClassifier": "episodes.heads.lda",
    "Labelled": "gallery.quality",
    "LaplacianShotClassifier": "episodes.heads.laplacian",
    "LatentMap": "maps.latent",
    "LogisticClassifier": "episodes.heads.logistic",
    "Manifest": "radiographs.manifest",
    "MatchingClassifier": "episodes.heads.matching",
    "Objective": "encoders.settings",
    "PTMAPClassifier": "episodes.heads.ptmap",
    "PostgresGallery": "gallery.postgres",
    "PowerTransform": "episodes.transforms",
    "Preprocessing": "radiographs.preprocessing",
    "PrototypeClassifier": "episodes.heads.prototype",
    "RidgeClassifier": "episodes.heads.ridge",
    "Run": "encoders.runs",
    "Sampling": "encoders.settings",
    "SavedEncoder": "encoders.checkpoints",
    "Schedule": "encoders.settings",
    "Space": "episodes.space",
    "TIMClassifier": "episodes.heads.tim",
    "TransductiveFineTuning": "episodes.heads.transductive",
    "UnitLength": "episodes.transforms",
    "Wanted": "gallery.similar",
    "collect_films": "sources",
    "create_projection": "maps.projections",
    "embed_films": "encoders.inputs",
    "evaluate_episodes": "episodes.evaluate",
    "exact_maps": "explanations.exact",
    "expand_queries": "gallery.expansion",
    "explain_films": "explanations.exact",
    "fit_temperature": "episodes.calibration",
    "integrated_maps": "explanations.integrated",
    "load_embeddings": "embeddings",
    "load_encoder": "encoders.checkpoints",
    "load_map": "maps.latent",
    "map_quality": "maps.quality",
    "margin_target": "explanations.targets",
    "open_run": "encoders.runs",
    "pair_maps": "explanations.pairs",
    "parse_condition": "gallery.where",
    "prototype_target": "explanations.targets",
    "read_data": "radiographs.layouts",
    "read_head": "explanations.readout",
    "reliability": "episodes.calibration",
    "rerank": "gallery.reranking",
    "retrieval_quality": "gallery.quality",
    "similar": "gallery.similar",
    "tempered": "episodes.calibration",
}

__all__ = [
    "Architecture",
    "Augmentation",
    "BDCSPNClassifier",
    "Centering",
    "Collection",
    "CosineClassifier",
    "Embeddings",
    "EmbedlearnError",
    "Encoder",
    "EpisodeSampler",
    "ExactIndex",
    "Gallery",
    "Gate",
    "KNNClassifier",
    "LDAClassifier",
    "Labelled",
    "LaplacianShotClassifier",
    "LatentMap",
    "LogisticClassifier",
    "Manifest",
    "MatchingClassifier",
    "Objective",
    "PTMAPClassifier",
    "PostgresGallery",
    "PowerTransform",
    "Preprocessing",
    "PrototypeClassifier",
    "RidgeClassifier",
    "Run",
    "Sampling",
    "SavedEncoder",
    "Schedule",
    "Space",
    "TIMClassifier",
    "TransductiveFineTuning",
    "UnitLength",
    "Wanted",
    "collect_films",
    "create_projection",
    "embed_films",
    "evaluate_episodes",
    "exact_maps",
    "expand_queries",
    "explain_films",
    "fit_temperature",
    "integrated_maps",
    "load_embeddings",
    "load_encoder",
    "load_map",
    "map_quality",
    "margin_target",
    "open_run",
    "pair_maps",
    "parse_condition",
    "prototype_target",
    "read_data",
    "read_head",
    "reliability",
    "rerank",
    "retrieval_quality",
    "similar",
    "tempered",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'embedlearn' has no attribute {name!r}")
    return getattr(import_module(f"embedlearn.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
