"""Synthetic chest films: drawings of lungs, ribs, heart and three diseases, for when no data is at hand."""

from embedlearn.radiographs.phantom.film import LABELS, VERSION, draw_film, draw_with_mask
from embedlearn.radiographs.phantom.folder import phantom_manifest, recognises, write_phantoms
from embedlearn.radiographs.phantom.scanner import SOURCES

__all__ = [
    "LABELS",
    "SOURCES",
    "VERSION",
    "draw_film",
    "draw_with_mask",
    "phantom_manifest",
    "recognises",
    "write_phantoms",
]
