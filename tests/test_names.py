"""The public face: these names, no more and no fewer."""

import ast
from pathlib import Path

import embedlearn

PUBLIC = {
    "Architecture", "Augmentation", "BDCSPNClassifier", "Centering", "Collection", "CosineClassifier", "Embeddings",
    "EmbedlearnError", "Encoder", "EpisodeSampler", "ExactIndex", "Gallery", "Gate", "KNNClassifier",
    "LDAClassifier", "Labelled", "LaplacianShotClassifier", "LatentMap", "LogisticClassifier", "Manifest",
    "MatchingClassifier", "Objective", "PTMAPClassifier", "PostgresGallery", "PowerTransform", "Preprocessing",
    "PrototypeClassifier", "RidgeClassifier", "Run", "Sampling", "SavedEncoder", "Schedule", "Space",
    "TIMClassifier", "TransductiveFineTuning", "UnitLength", "Wanted", "collect_films", "create_projection",
    "embed_films", "evaluate_episodes", "exact_maps", "expand_queries", "explain_films", "fit_temperature",
    "integrated_maps", "load_embeddings", "load_encoder", "load_map", "map_quality", "margin_target", "open_run",
    "pair_maps", "parse_condition", "prototype_target", "read_data", "read_head", "reliability", "rerank",
    "retrieval_quality", "similar", "tempered",
}  # fmt: skip


def test_the_public_names_are_these():
    assert set(embedlearn.__all__) == PUBLIC == set(embedlearn._HOMES)


def test_every_public_name_is_there_and_documented():
    for name in PUBLIC:
        assert getattr(embedlearn, name).__doc__, name


def test_the_type_checker_is_told_of_every_name():
    tree = ast.parse(Path(embedlearn.__file__).read_text(encoding="utf-8"))
    told = {name.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for name in node.names}
    assert told >= PUBLIC


def test_no_public_name_is_a_command_that_importing_it_would_overwrite():
    from embedlearn.__main__ import COMMANDS

    assert not PUBLIC & set(COMMANDS)
