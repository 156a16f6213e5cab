"""Episodes of a rare class, and the classification of a user's own films."""
