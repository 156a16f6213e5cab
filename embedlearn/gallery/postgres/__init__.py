"""A gallery in PostgreSQL with pgvector: many writers, filters in SQL, transactions instead of files."""

from embedlearn.gallery.postgres.store import PostgresGallery

__all__ = ["PostgresGallery"]
