"""The same picture under several names: found, told and left out."""

from embedlearn.audits.twins.chapter import twins_chapter
from embedlearn.audits.twins.keeping import deduplicated, first_of_each, with_pictures
from embedlearn.audits.twins.pictures import Pictures, find_pictures
from embedlearn.audits.twins.sheet import save_sheet

__all__ = ["Pictures", "deduplicated", "find_pictures", "first_of_each", "save_sheet", "twins_chapter", "with_pictures"]
