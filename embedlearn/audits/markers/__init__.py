"""What is burned into films: letters, lines of text and boxes, where they lie, and what they tell of the class."""

from embedlearn.audits.markers.chapter import markers_chapter
from embedlearn.audits.markers.detection import Marker, find_markers
from embedlearn.audits.markers.looked import MOST, coverage, find_all, sample_films

__all__ = ["MOST", "Marker", "coverage", "find_all", "find_markers", "markers_chapter", "sample_films"]
