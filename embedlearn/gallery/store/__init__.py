"""Named files and appended changes, safe on disk: knows nothing of vectors, tables or FAISS."""
