"""Nearest neighbours: exact search, the FAISS gallery, its store on disk and the scale-out backend."""
