"""What an embedding knows of where a film comes from, and what that costs elsewhere."""

from embedlearn.audits.origins.chapter import origins_chapter

__all__ = ["origins_chapter"]
