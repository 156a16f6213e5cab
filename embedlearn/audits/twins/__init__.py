"""The same picture under several names: found, told and left out."""

from embedlearn.audits.twins.chapter import twins_chapter
from embedlearn.audits.twins.pictures import Pictures, deduplicated, find_pictures, with_pictures
from embedlearn.audits.twins.sheet import save_sheet

__all__ = ["Pictures", "deduplicated", "find_pictures", "save_sheet", "twins_chapter", "with_pictures"]
