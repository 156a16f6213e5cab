"""How well a gallery answers, and whether its neighbours share the disease or the hospital."""

from embedlearn.gallery.quality.answers import Measures, lead
from embedlearn.gallery.quality.estimates import Estimate
from embedlearn.gallery.quality.headline import headline, quality_of_rows
from embedlearn.gallery.quality.labelled import Labelled, joined_groups
from embedlearn.gallery.quality.measuring import retrieval_quality
from embedlearn.gallery.quality.results import Purity, Quality, QueryScores, Scores

__all__ = [
    "Estimate", "Labelled", "Measures", "Purity", "Quality", "QueryScores", "Scores", "headline", "joined_groups",
    "lead", "quality_of_rows", "retrieval_quality",
]  # fmt: skip
