"""Networks that turn films into embeddings, and how they are trained."""
