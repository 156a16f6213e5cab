"""Whether maps can be believed: each check asks one thing of a method, and a method can fail it."""

from embedlearn.explanations.checks.lungs import LungFilms, read_lung_boxes, read_lung_masks
from embedlearn.explanations.checks.question import CheckedFilms, CheckedNetwork
from embedlearn.explanations.checks.report import draw_checks, load_verdicts, one_line, save_verdicts, table
from embedlearn.explanations.checks.run import run_checks
from embedlearn.explanations.checks.verdict import Verdict

__all__ = [
    "CheckedFilms",
    "CheckedNetwork",
    "LungFilms",
    "Verdict",
    "draw_checks",
    "load_verdicts",
    "one_line",
    "read_lung_boxes",
    "read_lung_masks",
    "run_checks",
    "save_verdicts",
    "table",
]
